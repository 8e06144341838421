/* door: from rule to rule, on a coroutine of its own, and back after each yield. */
#include "script/door.h"

#include <lauxlib.h>
#include <string.h>

#include "script/template.h"
#include "script/watchdog.h"

/* Upvalues of door_enter(), see policy.h. Its stack: 1 struct door, 2 doc. */
enum { UP_KEYS = 1, UP_LIST_MARK, UP_DOC_META, UP_APPLIES, UP_FUNCTIONS, UP_NAMES };
#define AT_DOC 2

static const struct doc_parts parts = { lua_upvalueindex(UP_KEYS), lua_upvalueindex(UP_LIST_MARK) };

static void
push_doc(lua_State *L, struct door *d)
{
	struct run *run = &d->policy->run;

	if (run->has_doc) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, d->policy->seat.doc_ref);
		return;
	}
	lua_createtable(L, 0, 4);
	lua_pushvalue(L, lua_upvalueindex(UP_DOC_META));
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_rawseti(L, LUA_REGISTRYINDEX, d->policy->seat.doc_ref);
	run->has_doc = true;
	run->doc = lua_topointer(L, -1);
	document_set(run->record, run->origin, run->has);
	if (d->eager)
		doc_make_all(L, run, lua_gettop(L), parts);
}

size_t
door_next(const struct policy *p)
{
	size_t i = p->run.next, words = when_words(p->when);
	uint64_t word;

	if (i >= p->rule_count)
		return p->rule_count;
	word = p->run.wanted[i / 64] & ~UINT64_C(0) << (i % 64);
	for (i /= 64; word == 0; word = p->run.wanted[i])
		if (++i == words)
			return p->rule_count;
	return i * 64 + (size_t)__builtin_ctzll(word);
}

/* After Lua code has had the doc: rules behind this one may be wanted now, or no more. */
static void
select_again(lua_State *L, struct policy *p)
{
	struct when_live live = { L, AT_DOC, lua_upvalueindex(UP_NAMES) };

	if (p->run.next < p->rule_count && when_cares(p->when, &p->run))
		when_select(p->when, &p->run, p->run.next, &live);
}

/*
 * The functions in the `when` of a rule; each gets the value at its path, the doc where it has
 * none.
 */
static bool
ask_functions(lua_State *L, size_t rule)
{
	int top = lua_gettop(L);
	lua_Integer n, i = 1;
	bool yes = true;

	lua_rawgeti(L, lua_upvalueindex(UP_FUNCTIONS), (lua_Integer)rule + 1); /* list */
	n = (lua_Integer)lua_rawlen(L, -1);
	while (yes && i <= n) {
		lua_rawgeti(L, top + 1, i++); /* list function */
		lua_pushvalue(L, AT_DOC);     /* list function value */
		while (i <= n && lua_rawgeti(L, top + 1, i) == LUA_TSTRING) {
			if (lua_istable(L, -2))
				lua_gettable(L, -2); /* list function value inner */
			else {
				lua_pop(L, 1);
				lua_pushnil(L);
			}
			lua_replace(L, -2); /* list function inner */
			i++;
		}
		lua_settop(L, top + 3);
		lua_call(L, 1, 1);
		yes = lua_toboolean(L, -1);
		lua_settop(L, top + 1);
	}
	lua_settop(L, top);
	return yes;
}

static void
keep_text(lua_State *L, struct buf *out, int index)
{
	size_t len;
	const char *at = lua_tolstring(L, index, &len);

	buf_cut(out, 0);
	buf_append(out, at, len);
	buf_byte(out, '\0');
	if (buf_failed(out))
		luaL_error(L, "not enough memory");
	out->len--;
}

/* What the rule returned is at the top. True when the record goes no further. */
static bool
take_verdict(lua_State *L, struct door *d)
{
	struct policy *p = d->policy;
	const char *verdict, *why;
	struct str name;

	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return false;
	}
	if (!lua_istable(L, -1))
		luaL_error(L,
		    "apply returned a %s: it returns nothing, rule.drop(reason) or rule.route(index)",
		    luaL_typename(L, -1));
	lua_pushliteral(L, "verdict");
	lua_rawget(L, -2);
	verdict = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	if (strcmp(verdict, "drop") == 0) {
		lua_pushliteral(L, "reason");
		if (lua_rawget(L, -3) != LUA_TSTRING)
			luaL_error(L, "a drop without reason");
		keep_text(L, d->reason, -1);
		d->dropped = true;
		d->by = p->run.rule;
		return true;
	}
	if (strcmp(verdict, "route") != 0)
		luaL_error(L,
		    "apply returned a table: it returns nothing, rule.drop(reason) or rule.route(index)");
	if (p->rules[p->run.rule].phase != PHASE_ROUTE)
		luaL_error(L, "rule.route is for rules of the phase route");
	lua_pushliteral(L, "index");
	if (lua_rawget(L, -3) != LUA_TSTRING)
		luaL_error(L, "a route without index");
	name.at = lua_tolstring(L, -1, &name.len);
	if ((why = index_name_fault(name)) != NULL)
		luaL_error(L, "no name of an index: %s", why);
	keep_text(L, d->index, -1);
	d->routed = true;
	d->by = p->run.rule;
	p->run.next = p->rule_count; /* the first that routes decides */
	lua_pop(L, 3);
	return false;
}

/* A rule has returned. True when the record goes no further. */
static bool
after_rule(lua_State *L, struct door *d)
{
	struct policy *p = d->policy;

	p->run.next = p->run.rule + 1;
	if (take_verdict(L, d))
		return true;
	if (p->run.careful)
		encode_check(&p->encoder, L, &p->run, AT_DOC, parts);
	select_again(L, p);
	return false;
}

static int go(lua_State *L, struct door *d);

static int
go_on(lua_State *L, int status, lua_KContext context)
{
	struct door *d = (struct door *)(void *)context;

	(void)status;
	return after_rule(L, d) ? 0 : go(L, d);
}

static int
go(lua_State *L, struct door *d)
{
	struct policy *p = d->policy;
	struct run *run = &p->run;
	struct when_live live = { L, AT_DOC, lua_upvalueindex(UP_NAMES) };
	enum when_answer answer;
	size_t i;

	while ((i = door_next(p)) < p->rule_count) {
		run->rule = i;
		run->stage = RUN_ASK;
		answer = run->asked ? run->answer : when_ask(p->when, run, i, &live);
		run->asked = false;
		if (answer == WHEN_ASK && !ask_functions(L, i)) {
			run->next = i + 1;
			select_again(L, p);
			continue;
		}
		if (answer == WHEN_NO) {
			run->next = i + 1;
			continue;
		}
		run->stage = RUN_APPLY;
		run->applied[i / 64] |= UINT64_C(1) << (i % 64);
		lua_rawgeti(L, lua_upvalueindex(UP_APPLIES), (lua_Integer)i + 1);
		lua_pushvalue(L, AT_DOC);
		lua_callk(L, 1, 1, (lua_KContext)(void *)d, go_on);
		if (after_rule(L, d))
			return 0;
	}
	run->stage = RUN_WRITE;
	encode_doc(&p->encoder, L, run, AT_DOC, parts, d->out);
	return 0;
}

int
door_enter(lua_State *L)
{
	struct door *d = lua_touserdata(L, 1);
	bool again = d->policy->run.has_doc;

	lua_settop(L, 1);
	push_doc(L, d);
	/* The rule that failed may have changed the doc before it did. */
	if (again)
		select_again(L, d->policy);
	return go(L, d);
}

void
door_reset(struct door *d)
{
	struct run *run = &d->policy->run;
	size_t words = when_words(d->policy->when);

	door_end(d);
	memset(run->made, 0, sizeof(run->made));
	memset(run->applied, 0, words * sizeof(uint64_t));
	memset(run->failed, 0, words * sizeof(uint64_t));
	run->all_made = run->own = run->spelled = run->incomplete = false;
	run->stage = RUN_ENTER;
	run->rule = 0;
	buf_cut(&d->policy->encoder.tags, 0);
	d->dropped = d->routed = false;
	d->message = NULL;
}

#define THREAD_ROOM ((size_t)16 << 10) /* bytes that a coroutine takes at first, and more */

static int
take_new_thread(lua_State *L)
{
	struct seat *seat = lua_touserdata(L, 1);
	lua_State *thread = lua_newthread(L);

	lua_rawseti(L, LUA_REGISTRYINDEX, seat->thread_ref);
	seat->thread = thread;
	return 0;
}

/*
 * A thread that was ended from within its hook calls no hook any more, whatever resets it: the next
 * rule that runs for ever would do so. The new one may stand above the cap of the heap; when malloc
 * has no more either, the old one has to do, and the state is looked at after the record.
 */
static void
renew_thread(struct policy *p)
{
	int top = lua_gettop(p->L);

	lua_pushcfunction(p->L, take_new_thread);
	lua_pushlightuserdata(p->L, &p->seat);
	p->heap.most += THREAD_ROOM;
	if (lua_pcall(p->L, 1, 0, 0) != LUA_OK)
		p->heap.refused++;
	p->heap.most -= THREAD_ROOM;
	lua_settop(p->L, top);
}

/* A call has ended, in one way or another. */
static enum door_answer
left(struct door *d, int status)
{
	struct policy *p = d->policy;
	lua_State *L = p->seat.thread;

	if (status == LUA_YIELD) {
		d->used = watchdog_used();
		watchdog_leave(L);
		return DOOR_WAITS;
	}
	if (status == LUA_OK) {
		watchdog_leave(L);
		return DOOR_DONE;
	}
	/* The text is kept by the stack of the state. No __tostring: it would be Lua code. */
	lua_settop(p->L, 0);
	lua_xmove(L, p->L, 1);
	d->message = lua_type(p->L, -1) == LUA_TSTRING ? lua_tostring(p->L, -1) : NULL;
	/* Runs what the rule wants to be closed, in its time; where that is over, no hook would end it. */
	if (!watchdog_expired()) {
		lua_resetthread(L);
		lua_settop(L, 0);
	}
	if (watchdog_leave(L))
		renew_thread(p);
	return DOOR_FAULT;
}

enum door_answer
door_call(struct door *d, unsigned limit)
{
	struct policy *p = d->policy;
	lua_State *L = p->seat.thread;
	int results;

	lua_settop(L, 0);
	p->run.own_words = false;
	lua_rawgeti(L, LUA_REGISTRYINDEX, p->entry);
	lua_pushlightuserdata(L, d);
	watchdog_enter(L, limit);
	return left(d, lua_resume(L, p->L, 1, &results));
}

enum door_answer
door_resume(struct door *d, unsigned limit)
{
	struct policy *p = d->policy;
	lua_State *L = p->seat.thread;
	int results;

	watchdog_enter_again(L, limit, d->used);
	return left(d, lua_resume(L, p->L, 0, &results));
}

void
door_cut_off(struct policy *p, const struct seat *seat, struct run *run)
{
	lua_State *L = p->L;

	lua_settop(L, 0);
	if (!run->has_doc)
		return;
	lua_rawgeti(L, LUA_REGISTRYINDEX, seat->doc_ref);
	lua_pushnil(L);
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
	lua_pushboolean(L, 0);
	lua_rawseti(L, LUA_REGISTRYINDEX, seat->doc_ref);
	run->has_doc = false;
	run->doc = NULL;
}

void
door_end(struct door *d)
{
	door_cut_off(d->policy, &d->policy->seat, &d->policy->run);
	d->message = NULL;
}
