/* script_asker: what the rules of a script ask is answered by functions of the spec. */
#ifndef BINDING_SCRIPT_ASKER_H
#define BINDING_SCRIPT_ASKER_H

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_values.h"
#include "script/script.h"

struct box {
	struct script *script;
	struct record record;
	lua_State *L; /* who calls now */
	int own; /* registry: { asker =, held = { [lightuserdata] = userdata }, woken = list } */
	void (*told)(void *waiter, uint64_t question);
};

/* Pushes a function of the spec's asker, or nothing. */
static bool
push_asker(lua_State *L, struct box *box, const char *name)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, box->own);
	lua_getfield(L, -1, "asker");
	lua_replace(L, -2);
	lua_getfield(L, -1, name);
	lua_replace(L, -2);
	if (lua_isfunction(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

/* asker.declare(json) → an id, or a text: what is wrong */
static struct err *
ask_declare(void *ctx, struct str json, unsigned *id)
{
	struct box *box = ctx;
	lua_State *L = box->L;
	struct err *e = NULL;

	if (!push_asker(L, box, "declare"))
		return NULL;
	lua_pushlstring(L, json.at, json.len);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK || lua_type(L, -1) == LUA_TSTRING)
		e = err_new("%s", lua_tostring(L, -1));
	else
		*id = (unsigned)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return e;
}

/* A ticket is a text, whose beginning is who waits: its address. */
struct ticket {
	void *waiter;
	uint64_t question;
};

/* asker.ask(id, key, ticket or nil) → "found", json, version; or "nothing", "missing", "wait" */
static enum ask_answer
ask_ask(void *ctx, unsigned id, struct str key, struct ask_waiter waiter, struct ask_value *out)
{
	static const char *const words[] = { "found", "nothing", "missing", "wait", NULL };
	struct box *box = ctx;
	struct ticket ticket = { waiter.waiter, waiter.question };
	lua_State *L = box->L;
	int answer = ASK_MISSING;

	box->told = waiter.told;
	if (!push_asker(L, box, "ask"))
		return ASK_MISSING;
	lua_pushinteger(L, (lua_Integer)id);
	lua_pushlstring(L, key.at, key.len);
	if (waiter.waiter != NULL)
		lua_pushlstring(L, (const char *)&ticket, sizeof(ticket));
	else
		lua_pushnil(L);
	if (lua_pcall(L, 3, 3, 0) != LUA_OK) {
		fprintf(stderr, "the asker of the spec: %s\n", lua_tostring(L, -1));
		abort();
	}
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], lua_tostring(L, -3)) == 0)
			answer = i;
	if (answer == ASK_FOUND) {
		out->json.at = lua_tolstring(L, -2, &out->json.len);
		out->version = (uint64_t)lua_tointeger(L, -1);
		lua_rawgeti(L, LUA_REGISTRYINDEX, box->own);
		lua_pushvalue(L, -3);
		lua_setfield(L, -2, "json"); /* keeps it until the next one */
		lua_pop(L, 1);
	}
	lua_pop(L, 3);
	return (enum ask_answer)answer;
}

static bool
ask_has(void *ctx, struct str service)
{
	struct box *box = ctx;
	bool has;

	if (!push_asker(box->L, box, "has"))
		return false;
	lua_pushlstring(box->L, service.at, service.len);
	lua_call(box->L, 1, 1);
	has = lua_toboolean(box->L, -1);
	lua_pop(box->L, 1);
	return has;
}

static void
ask_forget(void *ctx, void *waiter)
{
	struct box *box = ctx;

	if (!push_asker(box->L, box, "forget"))
		return;
	lua_pushlstring(box->L, (const char *)&waiter, sizeof(waiter));
	lua_call(box->L, 1, 0);
}

static void
wake(void *ctx, struct script_wait *wait)
{
	struct box *box = ctx;
	lua_State *L = box->L;

	lua_rawgeti(L, LUA_REGISTRYINDEX, box->own);
	lua_getfield(L, -1, "woken");
	lua_getfield(L, -2, "held");
	lua_rawgetp(L, -1, wait->user);
	lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
	lua_pop(L, 3);
}

static void
read_asker(lua_State *L, struct box *box, struct script_config *config)
{
	static struct script_asker asker = {
		.declare = ask_declare, .ask = ask_ask, .has = ask_has, .forget = ask_forget
	};

	asker.ctx = box;
	config->ctx = box;
	lua_newtable(L);
	if (lua_getfield(L, 1, "asker") == LUA_TTABLE)
		config->asker = &asker;
	lua_setfield(L, -2, "asker");
	lua_newtable(L);
	lua_setfield(L, -2, "held");
	lua_newtable(L);
	lua_setfield(L, -2, "woken");
	box->own = luaL_ref(L, LUA_REGISTRYINDEX);
	box->L = L;
	lua_getfield(L, 1, "max_waiting");
	config->max_waiting = (unsigned)luaL_optinteger(L, -1, 1000);
	lua_getfield(L, 1, "waits");
	if (config->asker != NULL && (lua_isnil(L, -1) || lua_toboolean(L, -1)))
		config->wake = wake;
	lua_pop(L, 2);
}

#endif
