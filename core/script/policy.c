/* policy: loads files in their order, takes the rules they return, compiles their conditions. */
#include "script/policy.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "script/sandbox.h"
#include "script/watchdog.h"

#define LOAD_LIMIT_MS 5000 /* for all files together */

const char *const phase_names[PHASES] = { "shape", "enrich", "redact", "route" };

/* registry: rule → "file.lua:7: ", where it was described */
static char where_key;

/*
 * `rule { … }` as rules call it: notes where. Arguments: the module's face, the table. Upvalue:
 * rule.new.
 */
static int
describe(lua_State *L)
{
	lua_settop(L, 2);
	luaL_where(L, 1); /* face table where */
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, 2);
	lua_call(L, 1, 2); /* face table where rule why */
	if (lua_isnil(L, -2))
		return luaL_error(L, "%s", lua_tostring(L, -1));
	lua_pop(L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &where_key); /* face table where rule places */
	lua_pushvalue(L, -2);
	lua_pushvalue(L, 3);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	return 1;
}

/* Stack indices while rules are loaded. */
enum {
	AT_POLICY = 1,
	AT_RULE_MARK,    /* metatable of rules */
	AT_MATCHER_MARK, /* of matchers */
	AT_FOUND,        /* list of all rules, in the order of files */
	AT_OWN,          /* fields that rules declare as their own */
	AT_NAMES,        /* name → file of its rule */
	AT_LAST = AT_NAMES,
};

/* The module that rules call: keeps its marks for us, and learns where it was called. */
static void
prepare_rule_module(lua_State *L)
{
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &where_key);
	modules_push_own(L, "auditrecv.rule"); /* policy own */
	lua_getfield(L, -1, "new");
	lua_pushcclosure(L, describe, 1);
	lua_pushcfunction(L, modules_require);
	lua_pushliteral(L, "auditrecv.rule");
	lua_call(L, 1, 1);       /* policy own describe face */
	lua_getmetatable(L, -1); /* policy own describe face meta */
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__call");
	lua_pop(L, 3);                  /* policy own */
	lua_getfield(L, -1, "Rule");    /* policy own Rule */
	lua_getfield(L, -2, "Matcher"); /* policy own Rule Matcher */
	lua_pushnil(L);
	lua_setfield(L, -4, "Rule");
	lua_pushnil(L);
	lua_setfield(L, -4, "Matcher");
	lua_remove(L, AT_POLICY + 1); /* policy Rule Matcher */
}

static bool
is_rule(lua_State *L, int index)
{
	bool is = false;

	if (lua_istable(L, index) && lua_getmetatable(L, index)) {
		is = lua_rawequal(L, -1, AT_RULE_MARK);
		lua_pop(L, 1);
	}
	return is;
}

/* The rule at the top goes into the list of all; what it declares is noted. Pops it. */
static void
take_rule(lua_State *L, const struct source *source)
{
	lua_getfield(L, -1, "name"); /* rule name */
	lua_pushvalue(L, -1);
	if (lua_rawget(L, AT_NAMES) != LUA_TNIL)
		luaL_error(L, "%s: the name \"%s\" is taken: a rule in %s has it", source->name,
		    lua_tostring(L, -2), lua_tostring(L, -1));
	lua_pop(L, 1);
	lua_pushstring(L, source->name);
	lua_rawset(L, AT_NAMES); /* rule */
	if (lua_getfield(L, -1, "adds") == LUA_TTABLE)
		for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
			lua_pushboolean(L, 1);
			lua_rawset(L, AT_OWN);
		}
	else
		lua_pushnil(L);
	lua_pop(L, 2); /* rule */
	lua_rawseti(L, AT_FOUND, (lua_Integer)lua_rawlen(L, AT_FOUND) + 1);
}

/*
 * Does a file say that it has no rules here? return lookup.has "vmapi" and rule { … }, or an empty
 * list.
 */
static bool
is_off(lua_State *L)
{
	if (lua_isboolean(L, -1))
		return !lua_toboolean(L, -1);
	if (!lua_istable(L, -1))
		return false;
	lua_pushnil(L);
	if (lua_next(L, -2) == 0)
		return true;
	lua_pop(L, 2);
	return false;
}

static void
load_file(lua_State *L, const struct source *source)
{
	modules_run(L, source->name, source->bytes, source->size); /* value */
	if (is_rule(L, -1)) {
		take_rule(L, source);
		return;
	}
	if (is_off(L)) {
		lua_pop(L, 1);
		return;
	}
	if (!lua_istable(L, -1) || lua_rawlen(L, -1) == 0)
		luaL_error(L,
		    "%s: it returns no rule; it ends in: return rule { name = …, about = …, apply = … }",
		    source->name);
	for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, -1); i <= n; i++) {
		lua_rawgeti(L, -1, i);
		if (!is_rule(L, -1))
			luaL_error(L, "%s: element %d of what it returns is no rule", source->name,
			    (int)i);
		take_rule(L, source);
	}
	lua_pop(L, 1);
}

static char *
text_copy(lua_State *L, const char *prefix, const char *text)
{
	size_t len = strlen(prefix) + strlen(text) + 1;
	char *copy = malloc(len);

	if (copy == NULL)
		luaL_error(L, "not enough memory");
	snprintf(copy, len, "%s%s", prefix, text);
	return copy;
}

static enum phase
phase_of(lua_State *L, int rule)
{
	int phase = 0;

	lua_getfield(L, rule, "phase");
	while (phase < PHASES - 1 && strcmp(lua_tostring(L, -1), phase_names[phase]) != 0)
		phase++;
	lua_pop(L, 1);
	return (enum phase)phase;
}

static const char *
text_field(lua_State *L, int rule, const char *name)
{
	lua_getfield(L, rule, name);
	return lua_tostring(L, -1); /* stays valid: the rule holds it, and the stack too */
}

/* Fills in the rule at the top, which is number i in the order of running. */
static void
enter_rule(struct policy *p, lua_State *L, size_t i, int applies, int functions)
{
	struct rule *r = &p->rules[i];
	int at = lua_gettop(L);
	char directory[512];

	snprintf(directory, sizeof(directory), "%s/", p->sources->directory);
	r->phase = phase_of(L, at);
	r->name = text_copy(L, "", text_field(L, at, "name"));
	r->about = text_copy(L, "", text_field(L, at, "about"));
	lua_getfield(L, at, "name");
	lua_rawget(L, AT_NAMES);
	r->file = text_copy(L, directory, lua_tostring(L, -1));
	lua_getfield(L, at, "apply");
	lua_rawseti(L, applies, (lua_Integer)i + 1);
	lua_getfield(L, at, "when");
	when_compile(p->when, L, i, functions, AT_MATCHER_MARK, AT_OWN);
	lua_settop(L, at);
}

/* All rules by phase, then in the order in which they were found. */
static void
enter_all(struct policy *p, lua_State *L, int applies, int functions)
{
	size_t found = lua_rawlen(L, AT_FOUND), n = 0;

	for (int phase = 0; phase < PHASES; phase++)
		for (size_t i = 1; i <= found; i++) {
			lua_rawgeti(L, AT_FOUND, (lua_Integer)i);
			if (phase_of(L, lua_gettop(L)) == (enum phase)phase) {
				/* For a complaint: the rule that is being compiled. */
				lua_pushvalue(L, -1);
				lua_rawsetp(L, LUA_REGISTRYINDEX, p);
				enter_rule(p, L, n++, applies, functions);
			}
			lua_pop(L, 1);
		}
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, p);
	p->rule_count = n;
}

static int
build(lua_State *L)
{
	struct policy *p = lua_touserdata(L, AT_POLICY);
	lua_CFunction entry;
	int keys, mark, metatable, applies, functions;

	memcpy(&entry, lua_touserdata(L, 2), sizeof(entry));
	lua_settop(L, 1);
	sandbox_open(L);
	prepare_rule_module(L); /* policy Rule Matcher */
	lua_newtable(L);
	lua_newtable(L);
	lua_newtable(L); /* … found own names */
	for (size_t i = 0; i < p->sources->count; i++)
		if (p->sources->list[i]->is_rule)
			load_file(L, p->sources->list[i]);
	lua_settop(L, AT_LAST);
	p->rule_count = lua_rawlen(L, AT_FOUND);
	p->rules = calloc(p->rule_count + 1, sizeof(*p->rules));
	p->when = when_new(p->rule_count);
	if (p->rules == NULL || p->when == NULL)
		return luaL_error(L, "not enough memory");
	if (!run_init(&p->run, when_words(p->when)))
		return luaL_error(L, "not enough memory");
	/* The upvalues of the entry, in their order. */
	doc_push_keys(L);
	keys = lua_gettop(L);
	interned_read(&p->encoder.names, L, keys);
	p->run.names = &p->encoder.names;
	doc_push_list_mark(L);
	mark = lua_gettop(L);
	p->list_mark = lua_topointer(L, mark);
	doc_push_metatable(L, &p->run, (struct doc_parts){ keys, mark });
	metatable = lua_gettop(L);
	p->doc_mark = lua_topointer(L, metatable);
	lua_createtable(L, (int)p->rule_count, 0);
	applies = lua_gettop(L);
	lua_newtable(L);
	functions = lua_gettop(L);
	enter_all(p, L, applies, functions);
	when_finish(p->when, L);
	lua_pushcclosure(L, entry, 6);
	p->entry = luaL_ref(L, LUA_REGISTRYINDEX);
	seat_fill(L, &p->seat);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &where_key);
	return 0;
}

/*
 * The error at the top, with the place of the rule that was being compiled, and the directory in
 * front.
 */
static struct err *
load_error(struct policy *p)
{
	lua_State *L = p->L;
	const char *text = lua_tostring(L, -1), *where = NULL;
	const char *directory = p->sources->directory != NULL ? p->sources->directory : "rules";
	struct err *e;

	if (text == NULL)
		text = "a file raised an error that is no text";
	if (strncmp(text, directory, strlen(directory)) == 0)
		return err_new("%s", text);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &where_key);
	if (lua_istable(L, -1) && lua_rawgetp(L, LUA_REGISTRYINDEX, p) == LUA_TTABLE) {
		lua_rawget(L, -2);
		where = lua_tostring(L, -1);
	}
	e = err_new("%s/%s%s", directory, where != NULL ? where : "", text);
	return e;
}

struct err *
policy_open(struct policy **out, struct sources *sources, struct waits *waits, size_t max_heap,
    lua_CFunction entry)
{
	struct policy *p = calloc(1, sizeof(*p));
	struct err *e = NULL;
	bool late;

	*out = NULL;
	if (p == NULL)
		return err_sys("rules");
	p->sources = sources;
	p->waits = waits;
	p->loading = true;
	heap_init(&p->heap, max_heap);
	if ((p->encoder.shape = shape_document()) == NULL ||
	    (p->L = lua_newstate(heap_realloc, &p->heap)) == NULL) {
		policy_close(p);
		return err_new("rules: out of memory for Lua");
	}
	memcpy(lua_getextraspace(p->L), &p, sizeof(p));
	lua_pushcfunction(p->L, build);
	lua_pushlightuserdata(p->L, p);
	lua_pushlightuserdata(p->L, &entry);
	watchdog_enter(p->L, LOAD_LIMIT_MS);
	if (lua_pcall(p->L, 2, 0, 0) != LUA_OK)
		e = load_error(p);
	late = watchdog_leave(p->L);
	p->loading = false;
	if (e != NULL) {
		policy_close(p);
		return late ? err_wrap(e, "loading rules took too long") : e;
	}
	lua_gc(p->L, LUA_GCCOLLECT);
	p->heap.refused = 0;
	p->heap_after_load = p->heap.used;
	*out = p;
	return NULL;
}

void
policy_close(struct policy *p)
{
	if (p == NULL)
		return;
	if (p->L != NULL)
		lua_close(p->L);
	heap_fini(&p->heap);
	for (size_t i = 0; p->rules != NULL && i < p->rule_count; i++) {
		free(p->rules[i].name);
		free(p->rules[i].about);
		free(p->rules[i].file);
	}
	free(p->rules);
	when_free(p->when);
	run_fini(&p->run);
	encode_fini(&p->encoder);
	free(p);
}
