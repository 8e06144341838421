/* lookup: the room of lookups with a loop of its own, and its pure parts, for specs. */
#include <ev.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "lookup/breaker.h"
#include "lookup/csv.h"
#include "lookup/fields.h"
#include "lookup/lookup.h"
#include "lua_values.h"

int luaopen_core_lookup(lua_State *L);

#define TYPE          "core.lookup"
#define SERVICES_MOST 8
#define TOLD_MOST     20000

struct bound {
	struct lookup *lookup;
	struct ev_loop *loop;
	struct lookup_service services[SERVICES_MOST];
	ev_timer limit;
	char *texts[SERVICES_MOST * 7 + 1]; /* what the lookup borrows */
	size_t text_count;
};

static lua_Integer told_list[TOLD_MOST];
static size_t told_count;
static unsigned asking; /* inside lookup_ask(): nobody may be told now */

static const char *const words[] = { "found", "nothing", "missing", "wait" };

static int
raise_err(lua_State *L, struct err *e)
{
	push_err(L, e);
	return lua_error(L);
}

/* A member of the table at the top, kept until it is closed. */
static const char *
member_text(lua_State *L, struct bound *b, const char *name)
{
	const char *text;
	char *copy = NULL;

	lua_getfield(L, -1, name);
	if ((text = lua_tostring(L, -1)) != NULL)
		b->texts[b->text_count++] = copy = strdup(text);
	lua_pop(L, 1);
	return copy;
}

static lua_Number
member_number(lua_State *L, const char *name, lua_Number otherwise)
{
	lua_Number v;

	lua_getfield(L, 1, name);
	v = luaL_optnumber(L, -1, otherwise);
	lua_pop(L, 1);
	return v;
}

static struct bound *
check_bound(lua_State *L)
{
	struct bound *b = luaL_checkudata(L, 1, TYPE);

	luaL_argcheck(L, b->lookup != NULL, 1, "it is closed");
	return b;
}

static size_t
read_services(lua_State *L, struct bound *b)
{
	size_t count = 0;

	lua_getfield(L, 1, "services");
	for (; count < SERVICES_MOST && lua_rawgeti(L, -1, (lua_Integer)count + 1) == LUA_TTABLE;
	     count++) {
		b->services[count] = (struct lookup_service){
			.name = member_text(L, b, "name"),
			.url = member_text(L, b, "url"),
			.file = member_text(L, b, "file"),
			.ca_file = member_text(L, b, "ca_file"),
			.cert_file = member_text(L, b, "cert_file"),
			.key_file = member_text(L, b, "key_file"),
			.headers_file = member_text(L, b, "headers_file"),
		};
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
	return count;
}

static void
on_limit(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* open{ services, deadline, max_requests, max_waiters, max_bytes, cache_file, blocking } */
static int
l_open(lua_State *L)
{
	struct lookup_config config = { 0 };
	struct bound *b;
	struct err *e;

	luaL_checktype(L, 1, LUA_TTABLE);
	b = lua_newuserdatauv(L, sizeof(*b), 0);
	memset(b, 0, sizeof(*b));
	luaL_setmetatable(L, TYPE);
	b->loop = ev_loop_new(EVFLAG_AUTO);
	ev_timer_init(&b->limit, on_limit, 0, 0);
	config.services = b->services;
	config.service_count = read_services(L, b);
	config.deadline = member_number(L, "deadline", 0.5);
	config.max_requests = (unsigned)member_number(L, "max_requests", 8);
	config.max_waiters = (size_t)member_number(L, "max_waiters", 10000);
	config.max_bytes = (size_t)member_number(L, "max_bytes", 1 << 20);
	lua_pushvalue(L, 1);
	config.cache_file = member_text(L, b, "cache_file");
	lua_pop(L, 1);
	lua_getfield(L, 1, "blocking");
	config.blocking = lua_toboolean(L, -1);
	lua_pop(L, 1);
	if ((e = lookup_open(&b->lookup, b->loop, &config)) != NULL)
		return raise_err(L, e);
	return 1;
}

static int
b_close(lua_State *L)
{
	struct bound *b = luaL_checkudata(L, 1, TYPE);

	lookup_close(b->lookup);
	b->lookup = NULL;
	if (b->loop != NULL)
		ev_loop_destroy(b->loop);
	b->loop = NULL;
	for (size_t i = 0; i < b->text_count; i++)
		free(b->texts[i]);
	b->text_count = 0;
	return 0;
}

/* declare(json) -> id, or nil and why not */
static int
b_declare(lua_State *L)
{
	struct bound *b = check_bound(L);
	struct err *e;
	unsigned id;

	if ((e = lookup_declare(b->lookup, check_str(L, 2), &id)) != NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err_text(e));
		err_free(e);
		return 2;
	}
	lua_pushinteger(L, id);
	return 1;
}

static void
on_told(void *waiter, uint64_t question)
{
	if (question != 7)
		abort(); /* not what was said in b_ask() */
	if (asking > 0)
		abort(); /* told from within */
	if (told_count < TOLD_MOST)
		told_list[told_count++] = (lua_Integer)(intptr_t)waiter;
}

/* ask(id, key, ticket) -> word, json, version */
static int
b_ask(lua_State *L)
{
	struct bound *b = check_bound(L);
	struct lookup_value value = { { 0 }, 0 };
	enum lookup_status status;

	asking += !lua_isnoneornil(L, 4);
	status = lookup_ask(b->lookup, (unsigned)luaL_checkinteger(L, 2), check_str(L, 3),
	    (struct lookup_waiter){ (void *)(intptr_t)luaL_optinteger(L, 4, 0), 7, on_told },
	    &value);
	asking = 0;
	lua_pushstring(L, words[status]);
	if (status != LOOKUP_FOUND)
		return 1;
	push_str(L, value.json);
	lua_pushinteger(L, (lua_Integer)value.version);
	return 3;
}

static int
b_forget(lua_State *L)
{
	lookup_forget(check_bound(L)->lookup, (void *)(intptr_t)luaL_checkinteger(L, 2));
	return 0;
}

/* turn(seconds, told): turns the loop so long, or until so many were told; -> list of tickets */
static int
b_turn(lua_State *L)
{
	struct bound *b = check_bound(L);
	double seconds = luaL_checknumber(L, 2);
	size_t wanted = (size_t)luaL_optinteger(L, 3, TOLD_MOST);
	int64_t until = clock_steady() + (int64_t)(seconds * 1e9);

	ev_now_update(b->loop);
	ev_timer_set(&b->limit, seconds, 0.001);
	ev_timer_start(b->loop, &b->limit);
	do
		ev_run(b->loop, EVRUN_ONCE);
	while (told_count < wanted && clock_steady() < until);
	ev_timer_stop(b->loop, &b->limit);
	lua_createtable(L, (int)told_count, 0);
	for (size_t i = 0; i < told_count; i++) {
		lua_pushinteger(L, told_list[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	told_count = 0;
	return 1;
}

static int
b_reopen(lua_State *L)
{
	lookup_reopen(check_bound(L)->lookup);
	return 0;
}

static int
b_withdraw(lua_State *L)
{
	lookup_withdraw(check_bound(L)->lookup, check_str(L, 2));
	return 0;
}

static int
b_has(lua_State *L)
{
	lua_pushboolean(L, lookup_has(check_bound(L)->lookup, check_str(L, 2)));
	return 1;
}

/* counters() -> { source → counters } */
static int
b_counters(lua_State *L)
{
	struct bound *b = check_bound(L);
	struct lookup_counters c;

	lua_newtable(L);
	for (size_t i = 0; i < lookup_sources(b->lookup); i++) {
		lookup_counters(b->lookup, i, &c);
		lua_newtable(L);
#define COUNTER(name)                            \
	lua_pushinteger(L, (lua_Integer)c.name); \
	lua_setfield(L, -2, #name)
		COUNTER(asked);
		COUNTER(cached);
		COUNTER(stale);
		COUNTER(missing);
		COUNTER(requests);
		COUNTER(failed);
		COUNTER(refused);
		COUNTER(entries);
		COUNTER(bytes);
#undef COUNTER
		set_boolean(L, "resting", c.resting);
		lua_setfield(L, -2, c.source);
	}
	return 1;
}

/* cost(id, key, times) -> nanoseconds of a question */
static int
b_cost(lua_State *L)
{
	struct bound *b = check_bound(L);
	unsigned id = (unsigned)luaL_checkinteger(L, 2);
	struct str key = check_str(L, 3);
	lua_Integer times = luaL_checkinteger(L, 4);
	struct lookup_value value;
	int64_t from = clock_steady();

	for (lua_Integer i = 0; i < times; i++)
		lookup_ask(b->lookup, id, key, (struct lookup_waiter){ 0 }, &value);
	lua_pushnumber(L, (double)(clock_steady() - from) / (double)times);
	return 1;
}

/* ---- pure parts ---- */

/* form(name, key) -> the key in its one spelling, or nil */
static int
l_form(lua_State *L)
{
	char room[ADDR_TEXT_SIZE];
	struct str key = check_str(L, 2);
	enum form form;

	if (!form_named(check_str(L, 1), &form))
		return luaL_error(L, "no such form");
	if (!form_check(form, &key, room))
		return 0;
	push_str(L, key);
	return 1;
}

static int
l_escape(lua_State *L)
{
	struct buf out = { 0 };

	form_escape(&out, check_str(L, 1));
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

/* keep(json, path, …) -> what is kept, or nil */
static int
l_keep(lua_State *L)
{
	struct field root = { 0 };
	struct buf out = { 0 };
	struct str json = check_str(L, 1);
	char *copy = malloc(json.len > 0 ? json.len : 1);
	struct err *e = NULL;
	bool good;

	if (json.len > 0)
		memcpy(copy, json.at, json.len);
	for (int i = 2; e == NULL && i <= lua_gettop(L); i++)
		e = field_add(&root, check_str(L, i));
	good = e == NULL && fields_keep(&out, &root, (struct str){ copy, json.len });
	if (good)
		push_str(L, buf_view(&out));
	field_fini(&root);
	buf_fini(&out);
	free(copy);
	if (e != NULL)
		return raise_err(L, e);
	return good ? 1 : 0;
}

struct keys {
	lua_State *L;
	lua_Integer count;
};

static bool
on_key(void *ctx, struct str key)
{
	struct keys *k = ctx;

	push_str(k->L, key);
	lua_rawseti(k->L, -2, ++k->count);
	return true;
}

/* keys(json, form, path, …) -> list, or nil */
static int
l_keys(lua_State *L)
{
	struct key_path paths[8];
	struct keys k = { L, 0 };
	size_t count = 0;
	enum form form;
	struct err *e;
	bool good;

	if (!form_named(check_str(L, 2), &form))
		return luaL_error(L, "no such form");
	for (int i = 3; i <= lua_gettop(L) && count < 8; i++)
		if ((e = key_path_parse(&paths[count++], check_str(L, i))) != NULL)
			return raise_err(L, e);
	lua_newtable(L);
	good = fields_keys(check_str(L, 1), paths, count, form, on_key, &k);
	for (size_t i = 0; i < count; i++)
		key_path_fini(&paths[i]);
	return good ? 1 : 0;
}

/* csv(text) -> list of rows, or nil and the line */
static int
l_csv(lua_State *L)
{
	struct buf room = { 0 };
	enum csv_status status;
	lua_Integer rows = 0, cells = 0;
	struct str cell;
	struct csv c;

	csv_init(&c, check_str(L, 1));
	lua_newtable(L);
	while ((status = csv_next(&c, &room, &cell)) == CSV_CELL || status == CSV_LAST) {
		if (cells == 0)
			lua_newtable(L);
		push_str(L, cell);
		lua_rawseti(L, -2, ++cells);
		if (status == CSV_LAST) {
			lua_rawseti(L, 2, ++rows);
			cells = 0;
		}
	}
	buf_fini(&room);
	if (status == CSV_END) {
		lua_settop(L, 2);
		return 1;
	}
	lua_pushnil(L);
	lua_pushinteger(L, c.line);
	return 2;
}

/* breaker(events): a list of { second, "good" | "fault" | "not_ready" | "sent" | "ask" } -> words */
static int
l_breaker(lua_State *L)
{
	static const char *const breaker_words[] = { "go", "try", "wait", "rest" };
	struct breaker b = { 0 };
	lua_Integer count = 0;

	lua_newtable(L);
	for (lua_Integer i = 1; lua_rawgeti(L, 1, i) == LUA_TTABLE; i++) {
		const char *what;
		int64_t now;

		lua_rawgeti(L, -1, 1);
		lua_rawgeti(L, -2, 2);
		now = (int64_t)(lua_tonumber(L, -2) * 1e9) + CLOCK_SECOND;
		what = lua_tostring(L, -1);
		if (strcmp(what, "good") == 0)
			breaker_good(&b);
		else if (strcmp(what, "fault") == 0)
			breaker_fault(&b, now, 0);
		else if (strcmp(what, "not_ready") == 0)
			breaker_not_ready(&b, now);
		else if (strcmp(what, "sent") == 0)
			breaker_sent(&b);
		else {
			lua_pushstring(L, breaker_words[breaker_ask(&b, now)]);
			lua_rawseti(L, 2, ++count);
		}
		lua_pop(L, 3);
	}
	lua_settop(L, 2);
	return 1;
}

/* log(path): lines go there from now on */
static int
l_log(lua_State *L)
{
	int fd = open(luaL_checkstring(L, 1), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return luaL_error(L, "no log");
	log_set_fd(fd);
	return 0;
}

int
luaopen_core_lookup(lua_State *L)
{
	static const luaL_Reg methods[] = { { "declare", b_declare }, { "ask", b_ask },
		{ "forget", b_forget }, { "turn", b_turn }, { "reopen", b_reopen },
		{ "has", b_has }, { "withdraw", b_withdraw }, { "counters", b_counters },
		{ "cost", b_cost }, { "close", b_close }, { "__gc", b_close }, { NULL, NULL } };
	static const luaL_Reg functions[] = { { "open", l_open }, { "form", l_form },
		{ "escape", l_escape }, { "keep", l_keep }, { "keys", l_keys }, { "csv", l_csv },
		{ "breaker", l_breaker }, { "log", l_log }, { NULL, NULL } };

	make_type(L, TYPE, methods);
	luaL_newlib(L, functions);
	return 1;
}
