/* lua_values: values between Lua and the structs of the output room, for its bindings. */
#ifndef BINDING_LUA_VALUES_H
#define BINDING_LUA_VALUES_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "output/output.h"

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

static inline void
push_err(lua_State *L, struct err *e)
{
	lua_pushstring(L, err_text(e));
	err_free(e);
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

/* ---- what has settled, for the spec ---- */

struct told {
	lua_State *L;
	int list; /* reference to the list of what has settled since it was last asked */
	lua_Integer count;
	unsigned ready;
};

static inline void
told_init(struct told *t, lua_State *L)
{
	t->L = L;
	t->count = 0;
	lua_newtable(L);
	t->list = luaL_ref(L, LUA_REGISTRYINDEX);
}

static inline void
told_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	static const char *const fates[] = { "indexed", "exists", "refused" };
	struct told *t = ctx;
	lua_State *L = t->L;

	lua_rawgeti(L, LUA_REGISTRYINDEX, t->list);
	lua_createtable(L, 0, 6);
	lua_pushinteger(L, (lua_Integer)(intptr_t)cookie);
	lua_setfield(L, -2, "cookie");
	lua_pushstring(L, fates[settled->fate]);
	lua_setfield(L, -2, "fate");
	lua_pushboolean(L, settled->repaired);
	lua_setfield(L, -2, "repaired");
	lua_pushboolean(L, settled->rerouted);
	lua_setfield(L, -2, "rerouted");
	lua_pushstring(L, settled->reason);
	lua_setfield(L, -2, "reason");
	push_str(L, settled->answer);
	lua_setfield(L, -2, "answer");
	lua_rawseti(L, -2, ++t->count);
	lua_pop(L, 1);
}

/* Pushes the list and begins a new one. */
static inline void
told_take(struct told *t, lua_State *L)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, t->list);
	luaL_unref(L, LUA_REGISTRYINDEX, t->list);
	lua_newtable(L);
	t->list = luaL_ref(L, LUA_REGISTRYINDEX);
	t->count = 0;
}

static inline struct output_document
check_document(lua_State *L, int at)
{
	struct output_document d;

	d.index = check_str(L, at);
	d.id = check_str(L, at + 1);
	d.json = check_str(L, at + 2);
	d.fallback_index = opt_str(L, at + 4);
	d.overwrite = lua_toboolean(L, at + 5);
	return d;
}

static inline void
push_counters(lua_State *L, const struct output_counters *c)
{
	lua_newtable(L);
#define COUNTER(name)                             \
	lua_pushinteger(L, (lua_Integer)c->name); \
	lua_setfield(L, -2, #name)
	COUNTER(requests);
	COUNTER(documents);
	COUNTER(bytes);
	COUNTER(indexed);
	COUNTER(exists);
	COUNTER(refused);
	COUNTER(repaired);
	COUNTER(rerouted);
	COUNTER(retried_items);
	COUNTER(retried_requests);
	COUNTER(halved);
	COUNTER(answers_429);
	COUNTER(answers_5xx);
	COUNTER(answers_odd);
	COUNTER(in_flight);
	COUNTER(paused_indices);
#undef COUNTER
}

static inline void
make_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close)
{
	luaL_newmetatable(L, name);
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, close);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
}

#endif
