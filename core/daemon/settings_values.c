/* settings_values: each kind of value is read, checked, and kept in the struct at its offset. */
#include "daemon/settings_values.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

static void *
keep(struct settings *s, size_t size)
{
	struct settings_memory *m = calloc(1, sizeof(*m) + size);

	if (m == NULL)
		return NULL;
	m->next = s->memory;
	s->memory = m;
	return m->bytes;
}

static const char *
keep_text(struct settings *s, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = keep(s, size);

	if (copy != NULL)
		memcpy(copy, text, size);
	return copy;
}

/* "FILE:LINE: PATH: " of a setting, or "PATH: " when no file says it. */
static struct err *
complain(struct reading *r, const char *path, const char *format, ...)
{
	unsigned line = r->file != NULL ? settings_line(r->text.at, r->text.len, path) : 0;
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (line > 0)
		return err_new("%s:%u: %s: %s", r->file, line, path, what);
	return err_new("%s: %s", path, what);
}

/* The name that somebody may have meant, or NULL when none is near. */
static const char *
meant(const struct setting *table, const char *name)
{
	struct nearest n = { .to = str_of(name) };

	for (; table->name != NULL; table++)
		nearest_offer(&n, str_of(table->name));
	return n.best.at != NULL && n.distance < strlen(name) / 2 + 2 ? n.best.at : NULL;
}

static struct err *
unknown_key(struct reading *r, const struct setting *table, const char *path, const char *name)
{
	const char *near = meant(table, name);

	if (near != NULL)
		return complain(r, path, "there is no such setting; did you mean \"%s\"?", near);
	return complain(r, path, "there is no such setting");
}

static void
join(char out[SETTINGS_PATH_SIZE], const char *path, const char *name)
{
	snprintf(out, SETTINGS_PATH_SIZE, "%s%s%s", path, path[0] != '\0' ? "." : "", name);
}

static struct err *
read_number(struct reading *r, const struct setting *def, void *at, const char *path)
{
	double v;

	if (lua_type(r->L, -1) != LUA_TNUMBER)
		return complain(r, path, "a number is wanted, not a %s", luaL_typename(r->L, -1));
	v = lua_tonumber(r->L, -1);
	if (def->type == SETTING_INTEGER && v != floor(v))
		return complain(r, path, "a whole number is wanted, not %g", v);
	if (!(v >= def->least && v <= def->most))
		return complain(
		    r, path, "%.15g is outside the range %.15g to %.15g", v, def->least, def->most);
	if (def->type == SETTING_INTEGER)
		*(int64_t *)at = (int64_t)v;
	else
		*(double *)at = v;
	return NULL;
}

static struct err *
read_text(struct reading *r, const struct setting *def, void *at, const char *path)
{
	const char *text;
	size_t len;

	if (lua_type(r->L, -1) != LUA_TSTRING)
		return complain(
		    r, path, "a text in quotes is wanted, not a %s", luaL_typename(r->L, -1));
	text = lua_tolstring(r->L, -1, &len);
	if (strlen(text) != len)
		return complain(r, path, "the text holds a zero byte");
	if (def->choices != NULL) {
		struct buf list = { 0 };
		struct err *e;

		for (const char *const *c = def->choices; *c != NULL; c++) {
			if (strcmp(*c, text) == 0) {
				buf_fini(&list);
				*(const char **)at = *c;
				return NULL;
			}
			buf_printf(&list, "%s\"%s\"", c == def->choices ? "" : ", ", *c);
		}
		e = complain(r, path, "\"%s\" is not one of %.*s", text, (int)list.len, list.at);
		buf_fini(&list);
		return e;
	}
	if ((*(const char **)at = keep_text(r->into, text)) == NULL)
		return err_sys("settings");
	return NULL;
}

/* An item of a list of texts; integers are taken as their text. */
static struct err *
read_item(struct reading *r, struct settings_list *list, const char *path, lua_Integer i)
{
	char at[SETTINGS_PATH_SIZE + 24];
	const char *text;
	size_t len;
	bool whole;

	snprintf(at, sizeof(at), "%s.%lld", path, (long long)i);
	if (!lua_isinteger(r->L, -1) && lua_type(r->L, -1) != LUA_TSTRING)
		return complain(
		    r, at, "a text in quotes is wanted, not a %s", luaL_typename(r->L, -1));
	lua_pushvalue(r->L, -1); /* item copy */
	text = lua_tolstring(r->L, -1, &len);
	whole = strlen(text) == len;
	list->items[i - 1] = keep_text(r->into, text);
	lua_pop(r->L, 1);
	if (!whole)
		return complain(r, at, "the text holds a zero byte");
	return list->items[i - 1] != NULL ? NULL : err_sys("settings");
}

/* Sees that the table on top is a list and nothing else. */
static struct err *
check_list(struct reading *r, const char *path, lua_Integer *count)
{
	lua_Integer items = 0;
	bool others = false;

	if (lua_type(r->L, -1) != LUA_TTABLE)
		return complain(
		    r, path, "a list in braces is wanted, not a %s", luaL_typename(r->L, -1));
	*count = (lua_Integer)lua_rawlen(r->L, -1);
	for (lua_pushnil(r->L); lua_next(r->L, -2) != 0; lua_pop(r->L, 1)) {
		if (lua_isinteger(r->L, -2))
			items++;
		else
			others = true;
	}
	/*
	 * The border that the length is says nothing of holes before it; the number of items does.
	 */
	if (others || items != *count)
		return complain(r, path, "a list in braces is wanted, without names or holes");
	return NULL;
}

static struct err *
read_list(struct reading *r, void *at, const char *path)
{
	struct settings_list *list = at;
	struct err *e;
	lua_Integer n;

	if ((e = check_list(r, path, &n)) != NULL)
		return e;
	if ((list->items = keep(r->into, (size_t)(n + 1) * sizeof(*list->items))) == NULL)
		return err_sys("settings");
	list->count = (size_t)n;
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(r->L, -1, i); /* list item */
		e = read_item(r, list, path, i);
		lua_pop(r->L, 1);
		if (e != NULL)
			return e;
	}
	return NULL;
}

static struct err *
read_table_list(struct reading *r, const struct setting *def, void *base, const char *path)
{
	char at[SETTINGS_PATH_SIZE + 24], *elements;
	struct err *e;
	lua_Integer n;

	if ((e = check_list(r, path, &n)) != NULL)
		return e;
	if ((elements = keep(r->into, (size_t)(n + 1) * def->inner_size)) == NULL)
		return err_sys("settings");
	*(void **)((char *)base + def->offset) = elements;
	*(size_t *)((char *)base + def->count_offset) = (size_t)n;
	for (lua_Integer i = 1; i <= n; i++) {
		snprintf(at, sizeof(at), "%s.%lld", path, (long long)i);
		lua_rawgeti(r->L, -1, i); /* list element */
		if (lua_type(r->L, -1) != LUA_TTABLE)
			e = complain(r, at, "a table in braces is wanted, not a %s",
			    luaL_typename(r->L, -1));
		else
			e = settings_values(
			    r, def->inner, elements + (size_t)(i - 1) * def->inner_size, at);
		lua_pop(r->L, 1);
		if (e != NULL)
			return e;
	}
	return NULL;
}

/* The value on top of the stack into its place. */
static struct err *
read_value(struct reading *r, const struct setting *def, void *base, const char *path)
{
	void *at = (char *)base + def->offset;

	switch (def->type) {
	case SETTING_BOOL:
		if (!lua_isboolean(r->L, -1))
			return complain(
			    r, path, "true or false is wanted, not a %s", luaL_typename(r->L, -1));
		*(bool *)at = lua_toboolean(r->L, -1);
		return NULL;
	case SETTING_SWITCH:
		if (!lua_isboolean(r->L, -1))
			return complain(
			    r, path, "true or false is wanted, not a %s", luaL_typename(r->L, -1));
		*(int64_t *)at = lua_toboolean(r->L, -1);
		return NULL;
	case SETTING_INTEGER:
	case SETTING_SECONDS: return read_number(r, def, at, path);
	case SETTING_TEXT:
	case SETTING_CHOICE: return read_text(r, def, at, path);
	case SETTING_TEXT_LIST: return read_list(r, at, path);
	case SETTING_TABLE:
		if (lua_type(r->L, -1) != LUA_TTABLE)
			return complain(r, path, "a table in braces is wanted, not a %s",
			    luaL_typename(r->L, -1));
		return settings_values(r, def->inner, base, path);
	case SETTING_TABLE_LIST: return read_table_list(r, def, base, path);
	}
	return NULL;
}

static struct err *
check_keys(struct reading *r, const struct setting *table, const char *path)
{
	char at[SETTINGS_PATH_SIZE];
	const struct setting *def;
	const char *name;

	for (lua_pushnil(r->L); lua_next(r->L, -2) != 0; lua_pop(r->L, 1)) {
		if (lua_type(r->L, -2) != LUA_TSTRING)
			return complain(r, path[0] != '\0' ? path : "settings",
			    "a value stands here without a name");
		name = lua_tostring(r->L, -2);
		for (def = table; def->name != NULL && strcmp(def->name, name) != 0; def++)
			;
		if (def->name == NULL) {
			join(at, path, name);
			return unknown_key(r, table, at, name);
		}
	}
	return NULL;
}

/* Pushes the default of a setting; false when it has none. */
static bool
push_initial(lua_State *L, const struct setting *def)
{
	char chunk[256];

	if (def->type == SETTING_TABLE) {
		lua_newtable(L);
		return true;
	}
	if (def->initial == NULL)
		return false;
	snprintf(chunk, sizeof(chunk), "return %s", def->initial);
	if (luaL_loadstring(L, chunk) != LUA_OK)
		abort(); /* the schema itself is wrong */
	lua_call(L, 0, 1);
	return true;
}

static void
leave_unset(const struct setting *def, void *base)
{
	if (def->type == SETTING_INTEGER || def->type == SETTING_SWITCH)
		*(int64_t *)(void *)((char *)base + def->offset) = SETTINGS_NOT_SET;
}

/* The table on top of the stack into a struct; what it leaves out gets its default. */
struct err *
settings_values(struct reading *r, const struct setting *table, void *into, const char *path)
{
	char at[SETTINGS_PATH_SIZE];
	struct err *e;

	luaL_checkstack(r->L, 8, NULL);
	if ((e = check_keys(r, table, path)) != NULL)
		return e;
	for (; table->name != NULL; table++) {
		join(at, path, table->name);
		lua_getfield(r->L, -1, table->name); /* table value */
		if (lua_isnil(r->L, -1)) {
			lua_pop(r->L, 1);
			if (!push_initial(r->L, table)) {
				leave_unset(table, into);
				continue;
			}
		}
		e = read_value(r, table, into, at);
		lua_pop(r->L, 1);
		if (e != NULL)
			return e;
	}
	return NULL;
}
