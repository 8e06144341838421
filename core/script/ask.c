/* ask: from a rule's call to the lookup and back, with the coroutine left in between. */
#include "script/ask.h"

#include <lauxlib.h>

#include "script/answer.h"
#include "script/doc.h"
#include "script/encode_in.h"

#define MIRROR_COST 600 /* bytes of an answer in the state, beside what its JSON says */
#define KEY_MOST    1024

/*
 * Upvalues of the function that asks a source. Answers is a table by version, which no two answers
 * share: a small number is found sooner than a key. Mark is the metatable of lists.
 */
enum { UP_ID = 1, UP_NAME, UP_ANSWERS, UP_MARK };

/* registry: list of the tables of all sources */
static char mirrors_key;

void
ask_forget(lua_State *L)
{
	int top = lua_gettop(L);
	lua_Integer n = 0;

	policy_of(L)->mirrored = 0;
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &mirrors_key) == LUA_TTABLE)
		n = (lua_Integer)lua_rawlen(L, -1);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, top + 1, i); /* mirrors mirror */
		lua_pushnil(L);
		while (lua_next(L, top + 2) != 0) {
			lua_pop(L, 1);
			lua_pushvalue(L, -1);
			lua_pushnil(L);
			lua_rawset(L, top + 2);
		}
		lua_settop(L, top + 1);
	}
	lua_settop(L, top);
}

/* The document says that an answer was missing, and the rule hears it. */
static int
missing(lua_State *L, struct policy *p)
{
	struct buf *tags = &p->encoder.tags;
	size_t from = tags->len;
	struct str name, tag;

	name.at = lua_tolstring(L, lua_upvalueindex(UP_NAME), &name.len);
	buf_append(tags, "lookup_missing:", 15);
	buf_str(tags, name);
	if (buf_failed(tags))
		luaL_error(L, "not enough memory");
	tag = (struct str){ tags->at + from, tags->len - from };
	p->run.incomplete = true;
	if (encode_has_name((struct str){ tags->at, from }, tag))
		buf_cut(tags, from);
	else
		buf_byte(tags, ENCODE_STOP);
	lua_pushnil(L);
	lua_pushliteral(L, "missing");
	return 2;
}

/* Keeps the answer at the top in the state. */
static void
keep(lua_State *L, struct policy *p, const struct ask_value *value)
{
	if (p->mirrored > p->heap.most / 8)
		ask_forget(L);
	p->mirrored += MIRROR_COST + 2 * value->json.len;
	lua_pushvalue(L, -1);
	lua_rawseti(L, lua_upvalueindex(UP_ANSWERS), (lua_Integer)value->version);
}

/* Pushes what was found: as it stands in the state, when it is the same still. */
static int
push_found(lua_State *L, struct policy *p, const struct ask_value *value)
{
	if (lua_rawgeti(L, lua_upvalueindex(UP_ANSWERS), (lua_Integer)value->version) != LUA_TNIL)
		return 1;
	lua_settop(L, 1);
	if (!answer_push(L, value->json, lua_upvalueindex(UP_MARK), &p->encoder.scratch))
		return missing(L, p);
	if (!lua_isnil(L, -1))
		keep(L, p, value);
	return 1;
}

static int after_wait(lua_State *L, int status, lua_KContext context);

/* Asks for the key at index 1, the only thing on the stack. */
static int
ask(lua_State *L, bool may_wait)
{
	struct policy *p = policy_of(L);
	struct waits *ws = p->waits;
	struct ask_value value = { .version = 0 };
	enum ask_answer answer = ASK_MISSING;
	struct wait *wait = may_wait ? waits_place(ws, L, p) : NULL;
	struct str key;

	key.at = lua_tolstring(L, 1, &key.len);
	if (LIKELY(ws->asker.ask != NULL))
		answer = ws->asker.ask(ws->asker.ctx,
		    (unsigned)lua_tointeger(L, lua_upvalueindex(UP_ID)), key,
		    (struct ask_waiter){ wait, wait != NULL ? wait->question : 0, waits_told },
		    &value);
	switch (answer) {
	case ASK_FOUND: return push_found(L, p, &value);
	case ASK_NOTHING: break;
	case ASK_WAIT:
		if (wait != NULL) {
			ws->asked = wait;
			return lua_yieldk(L, 0, 0, after_wait);
		}
		/* fall through */
	case ASK_MISSING: return missing(L, p);
	}
	lua_pushnil(L);
	return 1;
}

/* What is not there now does not come: a record waits once for one question. */
static int
after_wait(lua_State *L, int status, lua_KContext context)
{
	(void)status;
	(void)context;
	lua_settop(L, 1);
	return ask(L, false);
}

static int
l_ask(lua_State *L)
{
	const char *name = lua_tostring(L, lua_upvalueindex(UP_NAME));
	int type = lua_type(L, 1);

	if (policy_of(L)->loading)
		return luaL_error(L,
		    "lookup.%s is asked while the rules are loaded: ask in a rule's apply", name);
	/* Always, and not only when the answer is not there: a rule fails when it is tried. */
	if (!lua_isyieldable(L))
		return luaL_error(L,
		    "lookup.%s cannot wait here: ask in a rule's apply, not in its when, nor in a function "
		    "given to string.gsub or table.sort, nor in a metamethod that those call",
		    name);
	if (type == LUA_TNONE || type == LUA_TNIL) {
		lua_pushnil(L);
		return 1;
	}
	if (type != LUA_TSTRING && !lua_isinteger(L, 1))
		return luaL_error(L, "lookup.%s wants a text or an integer, not a %s", name,
		    lua_typename(L, type));
	lua_settop(L, 1);
	lua_tostring(L, 1); /* an integer becomes its text */
	if (lua_rawlen(L, 1) > KEY_MOST) {
		lua_pushnil(L);
		return 1;
	}
	return ask(L, true);
}

/* A table of what is known of a source. */
static void
push_mirror(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &mirrors_key) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &mirrors_key);
	}
	lua_newtable(L); /* mirrors mirror */
	lua_pushvalue(L, -1);
	lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
	lua_replace(L, -2); /* mirror */
}

/* declare(json, name) → the function that asks, or nil and what is wrong */
static int
l_declare(lua_State *L)
{
	struct policy *p = policy_of(L);
	const struct script_asker *asker = &p->waits->asker;
	struct str json;
	struct err *e;
	unsigned id = 0;

	json.at = luaL_checklstring(L, 1, &json.len);
	luaL_checkstring(L, 2);
	lua_settop(L, 2);
	if (!p->loading)
		return luaL_error(L, "a source is declared when the rules are loaded");
	if (asker->declare != NULL && (e = asker->declare(asker->ctx, json, &id)) != NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err_text(e));
		err_free(e);
		return 2;
	}
	lua_pushinteger(L, (lua_Integer)id);
	lua_pushvalue(L, 2);
	push_mirror(L);
	doc_push_list_mark(L);
	lua_pushcclosure(L, l_ask, 4);
	return 1;
}

static int
l_has(lua_State *L)
{
	const struct script_asker *asker = &policy_of(L)->waits->asker;
	struct str service;

	service.at = luaL_checklstring(L, 1, &service.len);
	lua_pushboolean(L, asker->has != NULL && asker->has(asker->ctx, service));
	return 1;
}

void
ask_push_program(lua_State *L)
{
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, l_declare);
	lua_setfield(L, -2, "declare");
	lua_pushcfunction(L, l_has);
	lua_setfield(L, -2, "has");
}
