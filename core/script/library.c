/* library: the string and table functions of rules, bounded where the plain ones run long. */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/compiler.h"
#include "script/pattern.h"
#include "script/policy.h"
#include "script/sandbox.h"

#define COUNT_MOST 1000000 /* elements that one call of table.move or table.unpack may touch */

/*
 * Like string.rep, but neither larger than the heap nor for ever when there is nothing to repeat.
 */
static int
l_rep(lua_State *L)
{
	size_t len, sep_len, most = policy_of(L)->heap.most;
	const char *text = luaL_checklstring(L, 1, &len);
	lua_Integer n = luaL_checkinteger(L, 2);
	const char *sep = luaL_optlstring(L, 3, "", &sep_len);
	luaL_Buffer b;
	char *at;

	if (n <= 0 || len + sep_len == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	if (len + sep_len < len || len + sep_len > most / (lua_Unsigned)n)
		return luaL_error(L, "resulting string too large");
	at = luaL_buffinitsize(L, &b, (size_t)n * (len + sep_len));
	for (lua_Integer i = 0; i < n; i++) {
		if (i > 0 && sep_len > 0) {
			memcpy(at, sep, sep_len);
			at += sep_len;
		}
		memcpy(at, text, len);
		at += len;
	}
	luaL_pushresultsize(&b, (size_t)n * len + (size_t)(n - 1) * sep_len);
	return 1;
}

/*
 * Before a function that trusts the length of its table: a made-up one could keep it busy for
 * ever.
 */
static void
check_plain(lua_State *L, int table)
{
	if (lua_type(L, table) == LUA_TTABLE && luaL_getmetafield(L, table, "__len") != LUA_TNIL)
		luaL_error(L, "a table with __len is not for this function");
}

/* Upvalue: the plain function. */
static int
l_checked(lua_State *L)
{
	check_plain(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* Upvalue: table.move, with from and to as arguments 2 and 3. */
static int
l_bounded(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);

	if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from >= COUNT_MOST)
		return luaL_error(L, "more than %d elements at once", COUNT_MOST);
	return l_checked(L);
}

void
library_open_string(lua_State *L)
{
	static const char *const plain[] = { "byte", "char", "format", "len", "lower", "pack",
		"packsize", "reverse", "sub", "unpack", "upper" };
	static const luaL_Reg ours[] = { { "rep", l_rep }, { "find", pattern_find },
		{ "match", pattern_match }, { "gmatch", pattern_gmatch }, { "gsub", pattern_gsub },
		{ NULL, NULL } };

	luaL_requiref(L, "string", luaopen_string, 0); /* library */
	lua_newtable(L);                               /* library string */
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		lua_getfield(L, -2, plain[i]);
		lua_setfield(L, -2, plain[i]);
	}
	luaL_setfuncs(L, ours, 0);
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1); /* library string text meta */
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);      /* library string */
	lua_replace(L, -2); /* string */
}

void
library_open_table(lua_State *L)
{
	static const char *const checked[] = { "concat", "insert", "remove", "sort" };

	luaL_requiref(L, "table", luaopen_table, 0); /* library */
	lua_newtable(L);                             /* library table */
	for (size_t i = 0; i < ARRAY_LEN(checked); i++) {
		lua_getfield(L, -2, checked[i]);
		lua_pushcclosure(L, l_checked, 1);
		lua_setfield(L, -2, checked[i]);
	}
	lua_getfield(L, -2, "pack");
	lua_setfield(L, -2, "pack");
	lua_getfield(L, -2, "unpack");
	lua_setfield(L, -2, "unpack");
	lua_getfield(L, -2, "move");
	lua_pushcclosure(L, l_bounded, 1);
	lua_setfield(L, -2, "move");
	lua_replace(L, -2); /* table */
}
