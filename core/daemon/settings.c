/* settings: from files and --set to one table of Lua, in a state that can do nothing else. */
#include "daemon/settings.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings_values.h"

#define HEAP_MOST (64u * 1024 * 1024) /* bytes that a settings file may take while it is read */

/* The heap of a reading. A file that doubles a text for ever must not take the machine along. */
static void *
allocate(void *reading, void *at, size_t old_size, size_t size)
{
	struct reading *r = reading;
	void *moved;

	if (at == NULL)
		old_size = 0; /* Lua tells a kind there */
	if (size == 0) {
		free(at);
		r->heap -= old_size;
		return NULL;
	}
	if (size > old_size && size - old_size > HEAP_MOST - r->heap)
		return NULL;
	if ((moved = realloc(at, size)) != NULL)
		r->heap += size - old_size;
	return moved;
}

void
settings_free(struct settings *s)
{
	struct settings_memory *m, *next;

	if (s == NULL)
		return;
	for (m = s->memory; m != NULL; m = next) {
		next = m->next;
		free(m);
	}
	free(s);
}

/* Runs a chunk in an empty environment; leaves its value on the stack. */
static struct err *
run_data(lua_State *L, const char *text, size_t len, const char *name)
{
	struct err *e;

	if (luaL_loadbufferx(L, text, len, name, "t") != LUA_OK)
		goto fail;
	lua_newtable(L);          /* chunk env */
	lua_setupvalue(L, -2, 1); /* chunk */
	if (lua_pcall(L, 0, 1, 0) != LUA_OK)
		goto fail;
	return NULL;
fail:
	e = err_new("%s", luaL_tolstring(L, -1, NULL));
	lua_pop(L, 2);
	return e;
}

/* An endless loop in a file that should hold data. */
static void
out_of_steps(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	luaL_error(L, "settings are data; this runs for ever");
}

struct err *
settings_text(const char *file, struct buf *out)
{
	FILE *f = fopen(file, "r");
	char chunk[4096];
	struct err *e = NULL;
	size_t n;

	if (f == NULL)
		return err_sys("settings file %s", file);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && out->len < SETTINGS_FILE_MOST)
		buf_append(out, chunk, n);
	if (ferror(f))
		e = err_sys("settings file %s", file);
	fclose(f);
	if (e == NULL && (buf_failed(out) || out->len >= SETTINGS_FILE_MOST))
		e = err_new("settings file %s: too large", file);
	return e;
}

static struct err *
load_file(struct reading *r)
{
	char name[SETTINGS_PATH_SIZE];
	struct err *e = settings_text(r->file, &r->text);

	if (e != NULL)
		return e;
	snprintf(name, sizeof(name), "@%s", r->file);
	if ((e = run_data(r->L, r->text.len > 0 ? r->text.at : "", r->text.len, name)) != NULL)
		return strstr(err_text(e), r->file) != NULL
			   ? e
			   : err_wrap(e, "settings file %s", r->file);
	if (lua_type(r->L, -1) != LUA_TTABLE)
		return err_new(
		    "%s:1: the file does not return a table: begin it with \"return {\"", r->file);
	return NULL;
}

/*
 * "a.b.1.c=VALUE" into the table on top of the stack; blanks around key and value do not matter, as
 * in the file.
 */
static struct err *
assign(struct reading *r, const char *assignment)
{
	const char *equals = strchr(assignment, '='), *key = assignment + strspn(assignment, " ");
	size_t key_len = equals != NULL && equals > key ? (size_t)(equals - key) : 0;
	char path[SETTINGS_PATH_SIZE], chunk[4096], *part, *dot, *end;
	const char *value;
	struct err *e;
	int top = lua_gettop(r->L);
	lua_Integer index;

	while (key_len > 0 && key[key_len - 1] == ' ')
		key_len--;
	if (key_len == 0 || key_len >= sizeof(path))
		return err_new("--set %s: KEY=VALUE is wanted", assignment);
	memcpy(path, key, key_len);
	path[key_len] = '\0';
	value = equals + 1 + strspn(equals + 1, " ");
	if ((size_t)snprintf(chunk, sizeof(chunk), "return %s", value) >= sizeof(chunk))
		return err_new("--set %s: too long", path);
	lua_pushvalue(r->L, top); /* table */
	for (part = path; (dot = strchr(part, '.')) != NULL; part = dot + 1) {
		*dot = '\0';
		index = strtoll(part, &end, 10);
		if (*end == '\0')
			lua_pushinteger(r->L, index);
		else
			lua_pushstring(r->L, part); /* table key */
		lua_pushvalue(r->L, -1);
		lua_gettable(r->L, -3); /* table key inner */
		if (lua_type(r->L, -1) != LUA_TTABLE) {
			lua_pop(r->L, 1);
			lua_newtable(r->L);
			lua_pushvalue(r->L, -2);
			lua_pushvalue(r->L, -2); /* table key inner key inner */
			lua_settable(r->L, -5);  /* table key inner */
		}
		lua_replace(r->L, -3);
		lua_pop(r->L, 1); /* inner */
		*dot = '.';
	}
	index = strtoll(part, &end, 10);
	if (*end == '\0')
		lua_pushinteger(r->L, index);
	else
		lua_pushstring(r->L, part); /* table key */
	if ((e = run_data(r->L, chunk, strlen(chunk), "=--set")) != NULL)
		return err_wrap(e, "--set %s (a text needs quotes: '\"…\"')", assignment);
	if (lua_isnil(r->L, -1) && strcmp(value, "nil") != 0)
		return err_new(
		    "--set %s: the value is not known here; a text needs quotes: --set '%s=\"%s\"'",
		    assignment, path, value);
	lua_settable(r->L, -3);
	lua_settop(r->L, top);
	return NULL;
}

/*
 * Everything that may raise runs below lua_pcall(): out of memory is the only thing that still
 * does.
 */
struct protected
{
	struct reading *reading;
	const char *const *assignments;
	size_t count;
	struct err *error;
};

static int
read_protected(lua_State *L)
{
	struct protected *p = lua_touserdata(L, 1);
	struct reading *r = p->reading;

	lua_settop(L, 0);
	lua_sethook(L, out_of_steps, LUA_MASKCOUNT, 10 * 1000 * 1000);
	if (r->file == NULL)
		lua_newtable(L);
	else if ((p->error = load_file(r)) != NULL)
		return 0;
	for (size_t i = 0; i < p->count; i++)
		if ((p->error = assign(r, p->assignments[i])) != NULL)
			return 0;
	p->error = settings_values(r, settings_schema, r->into, "");
	return 0;
}

struct err *
settings_read(struct settings **out, const char *file, const char *const *assignments,
    size_t assignment_count)
{
	struct reading r = { .file = file };
	struct protected p = { &r, assignments, assignment_count, NULL };
	struct err *e = NULL;

	if ((r.into = calloc(1, sizeof(*r.into))) == NULL ||
	    (r.L = lua_newstate(allocate, &r)) == NULL) {
		e = err_sys("settings");
		goto done;
	}
	lua_pushcfunction(r.L, read_protected);
	lua_pushlightuserdata(r.L, &p);
	if (lua_pcall(r.L, 1, 0, 0) != LUA_OK) {
		const char *why = lua_tostring(r.L, -1);

		err_free(p.error);
		e = err_new("settings: %s", why != NULL ? why : "out of memory");
	} else
		e = p.error;
done:
	if (r.L != NULL)
		lua_close(r.L);
	buf_fini(&r.text);
	if (e != NULL) {
		settings_free(r.into);
		return e;
	}
	*out = r.into;
	return NULL;
}
