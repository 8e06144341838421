/*
 * shipper: a shipper whose server is the spec, in a time of its own; and what a document costs
 * without the kernel.
 */
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "output/shipper.h"

#include "output_values.h"

int luaopen_core_shipper(lua_State *L);

static const char *const verdict_names[] = { "items", "unclear", "busy", "moment", "refused",
	"too_large", "credentials", "forbidden", "blocked", "odd", "lost" };

#define SIM         "core.output.shipper"
#define SIM_FLIGHTS 64

struct sim {
	struct shipper *shipper;
	struct told told;
	int64_t now;
	struct batch *flights[SIM_FLIGHTS];
	unsigned nodes[SIM_FLIGHTS];
	int asked; /* bits: nodes that were asked */
	char urls[8][16];
	const char *url_list[8];
};

static bool
sim_send(void *ctx, struct batch *b, unsigned node)
{
	struct sim *s = ctx;

	for (int i = 0; i < SIM_FLIGHTS; i++)
		if (s->flights[i] == NULL) {
			s->flights[i] = b;
			s->nodes[i] = node;
			return true;
		}
	return false;
}

static void
sim_ask(void *ctx, unsigned node)
{
	((struct sim *)ctx)->asked |= 1 << node;
}

static void
sim_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	told_settled(&((struct sim *)ctx)->told, cookie, settled);
}

static void
sim_reopened(void *ctx)
{
	((struct sim *)ctx)->told.reopened++;
}

static struct sim *
check_sim(lua_State *L)
{
	return luaL_checkudata(L, 1, SIM);
}

/* shipper{ max_documents, max_bytes, max_parked, max_in_flight, nodes, retry_for, seed, compressed } */
static int
l_shipper(lua_State *L)
{
	struct shipper_config config = { 0 };
	struct shipper_port port = { sim_send, sim_ask, sim_settled, NULL, sim_reopened };
	struct sim *s;
	struct err *e;

	luaL_checktype(L, 1, LUA_TTABLE);
	s = lua_newuserdatauv(L, sizeof(*s), 0);
	memset(s, 0, sizeof(*s));
	luaL_setmetatable(L, SIM);
	config.url_count = (size_t)field_integer(L, 1, "nodes", 1);
	for (size_t i = 0; i < config.url_count && i < 8; i++) {
		snprintf(s->urls[i], sizeof(s->urls[i]), "node%zu", i);
		s->url_list[i] = s->urls[i];
	}
	config.urls = s->url_list;
	config.max_documents = (size_t)field_integer(L, 1, "max_documents", 1000);
	config.max_bytes = (size_t)field_integer(L, 1, "max_bytes", 1024 * 1024);
	config.max_parked = (size_t)field_integer(L, 1, "max_parked", 0);
	config.max_in_flight = (unsigned)field_integer(L, 1, "max_in_flight", 4);
	config.retry_for = field_integer(L, 1, "retry_for", 600) * CLOCK_SECOND;
	config.seed = (uint64_t)field_integer(L, 1, "seed", 12345);
	lua_getfield(L, 1, "compressed");
	config.compressed = lua_toboolean(L, -1);
	lua_pop(L, 1);
	told_init(&s->told, L);
	port.ctx = s;
	s->now = CLOCK_SECOND;
	if ((e = shipper_new(&s->shipper, &config, &port)) != NULL) {
		push_err(L, e);
		return lua_error(L);
	}
	return 1;
}

/* put(index, id, json, cookie, fallback, overwrite, record_bytes) */
static int
sim_put(lua_State *L)
{
	struct sim *s = check_sim(L);
	struct output_document d = check_document(L, 2);

	lua_pushboolean(L, shipper_put(s->shipper, &d, (void *)(intptr_t)luaL_checkinteger(L, 5)));
	return 1;
}

/* flush() -> list of requests that are out: { at, node, body, count, plain } */
static int
sim_flush(lua_State *L)
{
	struct sim *s = check_sim(L);
	lua_Integer n = 0;

	shipper_pump(s->shipper, s->now);
	lua_newtable(L);
	for (int i = 0; i < SIM_FLIGHTS; i++) {
		struct batch *b = s->flights[i];

		if (b == NULL)
			continue;
		lua_createtable(L, 0, 6);
		set_integer(L, "at", i);
		set_integer(L, "node", s->nodes[i] + 1);
		set_str(L, "body", buf_view(&b->body));
		set_integer(L, "count", b->count);
		set_boolean(L, "plain", b->plain);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* answer(at, { status, type, body, retry_after, torn, complete }): status nil is no answer */
static int
sim_answer(lua_State *L)
{
	struct sim *s = check_sim(L);
	int at = (int)luaL_checkinteger(L, 2);
	struct shipper_answer a = { .verdict = ANSWER_LOST, .why = "no answer" };
	struct answer answer;
	struct batch *b = s->flights[at];
	bool complete;

	luaL_argcheck(L, at >= 0 && at < SIM_FLIGHTS && b != NULL, 2, "no such request");
	luaL_checktype(L, 3, LUA_TTABLE);
	lua_settop(L, 3);
	lua_getfield(L, 3, "status");
	lua_getfield(L, 3, "type");
	lua_getfield(L, 3, "body");
	lua_getfield(L, 3, "retry_after");
	lua_getfield(L, 3, "torn");
	lua_getfield(L, 3, "complete");
	s->flights[at] = NULL;
	answer_init(&answer);
	if (!lua_isnil(L, 4)) {
		struct str body = opt_str(L, 6);

		a.status = (unsigned)luaL_checkinteger(L, 4);
		complete = lua_isnil(L, 9) || lua_toboolean(L, 9);
		answer_begin(&answer, a.status, luaL_optstring(L, 5, "application/json"));
		answer_feed(&answer, body.at, body.len);
		a.verdict = answer_end(&answer, complete, b->count);
		a.answer = &answer;
	}
	a.retry_after = luaL_optnumber(L, 7, 0);
	a.torn = lua_toboolean(L, 8);
	shipper_answered(s->shipper, b, s->nodes[at], &a, s->now);
	lua_pushstring(L, verdict_names[a.verdict]);
	answer_fini(&answer);
	return 1;
}

/*
 * asked(node, well): the answer to a question; without arguments: the nodes that were asked, as a
 * list
 */
static int
sim_asked(lua_State *L)
{
	struct sim *s = check_sim(L);
	lua_Integer n = 0;

	if (!lua_isnoneornil(L, 2)) {
		int node = (int)luaL_checkinteger(L, 2) - 1;

		s->asked &= ~(1 << node);
		shipper_asked(s->shipper, (unsigned)node, lua_toboolean(L, 3), s->now);
		return 0;
	}
	lua_newtable(L);
	for (int i = 0; i < 8; i++)
		if (s->asked & 1 << i) {
			lua_pushinteger(L, i + 1);
			lua_rawseti(L, -2, ++n);
		}
	return 1;
}

/*
 * pass(seconds), or, without, up to when something is due; returns the seconds that passed, nil
 * when nothing is due
 */
static int
sim_pass(lua_State *L)
{
	struct sim *s = check_sim(L);
	int64_t due;

	if (lua_isnoneornil(L, 2)) {
		due = shipper_due(s->shipper, s->now);
		if (due == PACE_NEVER)
			return 0;
	} else
		due = s->now + (int64_t)(luaL_checknumber(L, 2) * (double)CLOCK_SECOND);
	lua_pushnumber(L, due > s->now ? (double)(due - s->now) / (double)CLOCK_SECOND : 0);
	if (due > s->now)
		s->now = due;
	return 1;
}

static int
sim_try_again(lua_State *L)
{
	shipper_try_again(check_sim(L)->shipper);
	return 0;
}

static int
sim_settled_list(lua_State *L)
{
	told_take(&check_sim(L)->told, L);
	return 1;
}

static int
sim_pending(lua_State *L)
{
	struct sim *s = check_sim(L);

	lua_pushinteger(L, (lua_Integer)shipper_pending(s->shipper));
	lua_pushinteger(L, (lua_Integer)shipper_held(s->shipper));
	return 2;
}

/* How often it was said that what was given back may come again. */
static int
sim_reopened_count(lua_State *L)
{
	lua_pushinteger(L, check_sim(L)->told.reopened);
	return 1;
}

static int
sim_counters(lua_State *L)
{
	struct output_counters c;

	shipper_counters(check_sim(L)->shipper, &c);
	push_counters(L, &c);
	return 1;
}

static int
sim_close(lua_State *L)
{
	struct sim *s = check_sim(L);

	if (s->shipper == NULL)
		return 0;
	for (int i = 0; i < SIM_FLIGHTS; i++)
		if (s->flights[i] != NULL)
			shipper_drop(s->shipper, s->flights[i]);
	shipper_free(s->shipper);
	s->shipper = NULL;
	luaL_unref(L, LUA_REGISTRYINDEX, s->told.list);
	return 0;
}

static const luaL_Reg sim_methods[] = {
	{ "put", sim_put },
	{ "flush", sim_flush },
	{ "answer", sim_answer },
	{ "asked", sim_asked },
	{ "pass", sim_pass },
	{ "try_again", sim_try_again },
	{ "settled", sim_settled_list },
	{ "pending", sim_pending },
	{ "reopened", sim_reopened_count },
	{ "counters", sim_counters },
	{ "close", sim_close },
	{ "__gc", sim_close },
	{ NULL, NULL },
};

/* ---- bench ---- */

static void
count_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	(void)cookie;
	(void)settled;
	++*(uint64_t *)ctx;
}

struct bench {
	struct batch *out[8];
};

static bool
bench_send(void *ctx, struct batch *b, unsigned node)
{
	struct bench *bench = ctx;

	(void)node;
	for (int i = 0; i < 8; i++)
		if (bench->out[i] == NULL) {
			bench->out[i] = b;
			return true;
		}
	return false;
}

static void
bench_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	(void)ctx;
	count_settled(cookie, NULL, settled);
}

static void
bench_ask(void *ctx, unsigned node)
{
	(void)ctx;
	(void)node;
}

/*
 * bench(documents, json bytes, per request) -> ns per document for put, body, answer and fate; no
 * kernel
 */
static int
l_bench(lua_State *L)
{
	uint64_t count = (uint64_t)luaL_checkinteger(L, 1), settled = 0;
	size_t bytes = (size_t)luaL_checkinteger(L, 2), each = (size_t)luaL_checkinteger(L, 3);
	const char *url = "http://bench";
	struct shipper_config config = {
		.urls = &url, .url_count = 1, .max_in_flight = 4, .seed = 1
	};
	struct bench bench = { { NULL } };
	struct shipper_port port = { bench_send, bench_ask, bench_settled, &bench, NULL };
	struct buf json = { 0 }, body = { 0 };
	struct output_document d;
	struct shipper *shipper;
	struct answer answer;
	int64_t began, took;
	struct err *e;

	config.max_documents = each;
	config.max_bytes = 64 * 1024 * 1024;
	if ((e = shipper_new(&shipper, &config, &port)) != NULL) {
		push_err(L, e);
		return lua_error(L);
	}
	answer_init(&answer);
	buf_append(&json, "{\"a\":\"", 6);
	while (json.len < bytes - 2)
		buf_byte(&json, 'x');
	buf_append(&json, "\"}", 2);
	buf_append(&body, "{\"errors\":false,\"took\":30,\"items\":[", 35);
	for (size_t i = 0; i < each; i++)
		buf_printf(&body, "%s{\"create\":{\"status\":201}}", i > 0 ? "," : "");
	buf_append(&body, "]}", 2);
	d = (struct output_document){ STR("audit-2026-11-22"), STR("audit-2026-11-22"),
		STR("5t2abcAAaabbccddeeffgghh11"), buf_view(&json), false, 0 };
	began = clock_steady();
	for (uint64_t i = 0; i < count; i += each) {
		for (size_t k = 0; k < each; k++)
			if (!shipper_put(shipper, &d, &settled))
				return luaL_error(L, "out of memory");
		shipper_pump(shipper, began);
		for (int k = 0; k < 8; k++) {
			struct batch *b = bench.out[k];
			struct shipper_answer a = { .answer = &answer, .status = 200 };

			if (b == NULL)
				continue;
			bench.out[k] = NULL;
			answer_begin(&answer, 200, "application/json");
			answer_feed(&answer, body.at, body.len);
			a.verdict = answer_end(&answer, true, b->count);
			shipper_answered(shipper, b, 0, &a, began);
		}
	}
	took = clock_steady() - began;
	shipper_free(shipper);
	answer_fini(&answer);
	buf_fini(&json);
	buf_fini(&body);
	lua_pushnumber(L, (double)took / (double)(settled > 0 ? settled : 1));
	lua_pushinteger(L, (lua_Integer)settled);
	return 2;
}

/* log_to(fd), or log_to(path) */
static int
l_log_to(lua_State *L)
{
	static int file = -1;

	if (file >= 0)
		close(file);
	file = -1;
	if (lua_type(L, 1) == LUA_TSTRING) {
		file = open(lua_tostring(L, 1), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		luaL_argcheck(L, file >= 0, 1, "it cannot be opened");
		log_set_fd(file);
	} else
		log_set_fd((int)luaL_checkinteger(L, 1));
	return 0;
}

static const luaL_Reg functions[] = {
	{ "new", l_shipper },
	{ "bench", l_bench },
	{ "log_to", l_log_to },
	{ NULL, NULL },
};

int
luaopen_core_shipper(lua_State *L)
{
	make_type(L, SIM, sim_methods);
	luaL_newlib(L, functions);
	return 1;
}
