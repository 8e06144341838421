/* lua_values: values between Lua and C, and types of Lua's, for all bindings. */
#ifndef BINDING_LUA_VALUES_H
#define BINDING_LUA_VALUES_H

#include <lauxlib.h>
#include <lua.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* The text at a place of the stack, lent for as long as it stands there. */
static inline struct str
check_str(lua_State *L, int at)
{
	struct str s;

	s.at = luaL_checklstring(L, at, &s.len);
	return s;
}

static inline struct str
opt_str(lua_State *L, int at)
{
	struct str s = { "", 0 };

	if (!lua_isnoneornil(L, at))
		s.at = luaL_checklstring(L, at, &s.len);
	return s;
}

static inline void
push_str(lua_State *L, struct str s)
{
	lua_pushlstring(L, s.len > 0 ? s.at : "", s.len);
}

/* Pushes the bytes and frees them. */
static inline int
push_buf(lua_State *L, struct buf *b)
{
	push_str(L, buf_view(b));
	buf_fini(b);
	return 1;
}

/* Pushes the reason and frees it. */
static inline void
push_err(lua_State *L, struct err *e)
{
	lua_pushstring(L, err_text(e));
	err_free(e);
}

/* Pushes what a function returns that failed: nil and the reason. */
static inline int
push_fault(lua_State *L, struct err *e)
{
	lua_pushnil(L);
	push_err(L, e);
	return 2;
}

static inline lua_Integer
field_integer(lua_State *L, int at, const char *name, lua_Integer otherwise)
{
	lua_Integer v;

	lua_getfield(L, at, name);
	v = luaL_optinteger(L, -1, otherwise);
	lua_pop(L, 1);
	return v;
}

/* Fields of the table at the top. A text that is NULL sets nothing. */
static inline void
set_integer(lua_State *L, const char *name, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

static inline void
set_boolean(lua_State *L, const char *name, bool v)
{
	lua_pushboolean(L, v);
	lua_setfield(L, -2, name);
}

static inline void
set_str(lua_State *L, const char *name, struct str s)
{
	push_str(L, s);
	lua_setfield(L, -2, name);
}

static inline void
set_text(lua_State *L, const char *name, const char *text)
{
	if (text == NULL)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, name);
}

/* A type whose methods, "__gc" among them, are in one table. */
static inline void
make_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
	luaL_newmetatable(L, name);
	luaL_setfuncs(L, methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

#endif
