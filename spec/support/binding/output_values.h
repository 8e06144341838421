/* output_values: documents, their fates and the counters of the output room, for its bindings. */
#ifndef BINDING_OUTPUT_VALUES_H
#define BINDING_OUTPUT_VALUES_H

#include <stdint.h>

#include "lua_values.h"
#include "output/output.h"

/* What has settled, for the spec. */
struct told {
	lua_State *L;
	int list; /* reference to the list of what has settled since it was last asked */
	lua_Integer count;
	unsigned ready, reopened;
};

static inline void
told_init(struct told *t, lua_State *L)
{
	t->L = L;
	t->count = 0;
	t->ready = t->reopened = 0;
	lua_newtable(L);
	t->list = luaL_ref(L, LUA_REGISTRYINDEX);
}

static inline void
told_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	static const char *const fates[] = { "indexed", "exists", "refused", "given_back" };
	struct told *t = ctx;
	lua_State *L = t->L;

	lua_rawgeti(L, LUA_REGISTRYINDEX, t->list);
	lua_createtable(L, 0, 6);
	set_integer(L, "cookie", (intptr_t)cookie);
	set_text(L, "fate", fates[settled->fate]);
	set_boolean(L, "repaired", settled->repaired);
	set_boolean(L, "rerouted", settled->rerouted);
	set_text(L, "reason", settled->reason);
	set_str(L, "answer", settled->answer);
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
	d.record_bytes = (size_t)luaL_optinteger(L, at + 6, 0);
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
	COUNTER(given_back);
	COUNTER(indexed);
	COUNTER(existed);
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

#endif
