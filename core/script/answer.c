/* answer: JSON to Lua values that are locked. */
#include "script/answer.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonread.h"

#define DEPTH_MOST  16
#define NUMBER_MOST 63 /* bytes of a number that is no integer */

static int
l_locked(lua_State *L)
{
	return luaL_error(
	    L, "the answer of a lookup cannot be changed: lookup.copy(answer) makes one that can");
}

bool
answer_content(lua_State *L, int index)
{
	if (!lua_istable(L, index) || !lua_getmetatable(L, index))
		return false;
	lua_pushliteral(L, "__newindex");
	lua_rawget(L, -2); /* meta function */
	if (lua_tocfunction(L, -1) != l_locked) {
		lua_pop(L, 2);
		return false;
	}
	lua_pop(L, 1);
	lua_pushliteral(L, "__index");
	lua_rawget(L, -2);
	lua_replace(L, -2); /* content */
	return true;
}

static int
l_len(lua_State *L)
{
	lua_Integer n = answer_content(L, 1) ? (lua_Integer)lua_rawlen(L, -1) : 0;

	lua_pushinteger(L, n);
	return 1;
}

static int
l_next(lua_State *L)
{
	lua_settop(L, 2);
	if (answer_content(L, 1))
		lua_replace(L, 1);
	if (lua_next(L, 1) != 0)
		return 2;
	lua_pushnil(L);
	return 1;
}

static int
l_pairs(lua_State *L)
{
	lua_pushcfunction(L, l_next);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/* Puts the table in front of the content at the top. */
static void
lock(lua_State *L, bool list)
{
	lua_newtable(L);                     /* content answer */
	lua_createtable(L, 0, list ? 5 : 4); /* content answer meta */
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_locked);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, l_pairs);
	lua_setfield(L, -2, "__pairs");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	if (list) {
		lua_pushcfunction(L, l_len);
		lua_setfield(L, -2, "__len");
	}
	lua_setmetatable(L, -2);
	lua_replace(L, -2); /* answer */
}

struct reading {
	lua_State *L;
	struct jsonread json;
	int mark;
	struct buf *scratch;
};

static void
push_text(struct reading *r)
{
	if (!r->json.escaped) {
		lua_pushlstring(r->L, r->json.text.at, r->json.text.len);
		return;
	}
	buf_cut(r->scratch, 0);
	(void)jsonread_decode(r->scratch, r->json.text);
	if (buf_failed(r->scratch))
		luaL_error(r->L, "not enough memory");
	lua_pushlstring(r->L, r->scratch->len > 0 ? r->scratch->at : "", r->scratch->len);
}

static bool
push_number(struct reading *r)
{
	char text[NUMBER_MOST + 1];
	int64_t integer;

	if (jsonread_integer(&r->json, &integer)) {
		lua_pushinteger(r->L, integer);
		return true;
	}
	if (r->json.text.len > NUMBER_MOST)
		return false;
	memcpy(text, r->json.text.at, r->json.text.len);
	text[r->json.text.len] = '\0';
	lua_pushnumber(r->L, strtod(text, NULL));
	return true;
}

static bool push_value(struct reading *r, enum jsonread_token token, int depth);

static bool
push_object(struct reading *r, int depth)
{
	enum jsonread_token token;

	lua_newtable(r->L); /* content */
	while ((token = jsonread_next(&r->json)) == JSONREAD_KEY) {
		push_text(r); /* content key */
		if (!push_value(r, jsonread_next(&r->json), depth + 1))
			return false;
		lua_rawset(r->L, -3);
	}
	if (token != JSONREAD_OBJECT_END)
		return false;
	lock(r->L, false);
	return true;
}

static bool
push_list(struct reading *r, int depth)
{
	enum jsonread_token token;
	lua_Integer n = 0;

	lua_newtable(r->L); /* content */
	lua_pushvalue(r->L, r->mark);
	lua_setmetatable(r->L, -2);
	while ((token = jsonread_next(&r->json)) != JSONREAD_ARRAY_END) {
		if (!push_value(r, token, depth + 1))
			return false;
		if (lua_isnil(r->L, -1))
			lua_pop(r->L, 1);
		else
			lua_rawseti(r->L, -2, ++n);
	}
	lock(r->L, true);
	return true;
}

static bool
push_value(struct reading *r, enum jsonread_token token, int depth)
{
	if (depth > DEPTH_MOST)
		return false;
	luaL_checkstack(r->L, 8, NULL);
	switch (token) {
	case JSONREAD_OBJECT: return push_object(r, depth);
	case JSONREAD_ARRAY: return push_list(r, depth);
	case JSONREAD_TEXT: push_text(r); return true;
	case JSONREAD_NUMBER: return push_number(r);
	case JSONREAD_TRUE: lua_pushboolean(r->L, 1); return true;
	case JSONREAD_FALSE: lua_pushboolean(r->L, 0); return true;
	case JSONREAD_NULL: lua_pushnil(r->L); return true;
	default: return false;
	}
}

bool
answer_push(lua_State *L, struct str json, int mark, struct buf *scratch)
{
	struct reading r = { .L = L, .mark = mark, .scratch = scratch };
	int top = lua_gettop(L);

	jsonread_init(&r.json, json);
	if (push_value(&r, jsonread_next(&r.json), 0) && jsonread_next(&r.json) == JSONREAD_END)
		return true;
	lua_settop(L, top);
	return false;
}
