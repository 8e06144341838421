/* script: rules over records, and the parts of the room that are worth a spec of their own. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bsm/sink_json.h"
#include "script/pattern.h"
#include "script/script.h"
#include "script_asker.h"
#include "script_parts.h"

int luaopen_core_script(lua_State *L);

#define TYPE      "core.script"
#define HELD_TYPE "core.script.held"

/* A record that waits. */
struct held {
	struct box *box;
	struct script_wait *wait; /* NULL: no more */
	struct record record;
	struct origin origin;
};

static struct box *
check(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 1, TYPE);

	luaL_argcheck(L, box->script != NULL, 1, "closed");
	return box;
}

/*
 * open { directory =, index =, max_heap =, time_limit =, eager =, asker = { declare =, ask =,
 * has =, forget = }, max_waiting =, waits = false }; nil and the error when it fails.
 */
static int
l_open(lua_State *L)
{
	struct script_config config = { .max_heap = 32u << 20, .time_limit = 50 };
	struct box *box;
	struct err *e;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "directory");
	config.directory = luaL_optstring(L, -1, NULL);
	lua_getfield(L, 1, "index");
	config.index = luaL_optstring(L, -1, "audit-%Y-%m-%d");
	lua_getfield(L, 1, "max_heap");
	config.max_heap = (size_t)luaL_optinteger(L, -1, (lua_Integer)config.max_heap);
	lua_getfield(L, 1, "time_limit");
	config.time_limit = (unsigned)luaL_optinteger(L, -1, (lua_Integer)config.time_limit);
	lua_getfield(L, 1, "eager");
	config.eager = lua_toboolean(L, -1);
	box = lua_newuserdatauv(L, sizeof(*box), 0);
	memset(box, 0, sizeof(*box));
	luaL_setmetatable(L, TYPE);
	if (!record_init(&box->record))
		return luaL_error(L, "out of memory");
	read_asker(L, box, &config);
	if ((e = script_open(&box->script, &config)) != NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err_text(e));
		err_free(e);
		return 2;
	}
	return 1;
}

static int
l_close(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 1, TYPE);

	box->L = L;
	script_close(box->script);
	box->script = NULL;
	luaL_unref(L, LUA_REGISTRYINDEX, box->own);
	box->own = LUA_NOREF;
	record_fini(&box->record);
	memset(&box->record, 0, sizeof(box->record));
	return 0;
}

/*
 * An origin from a table { from =, host =, principal =, received =, sequence = } at index, borrowed from it;
 * none when it is nil.
 */
static struct origin
check_origin(lua_State *L, int index)
{
	struct origin o = { .present = false };

	if (!lua_istable(L, index))
		return o;
	o.present = true;
	lua_getfield(L, index, "from");
	o.from = str_of(luaL_optstring(L, -1, "192.0.2.25"));
	lua_getfield(L, index, "host");
	o.host = str_of(luaL_optstring(L, -1, ""));
	lua_getfield(L, index, "principal");
	o.principal = str_of(luaL_optstring(L, -1, ""));
	lua_getfield(L, index, "received");
	o.received = luaL_optinteger(L, -1, 0);
	lua_getfield(L, index, "sequence");
	o.sequence = (uint64_t)luaL_optinteger(L, -1, 0);
	return o;
}

static struct dialect
check_dialect(lua_State *L, int index)
{
	struct dialect d = { .natural_ports = false };

	if (lua_istable(L, index)) {
		lua_getfield(L, index, "apple");
		d.apple = lua_toboolean(L, -1);
	}
	return d;
}

/* What came of a record, as a table. Takes out over. */
static int
push_result(lua_State *L, const struct script_result *result, struct buf *out)
{
	static const char *const verdicts[] = { "index", "drop", "withheld", "waits" };

	lua_newtable(L);
	set_text(L, "verdict", verdicts[result->verdict]);
	if (result->incomplete) {
		set_boolean(L, "incomplete", 1);
	}
	set_text(L, "rule", result->rule);
	set_text(L, "reason", result->reason);
	set_str(L, "index", result->index);
	set_str(L, "default_index", result->default_index);
	if (out->len > 7)
		set_str(L, "json", (struct str){ out->at + 7, out->len - 7 });
	buf_fini(out);
	return 1;
}

/*
 * script:run(bytes, origin?, dialect?) → { verdict =, rule =, reason =, index =, default_index =,
 * incomplete =, json = }; with verdict "waits", held = what script:resume() takes
 */
static int
l_run(lua_State *L)
{
	struct box *box = check(L);
	size_t size;
	const char *bytes = luaL_checklstring(L, 2, &size);
	struct origin origin = check_origin(L, 3);
	struct dialect dialect = check_dialect(L, 4);
	struct script_result result;
	struct buf out = { 0 };
	struct held *held;

	lua_settop(L, 3);
	held = lua_newuserdatauv(L, sizeof(*held), 2); /* 4 */
	memset(held, 0, sizeof(*held));
	luaL_setmetatable(L, HELD_TYPE);
	lua_pushvalue(L, 2);
	lua_setiuservalue(L, 4, 1);
	lua_pushvalue(L, 3);
	lua_setiuservalue(L, 4, 2);
	held->box = box;
	held->origin = origin;
	if (!record_init(&held->record))
		return luaL_error(L, "out of memory");
	record_decode(&held->record, (const uint8_t *)bytes, size, &dialect);
	buf_append(&out, "before ", 7);
	box->L = L;
	if (!script_run(box->script, &held->record, &held->origin, &out, &result)) {
		buf_fini(&out);
		return luaL_error(L, "out of memory");
	}
	push_result(L, &result, &out);
	if (result.verdict == SCRIPT_WAITS) {
		held->wait = result.wait;
		held->wait->user = held;
		lua_rawgeti(L, LUA_REGISTRYINDEX, box->own);
		lua_getfield(L, -1, "held");
		lua_pushvalue(L, 4);
		lua_rawsetp(L, -2, held);
		lua_pop(L, 2);
		lua_pushvalue(L, 4);
		lua_setfield(L, -2, "held");
	}
	return 1;
}

static int
l_held_gc(lua_State *L)
{
	struct held *held = luaL_checkudata(L, 1, HELD_TYPE);

	record_fini(&held->record);
	memset(held, 0, sizeof(*held));
	return 0;
}

static struct held *
check_held(lua_State *L, struct box *box)
{
	struct held *held = luaL_checkudata(L, 2, HELD_TYPE);

	luaL_argcheck(L, held->box == box && held->wait != NULL, 2, "does not wait");
	return held;
}

static void
let_go(lua_State *L, struct held *held)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, held->box->own);
	lua_getfield(L, -1, "held");
	lua_pushnil(L);
	lua_rawsetp(L, -2, held);
	lua_pop(L, 2);
	held->wait = NULL;
}

/* script:resume(held) → as run() */
static int
l_resume(lua_State *L)
{
	struct box *box = check(L);
	struct held *held = check_held(L, box);
	struct script_result result;
	struct buf out = { 0 };

	buf_append(&out, "before ", 7);
	box->L = L;
	if (!script_resume(held->wait, &out, &result)) {
		buf_fini(&out);
		return luaL_error(L, "out of memory");
	}
	if (result.verdict != SCRIPT_WAITS)
		let_go(L, held);
	return push_result(L, &result, &out);
}

static int
l_abandon(lua_State *L)
{
	struct box *box = check(L);
	struct held *held = check_held(L, box);

	box->L = L;
	script_abandon(held->wait);
	let_go(L, held);
	return 0;
}

/* script:tell(ticket): the answer is there. */
static int
l_tell(lua_State *L)
{
	struct box *box = check(L);

	struct ticket ticket;
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);

	luaL_argcheck(L, len == sizeof(ticket), 2, "no ticket");
	memcpy(&ticket, text, sizeof(ticket));
	box->L = L;
	box->told(ticket.waiter, ticket.question);
	return 0;
}

/* script:woken() → list of those that can go on, since the last time */
static int
l_woken(lua_State *L)
{
	struct box *box = check(L);

	lua_rawgeti(L, LUA_REGISTRYINDEX, box->own);
	lua_getfield(L, -1, "woken");
	lua_newtable(L);
	lua_setfield(L, -3, "woken");
	return 1;
}

static int
l_waiting(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)script_waiting(check(L)->script));
	return 1;
}

/* plain(bytes, origin?, dialect?): the document straight from the record, without rules. */
static int
l_plain(lua_State *L)
{
	size_t size;
	const char *bytes = luaL_checklstring(L, 1, &size);
	struct origin origin = check_origin(L, 2);
	struct dialect dialect = check_dialect(L, 3);
	struct record record;
	struct buf out = { 0 };
	struct json j;
	bool done;

	if (!record_init(&record))
		return luaL_error(L, "out of memory");
	record_decode(&record, (const uint8_t *)bytes, size, &dialect);
	json_init(&j, &out);
	done = document_walk(&record, &origin, &sink_json, &j);
	record_fini(&record);
	if (!done) {
		buf_fini(&out);
		return luaL_error(L, "out of memory");
	}
	return push_buf(L, &out);
}

static int
l_rules(lua_State *L)
{
	struct box *box = check(L);
	struct script_rule r;

	lua_newtable(L);
	for (size_t i = 0; i < script_rules(box->script); i++) {
		script_rule(box->script, i, &r);
		lua_newtable(L);
		set_text(L, "name", r.name);
		set_text(L, "about", r.about);
		set_text(L, "file", r.file);
		set_text(L, "phase", r.phase);
		set_integer(L, "matched", r.matched);
		set_integer(L, "dropped", r.dropped);
		set_integer(L, "routed", r.routed);
		set_integer(L, "failed", r.failed);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
l_work(lua_State *L)
{
	struct box *box = check(L);
	struct script_work w;

	script_work(box->script, &w);
	lua_newtable(L);
	set_integer(L, "records", w.records);
	set_integer(L, "entered", w.entered);
	set_integer(L, "probes", w.probes);
	set_integer(L, "conditions", w.conditions);
	set_integer(L, "lua_allocations", w.lua_allocations);
	set_integer(L, "rebuilt", w.rebuilt);
	set_integer(L, "waited", w.waited);
	set_integer(L, "restarted", w.restarted);
	set_integer(L, "heap", script_heap(box->script));
	return 1;
}

static int
l_hash(lua_State *L)
{
	lua_pushstring(L, script_hash(check(L)->script));
	return 1;
}

/* Where the log goes from now on: a file descriptor; and its level. */
static int
l_log(lua_State *L)
{
	int level = log_level_named(luaL_optstring(L, 2, "info"));

	log_set_fd((int)luaL_checkinteger(L, 1));
	log_set_level(level < 0 ? LOG_INFO : (enum log_level)level);
	return 0;
}

static const luaL_Reg methods[] = {
	{ "run", l_run },
	{ "resume", l_resume },
	{ "abandon", l_abandon },
	{ "tell", l_tell },
	{ "woken", l_woken },
	{ "waiting", l_waiting },
	{ "rules", l_rules },
	{ "work", l_work },
	{ "hash", l_hash },
	{ "close", l_close },
	{ "__gc", l_close },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "open", l_open },
	{ "plain", l_plain },
	{ "index_name_fault", l_index_name_fault },
	{ "template", l_template },
	{ "fault_text", l_fault_text },
	{ "heap", l_heap },
	{ "log", l_log },
	{ "find", pattern_find },
	{ "match", pattern_match },
	{ "gmatch", pattern_gmatch },
	{ "gsub", pattern_gsub },
	{ NULL, NULL },
};

int
luaopen_core_script(lua_State *L)
{
	luaL_newmetatable(L, HELD_TYPE);
	lua_pushcfunction(L, l_held_gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	make_type(L, TYPE, methods);
	luaL_newlib(L, functions);
	return 1;
}
