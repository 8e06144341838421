/* sandbox: each function that is not Lua's own, and the table of what is let in. */
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/log.h"
#include "script/answer.h"
#include "script/doc.h"
#include "script/policy.h"

/* Is the value at index a doc, or a list of the record? */
static const void *
mark_of(lua_State *L, int index)
{
	const void *mark = NULL;

	if (lua_type(L, index) == LUA_TTABLE && lua_getmetatable(L, index)) {
		mark = lua_topointer(L, -1);
		lua_pop(L, 1);
	}
	return mark;
}

static bool
is_doc(lua_State *L, int index)
{
	return mark_of(L, index) == policy_of(L)->doc_mark;
}

/* Before somebody walks over a table: a doc gets all of its fields. */
static void
before_walk(lua_State *L, int table)
{
	if (is_doc(L, table) && luaL_getmetafield(L, table, "walk") != LUA_TNIL) {
		lua_pushvalue(L, table);
		lua_call(L, 1, 0);
	}
}

static int
l_next(lua_State *L)
{
	const void *mark;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	if ((mark = mark_of(L, 1)) != NULL && mark != policy_of(L)->list_mark) {
		before_walk(L, 1);
		if (answer_content(L, 1))
			lua_replace(L, 1);
	}
	if (lua_next(L, 1) != 0)
		return 2;
	lua_pushnil(L);
	return 1;
}

/* Upvalue: l_next. */
static int
l_pairs(lua_State *L)
{
	luaL_checkany(L, 1);
	if (!is_doc(L, 1) && luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
		lua_pushvalue(L, 1);
		lua_call(L, 1, 3);
		return 3;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	before_walk(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

static int
l_rawget(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checkany(L, 2);
	lua_settop(L, 2);
	if (is_doc(L, 1))
		lua_gettable(L, 1);
	else {
		if (answer_content(L, 1))
			lua_replace(L, 1);
		lua_rawget(L, 1);
	}
	return 1;
}

static int
l_rawset(lua_State *L)
{
	const void *mark;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checkany(L, 2);
	luaL_checkany(L, 3);
	lua_settop(L, 3);
	mark = mark_of(L, 1);
	if (mark != NULL && mark == policy_of(L)->doc_mark)
		lua_settable(L, 1);
	else if (mark != NULL && mark != policy_of(L)->list_mark &&
		 luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "this table cannot be changed");
	else
		lua_rawset(L, 1);
	lua_settop(L, 1);
	return 1;
}

static int
l_getmetatable(lua_State *L)
{
	const void *mark = mark_of(L, 1);

	luaL_checkany(L, 1);
	if (mark == NULL ? !lua_getmetatable(L, 1)
			 : mark == policy_of(L)->doc_mark || mark == policy_of(L)->list_mark) {
		lua_pushnil(L);
		return 1;
	}
	if (mark != NULL)
		lua_getmetatable(L, 1);
	if (luaL_getmetafield(L, 1, "__metatable") == LUA_TNIL)
		lua_settop(L, 2);
	return 1;
}

static int
l_setmetatable(lua_State *L)
{
	int type = lua_type(L, 2);
	const void *mark = mark_of(L, 1);

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
	lua_settop(L, 2);
	if (mark != NULL && (mark == policy_of(L)->doc_mark || mark == policy_of(L)->list_mark))
		return luaL_error(L, "a record and its lists keep the metatable that they have");
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (type == LUA_TTABLE) {
		/* A finalizer would run with hooks off, where nothing can end it. */
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "rules have no finalizers (__gc)");
		lua_pop(L, 1);
	}
	lua_setmetatable(L, 1);
	return 1;
}

/*
 * error and assert are ours, to know that the words of a message are the rule's own and may quote
 * the record.
 */
static int
l_error(lua_State *L)
{
	int level = (int)luaL_optinteger(L, 2, 1);

	lua_settop(L, 1);
	if (lua_type(L, 1) == LUA_TSTRING && level > 0) {
		luaL_where(L, level);
		lua_pushvalue(L, 1);
		lua_concat(L, 2);
	}
	policy_of(L)->run.own_words = true;
	return lua_error(L);
}

static int
l_assert(lua_State *L)
{
	luaL_checkany(L, 1);
	if (LIKELY(lua_toboolean(L, 1)))
		return lua_gettop(L);
	if (lua_gettop(L) < 2)
		return luaL_error(L, "assertion failed!");
	lua_settop(L, 2);
	policy_of(L)->run.own_words = true;
	return lua_error(L);
}

/*
 * Stack: 1 handler, then results or the error. The handler runs when the stack is unwound: inside
 * an error no hook could end it.
 */
static int
after_xpcall(lua_State *L, int status, lua_KContext context)
{
	(void)context;
	if (status == LUA_OK || status == LUA_YIELD) {
		lua_pushboolean(L, 1);
		lua_replace(L, 1);
		return lua_gettop(L);
	}
	lua_pushvalue(L, 1);
	lua_insert(L, -2);
	lua_call(L, 1, 1);
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

static int
l_xpcall(lua_State *L)
{
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 1); /* f h args… f */
	lua_pushvalue(L, 2); /* f h args… f h */
	lua_replace(L, 1);   /* h h args… f */
	lua_replace(L, 2);   /* h f args… */
	return after_xpcall(
	    L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, after_xpcall), 0);
}

/* What a rule prints may be anything, so it goes to the log at level debug. */
static int
l_print(lua_State *L)
{
	luaL_Buffer b;
	int n = lua_gettop(L);

	if (log_level < LOG_DEBUG)
		return 0;
	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, '\t');
		luaL_tolstring(L, i, NULL);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	log_debug("rule_print", log_s("text", lua_tostring(L, -1)));
	return 0;
}

static int
l_locked(lua_State *L)
{
	return luaL_error(L, "this table cannot be changed");
}

/* Walks over a copy: the table itself is not for rules. Upvalue: the table. */
static int
l_locked_pairs(lua_State *L)
{
	lua_pushcfunction(L, l_next);
	lua_newtable(L);
	lua_pushnil(L);
	while (lua_next(L, lua_upvalueindex(1)) != 0) {
		lua_pushvalue(L, -2); /* next copy key value key */
		lua_insert(L, -2);    /* next copy key key value */
		lua_rawset(L, -4);    /* next copy key */
	}
	lua_pushnil(L);
	return 3;
}

void
sandbox_lock(lua_State *L)
{
	lua_newtable(L);          /* table face */
	lua_createtable(L, 0, 5); /* table face meta */
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_locked);
	lua_setfield(L, -2, "__newindex");
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, l_locked_pairs, 1);
	lua_setfield(L, -2, "__pairs");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	if (luaL_getmetafield(L, -3, "__call") != LUA_TNIL)
		lua_setfield(L, -2, "__call");
	lua_setmetatable(L, -2); /* table face */
	lua_replace(L, -2);      /* face */
}

static const char *const from_base[] = { "ipairs", "pcall", "rawequal", "rawlen", "select",
	"tonumber", "tostring", "type", "_VERSION" };

static const luaL_Reg ours[] = {
	{ "next", l_next },
	{ "rawget", l_rawget },
	{ "rawset", l_rawset },
	{ "getmetatable", l_getmetatable },
	{ "setmetatable", l_setmetatable },
	{ "error", l_error },
	{ "assert", l_assert },
	{ "xpcall", l_xpcall },
	{ "print", l_print },
	{ "require", modules_require },
	{ NULL, NULL },
};

/* registry: the table that environments are copied from */
static char globals_key;

static void
take(lua_State *L, const char *from, const char *const *names, size_t count)
{
	lua_getfield(L, -1, from);
	lua_createtable(L, 0, (int)count);
	for (size_t i = 0; i < count; i++) {
		lua_getfield(L, -2, names[i]);
		lua_setfield(L, -2, names[i]);
	}
	lua_replace(L, -2);
}

void
sandbox_open(lua_State *L)
{
	static const char *const math[] = { "abs", "ceil", "exp", "floor", "fmod", "huge", "log",
		"max", "maxinteger", "min", "mininteger", "modf", "pi", "random", "sqrt",
		"tointeger", "type", "ult" };
	static const char *const utf8[] = { "char", "charpattern", "codepoint", "codes", "len",
		"offset" };

	luaL_requiref(L, "_G", luaopen_base, 0);
	lua_pop(L, 1);
	lua_newtable(L);        /* globals */
	lua_pushglobaltable(L); /* globals base */
	for (size_t i = 0; i < ARRAY_LEN(from_base); i++) {
		lua_getfield(L, -1, from_base[i]);
		lua_setfield(L, -3, from_base[i]);
	}
	lua_pop(L, 1); /* globals */
	luaL_setfuncs(L, ours, 0);
	lua_getfield(L, -1, "next");
	lua_pushcclosure(L, l_pairs, 1);
	lua_setfield(L, -2, "pairs");
	library_open_string(L);
	sandbox_lock(L);
	lua_setfield(L, -2, "string");
	library_open_table(L);
	sandbox_lock(L);
	lua_setfield(L, -2, "table");
	lua_newtable(L); /* globals libraries */
	luaL_requiref(L, "math", luaopen_math, 0);
	lua_setfield(L, -2, "math");
	luaL_requiref(L, "utf8", luaopen_utf8, 0);
	lua_setfield(L, -2, "utf8");
	take(L, "math", math, ARRAY_LEN(math));
	sandbox_lock(L);
	lua_setfield(L, -3, "math");
	take(L, "utf8", utf8, ARRAY_LEN(utf8));
	sandbox_lock(L);
	lua_setfield(L, -3, "utf8");
	lua_pop(L, 1); /* globals */
	lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
	/*
	 * What the standard library leaves behind is not for chunks that come without
	 * environment.
	 */
	lua_newtable(L);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

void
sandbox_push_environment(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key); /* globals */
	lua_createtable(L, 0, 28);                       /* globals env */
	lua_pushnil(L);
	while (lua_next(L, -3) != 0) { /* globals env key value */
		lua_pushvalue(L, -2);
		lua_insert(L, -2); /* globals env key key value */
		lua_rawset(L, -4); /* globals env key */
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "_G");
	lua_replace(L, -2); /* env */
}
