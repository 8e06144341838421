/* script_parts: what of the room is worth a spec of its own, without rules. */
#ifndef BINDING_SCRIPT_PARTS_H
#define BINDING_SCRIPT_PARTS_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua_values.h"
#include "script/fault.h"
#include "script/heap.h"
#include "script/template.h"

static int
l_index_name_fault(lua_State *L)
{
	lua_pushstring(L, index_name_fault(check_str(L, 1)));
	return 1;
}

/* template(format, seconds…) → a name for each, or nil and the error */
static int
l_template(lua_State *L)
{
	int n = lua_gettop(L);
	struct template t;
	struct err *e = template_init(&t, luaL_checkstring(L, 1));

	if (e != NULL) {
		template_fini(&t);
		return push_fault(L, e);
	}
	for (int i = 2; i <= n; i++) {
		struct str name = template_name(&t, luaL_checkinteger(L, i));

		push_str(L, name);
	}
	template_fini(&t);
	return n - 1;
}

static int
l_fault_text(lua_State *L)
{
	struct buf out = { 0 };

	fault_text(&out, lua_isnil(L, 1) ? NULL : luaL_checkstring(L, 1), lua_toboolean(L, 2));
	return push_buf(L, &out);
}

static int
run_chunk(lua_State *L)
{
	luaL_openlibs(L);
	if (luaL_loadstring(L, lua_touserdata(L, 1)) != LUA_OK)
		return lua_error(L);
	lua_call(L, 0, 0);
	return 0;
}

/*
 * A chunk in a state with our heap. Arguments: chunk, cap, fail_after (-1: never). Returns
 * status, used after closing, peak, refused.
 */
static int
l_heap(lua_State *L)
{
	const char *chunk = luaL_checkstring(L, 1);
	struct heap heap;
	lua_State *inner;
	int status = LUA_ERRMEM;

	heap_init(&heap, (size_t)luaL_checkinteger(L, 2));
	heap.fail_after = luaL_optinteger(L, 3, -1);
	if ((inner = lua_newstate(heap_realloc, &heap)) != NULL) {
		lua_pushcfunction(inner, run_chunk);
		lua_pushlightuserdata(inner, (void *)(uintptr_t)chunk);
		status = lua_pcall(inner, 1, 0, 0);
		lua_close(inner);
	}
	lua_pushinteger(L, status);
	lua_pushinteger(L, (lua_Integer)heap.used);
	lua_pushinteger(L, (lua_Integer)heap.peak);
	lua_pushinteger(L, (lua_Integer)heap.refused);
	heap_fini(&heap);
	return 4;
}

#endif
