/* script: rules over records, and the parts of the room that are worth a spec of their own. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bsm/sink_json.h"
#include "script/fault.h"
#include "script/heap.h"
#include "script/pattern.h"
#include "script/script.h"
#include "script/template.h"

int luaopen_core_script(lua_State *L);

#define TYPE "core.script"

struct box {
	struct script *script;
	struct record record;
};

static int
push_buf(lua_State *L, struct buf *b)
{
	lua_pushlstring(L, b->len > 0 ? b->at : "", b->len);
	buf_fini(b);
	return 1;
}

static struct box *
check(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 1, TYPE);

	luaL_argcheck(L, box->script != NULL, 1, "closed");
	return box;
}

/*
 * open { directory =, index =, max_heap =, time_limit =, eager = }; nil and the error when it
 * fails.
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

	script_close(box->script);
	box->script = NULL;
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

static void
set_text(lua_State *L, const char *key, const char *text)
{
	if (text != NULL) {
		lua_pushstring(L, text);
		lua_setfield(L, -2, key);
	}
}

static void
set_str(lua_State *L, const char *key, struct str s)
{
	lua_pushlstring(L, s.len > 0 ? s.at : "", s.len);
	lua_setfield(L, -2, key);
}

/*
 * script:run(bytes, origin?, dialect?) → { verdict =, rule =, reason =, index =, default_index =,
 * json = }
 */
static int
l_run(lua_State *L)
{
	static const char *const verdicts[] = { "index", "drop", "withheld" };
	struct box *box = check(L);
	size_t size;
	const char *bytes = luaL_checklstring(L, 2, &size);
	struct origin origin = check_origin(L, 3);
	struct dialect dialect = check_dialect(L, 4);
	struct script_result result;
	struct buf out = { 0 };

	record_decode(&box->record, (const uint8_t *)bytes, size, &dialect);
	buf_append(&out, "before ", 7);
	if (!script_run(box->script, &box->record, &origin, &out, &result)) {
		buf_fini(&out);
		return luaL_error(L, "out of memory");
	}
	lua_newtable(L);
	set_text(L, "verdict", verdicts[result.verdict]);
	set_text(L, "rule", result.rule);
	set_text(L, "reason", result.reason);
	set_str(L, "index", result.index);
	set_str(L, "default_index", result.default_index);
	if (out.len > 7)
		set_str(L, "json", (struct str){ out.at + 7, out.len - 7 });
	buf_fini(&out);
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
		lua_pushinteger(L, (lua_Integer)r.matched);
		lua_setfield(L, -2, "matched");
		lua_pushinteger(L, (lua_Integer)r.dropped);
		lua_setfield(L, -2, "dropped");
		lua_pushinteger(L, (lua_Integer)r.routed);
		lua_setfield(L, -2, "routed");
		lua_pushinteger(L, (lua_Integer)r.failed);
		lua_setfield(L, -2, "failed");
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
	lua_pushinteger(L, (lua_Integer)w.records);
	lua_setfield(L, -2, "records");
	lua_pushinteger(L, (lua_Integer)w.entered);
	lua_setfield(L, -2, "entered");
	lua_pushinteger(L, (lua_Integer)w.probes);
	lua_setfield(L, -2, "probes");
	lua_pushinteger(L, (lua_Integer)w.conditions);
	lua_setfield(L, -2, "conditions");
	lua_pushinteger(L, (lua_Integer)w.lua_allocations);
	lua_setfield(L, -2, "lua_allocations");
	lua_pushinteger(L, (lua_Integer)w.rebuilt);
	lua_setfield(L, -2, "rebuilt");
	lua_pushinteger(L, (lua_Integer)script_heap(box->script));
	lua_setfield(L, -2, "heap");
	return 1;
}

static int
l_hash(lua_State *L)
{
	lua_pushstring(L, script_hash(check(L)->script));
	return 1;
}

static int
l_index_name_fault(lua_State *L)
{
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);

	lua_pushstring(L, index_name_fault((struct str){ name, len }));
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
		lua_pushnil(L);
		lua_pushstring(L, err_text(e));
		err_free(e);
		return 2;
	}
	for (int i = 2; i <= n; i++) {
		struct str name = template_name(&t, luaL_checkinteger(L, i));

		lua_pushlstring(L, name.at, name.len);
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
	luaL_newmetatable(L, TYPE);
	luaL_setfuncs(L, methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	luaL_newlib(L, functions);
	return 1;
}
