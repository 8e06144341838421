/* output: the output room for specs: its pure parts, a shipper whose server is the spec, a real output on a loop of its own. */
#include <ev.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/jsonread.h"
#include "base/log.h"
#include "base/pool.h"
#include "output/answer.h"
#include "output/gzip.h"
#include "output/http.h"
#include "output/output.h"
#include "output/repair.h"
#include "output/secret.h"
#include "output/shipper.h"
#include "output/template.h"

int luaopen_core_output(lua_State *L);

static struct str
check_str(lua_State *L, int at)
{
	struct str s;

	s.at = luaL_checklstring(L, at, &s.len);
	return s;
}

static struct str
opt_str(lua_State *L, int at)
{
	struct str s = { "", 0 };

	if (!lua_isnoneornil(L, at))
		s.at = luaL_checklstring(L, at, &s.len);
	return s;
}

static void
push_str(lua_State *L, struct str s)
{
	lua_pushlstring(L, s.len > 0 ? s.at : "", s.len);
}

static void
push_err(lua_State *L, struct err *e)
{
	lua_pushstring(L, err_text(e));
	err_free(e);
}

/* ---- jsonread ---- */

static const char *const token_names[] = { "bad", "end", "{", "}", "[", "]", "key", "text",
	"number", "true", "false", "null" };

/* Copies into memory of exactly its size, so that a sanitizer sees a byte too many. */
static char *
exact_copy(struct str s)
{
	char *copy = malloc(s.len > 0 ? s.len : 1);

	if (copy != NULL && s.len > 0)
		memcpy(copy, s.at, s.len);
	return copy;
}

/* jsonread(text) -> list of { token, text } up to the end or the first fault. */
static int
l_jsonread(lua_State *L)
{
	struct str s = check_str(L, 1);
	char *copy = exact_copy(s);
	struct jsonread r;
	enum jsonread_token token;
	lua_Integer n = 0;

	s.at = copy;
	jsonread_init(&r, s);
	lua_newtable(L);
	do {
		token = jsonread_next(&r);
		lua_createtable(L, 2, 0);
		lua_pushstring(L, token_names[token]);
		lua_rawseti(L, -2, 1);
		push_str(L, r.text);
		lua_rawseti(L, -2, 2);
		lua_rawseti(L, -2, ++n);
	} while (token != JSONREAD_BAD && token != JSONREAD_END);
	free(copy);
	return 1;
}

/* json_skip(text) -> the whole value, or nil */
static int
l_json_skip(lua_State *L)
{
	struct jsonread r;

	jsonread_init(&r, check_str(L, 1));
	if (!jsonread_skip(&r) || jsonread_next(&r) != JSONREAD_END)
		return 0;
	lua_pushboolean(L, 1);
	return 1;
}

static int
l_json_decode(lua_State *L)
{
	struct buf out = { 0 };
	bool good = jsonread_decode(&out, check_str(L, 1));

	push_str(L, buf_view(&out));
	lua_pushboolean(L, good);
	buf_fini(&out);
	return 2;
}

static int
l_json_integer(lua_State *L)
{
	struct jsonread r;
	int64_t v;

	jsonread_init(&r, check_str(L, 1));
	if (jsonread_next(&r) != JSONREAD_NUMBER || !jsonread_integer(&r, &v))
		return 0;
	lua_pushinteger(L, v);
	return 1;
}

/* ---- answer ---- */

static const char *const fault_names[] = { "stored", "stored_bad", "exists", "busy", "moment",
	"gone", "race", "document", "hopeless", "destination", "disk", "name", "unknown" };
static const char *const verdict_names[] = { "items", "unclear", "busy", "moment", "refused",
	"too_large", "credentials", "forbidden", "blocked", "odd", "lost" };

/*
 * answer{ status, type, body, actions, complete, chunk } -> verdict, items, same, type; an item is { position (from 1), status, fault,
 * word, field, error, cure }. With chunk, the body is fed in pieces of so many bytes.
 */
static int
l_answer(lua_State *L)
{
	struct answer a;
	struct str body;
	size_t chunk, actions;
	enum answer_verdict verdict;
	bool complete;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "status");
	lua_getfield(L, 1, "type");
	lua_getfield(L, 1, "body");
	lua_getfield(L, 1, "actions");
	lua_getfield(L, 1, "complete");
	lua_getfield(L, 1, "chunk");
	body = check_str(L, 4);
	actions = (size_t)luaL_checkinteger(L, 5);
	complete = lua_isnil(L, 6) || lua_toboolean(L, 6);
	chunk = (size_t)luaL_optinteger(L, 7, (lua_Integer)(body.len > 0 ? body.len : 1));
	answer_init(&a);
	answer_begin(&a, (unsigned)luaL_checkinteger(L, 2), luaL_optstring(L, 3, NULL));
	for (size_t at = 0; at < body.len && !answer_full(&a); at += chunk) {
		size_t len = body.len - at < chunk ? body.len - at : chunk;
		char *copy = exact_copy((struct str){ body.at + at, len });

		answer_feed(&a, copy, len);
		free(copy);
	}
	verdict = answer_end(&a, complete, actions);
	lua_pushstring(L, verdict_names[verdict]);
	lua_createtable(L, (int)a.count, 0);
	for (size_t i = 0; verdict == ANSWER_ITEMS && i < a.count; i++) {
		lua_newtable(L);
		lua_pushinteger(L, (lua_Integer)a.items[i].position + 1);
		lua_setfield(L, -2, "position");
		lua_pushinteger(L, a.items[i].status);
		lua_setfield(L, -2, "status");
		lua_pushstring(L, fault_names[a.items[i].view.fault]);
		lua_setfield(L, -2, "fault");
		lua_pushstring(L, a.items[i].view.word);
		lua_setfield(L, -2, "word");
		lua_pushstring(L, a.items[i].view.cure);
		lua_setfield(L, -2, "cure");
		push_str(L, answer_field(&a, &a.items[i]));
		lua_setfield(L, -2, "field");
		push_str(L, answer_error(&a, &a.items[i]));
		lua_setfield(L, -2, "error");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_pushboolean(L, a.same);
	push_str(L, answer_type(&a));
	answer_fini(&a);
	return 4;
}

/* ---- repair ---- */

static int
l_repair(lua_State *L)
{
	struct buf out = { 0 };
	struct str json = check_str(L, 1);
	char *copy = exact_copy(json);
	enum repair_status status =
	    repair_document(&out, (struct str){ copy, json.len }, opt_str(L, 2));

	free(copy);
	if (status != REPAIR_DONE) {
		lua_pushnil(L);
		lua_pushstring(L, status == REPAIR_BROKEN ? "broken" : "nothing");
		buf_fini(&out);
		return 2;
	}
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

static int
l_repair_finds(lua_State *L)
{
	lua_pushboolean(L, repair_finds(check_str(L, 1), check_str(L, 2)));
	return 1;
}

/* ---- small ones ---- */

static int
l_gzip(lua_State *L)
{
	struct buf out = { 0 };

	if (!gzip_pack(&out, check_str(L, 1)))
		return luaL_error(L, "gzip_pack");
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

static int
l_gunzip(lua_State *L)
{
	struct str in = check_str(L, 1);
	luaL_Buffer b;
	z_stream z = { 0 };
	int rc;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return luaL_error(L, "inflateInit2");
	z.next_in = (Bytef *)(uintptr_t)in.at;
	z.avail_in = (uInt)in.len;
	luaL_buffinit(L, &b);
	do {
		z.next_out = (Bytef *)luaL_prepbuffsize(&b, 65536);
		z.avail_out = 65536;
		rc = inflate(&z, Z_NO_FLUSH);
		luaL_addsize(&b, 65536 - z.avail_out);
	} while (rc == Z_OK);
	inflateEnd(&z);
	if (rc != Z_STREAM_END)
		return luaL_error(L, "inflate: %d", rc);
	luaL_pushresult(&b);
	return 1;
}

/* authorization(api_key_file, username, password_file) -> header or nil, reason */
static int
l_authorization(lua_State *L)
{
	struct buf out = { 0 };
	struct err *e = secret_authorization(&out, luaL_optstring(L, 1, NULL),
	    luaL_optstring(L, 2, NULL), luaL_optstring(L, 3, NULL));

	if (e != NULL) {
		lua_pushnil(L);
		push_err(L, e);
		secret_wipe(&out);
		return 2;
	}
	lua_pushstring(L, out.len > 0 ? out.at : "");
	secret_wipe(&out);
	return 1;
}

/* check_url(url) -> encrypted, loopback or nil, reason */
static int
l_check_url(lua_State *L)
{
	bool encrypted = false, loopback = false;
	struct err *e = http_check_url(luaL_checkstring(L, 1), &encrypted, &loopback);

	if (e != NULL) {
		lua_pushnil(L);
		push_err(L, e);
		return 2;
	}
	lua_pushboolean(L, encrypted);
	lua_pushboolean(L, loopback);
	return 2;
}

static int
l_template(lua_State *L)
{
	struct buf out = { 0 };
	bool good = template_render(
	    &out, template_family_named(luaL_checkstring(L, 1)), luaL_optstring(L, 2, NULL));

	if (!good) {
		buf_fini(&out);
		return 0;
	}
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

static int
l_template_compare(lua_State *L)
{
	static const char *const names[] = { "fine", "missing", "foreign", "old", "pattern",
		"overruled", "unknown" };

	lua_pushstring(
	    L, names[template_compare((unsigned)luaL_checkinteger(L, 1), check_str(L, 2),
		   template_family_named(luaL_checkstring(L, 3)), luaL_optstring(L, 4, NULL))]);
	return 1;
}

static int
l_template_in_force(lua_State *L)
{
	lua_pushboolean(L, template_in_force((unsigned)luaL_checkinteger(L, 1), check_str(L, 2)));
	return 1;
}

/* ---- what both outputs tell ---- */

struct told {
	lua_State *L;
	int list; /* reference to the list of what has settled since it was last asked */
	lua_Integer count;
	unsigned ready;
};

static void
told_init(struct told *t, lua_State *L)
{
	t->L = L;
	t->count = 0;
	lua_newtable(L);
	t->list = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void
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
static void
told_take(struct told *t, lua_State *L)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, t->list);
	luaL_unref(L, LUA_REGISTRYINDEX, t->list);
	lua_newtable(L);
	t->list = luaL_ref(L, LUA_REGISTRYINDEX);
	t->count = 0;
}

static struct output_document
check_document(lua_State *L, int at)
{
	struct output_document d;

	d.index = check_str(L, at);
	d.id = check_str(L, at + 1);
	d.json = check_str(L, at + 2);
	d.fallback_index = opt_str(L, at + 4);
	return d;
}

static void
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

/* ---- a shipper whose server is the spec ---- */

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

static lua_Integer
field_integer(lua_State *L, int at, const char *name, lua_Integer otherwise)
{
	lua_Integer v;

	lua_getfield(L, at, name);
	v = luaL_optinteger(L, -1, otherwise);
	lua_pop(L, 1);
	return v;
}

static struct sim *
check_sim(lua_State *L)
{
	return luaL_checkudata(L, 1, SIM);
}

/* shipper{ max_documents, max_bytes, max_in_flight, nodes, retry_for, seed, compressed } */
static int
l_shipper(lua_State *L)
{
	struct shipper_config config = { 0 };
	struct shipper_port port = { sim_send, sim_ask, sim_settled, NULL };
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

/* put(index, id, json, cookie, fallback) */
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
		lua_pushinteger(L, i);
		lua_setfield(L, -2, "at");
		lua_pushinteger(L, s->nodes[i] + 1);
		lua_setfield(L, -2, "node");
		push_str(L, buf_view(&b->body));
		lua_setfield(L, -2, "body");
		lua_pushinteger(L, (lua_Integer)b->count);
		lua_setfield(L, -2, "count");
		lua_pushboolean(L, b->plain);
		lua_setfield(L, -2, "plain");
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

/* asked(node, well): the answer to a question; without arguments: the nodes that were asked, as a list */
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

/* pass(seconds), or, without, up to when something is due; returns the seconds that passed, nil when nothing is due */
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
	{ "counters", sim_counters },
	{ "close", sim_close },
	{ NULL, NULL },
};

/* ---- a real output ---- */

#define REAL       "core.output.output"
#define TEXTS_MOST 16

struct real {
	struct output *output;
	struct ev_loop *loop;
	struct told told;
	ev_timer limit;
	char *texts[TEXTS_MOST];
	size_t text_count;
	const char *urls[8];
	bool broken;
};

static struct real *
check_real(lua_State *L)
{
	return luaL_checkudata(L, 1, REAL);
}

static const char *
field_text(lua_State *L, struct real *r, const char *name)
{
	const char *text = NULL;

	lua_getfield(L, 1, name);
	if (!lua_isnil(L, -1) && r->text_count < TEXTS_MOST)
		text = r->texts[r->text_count++] = strdup(luaL_checkstring(L, -1));
	lua_pop(L, 1);
	return text;
}

static bool
field_bool(lua_State *L, const char *name)
{
	bool v;

	lua_getfield(L, 1, name);
	v = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return v;
}

static double
field_number(lua_State *L, const char *name, double otherwise)
{
	double v;

	lua_getfield(L, 1, name);
	v = luaL_optnumber(L, -1, otherwise);
	lua_pop(L, 1);
	return v;
}

static void
real_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	struct real *r = ctx;

	told_settled(&r->told, cookie, settled);
}

static void
real_ready(void *ctx)
{
	((struct real *)ctx)->told.ready++;
}

static void
real_broken(void *ctx, const char *reason)
{
	(void)reason;
	((struct real *)ctx)->broken = true;
}

static void
on_limit(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ONE);
}

/* open{ kind = "elasticsearch"|"file"|"stdout", … } -> output or nil, reason */
static int
l_open(lua_State *L)
{
	static const char *const kinds[] = { "elasticsearch", "file", "stdout", NULL };
	struct output_config c = { 0 };
	struct output_handler handler;
	struct real *r;
	struct err *e;

	luaL_checktype(L, 1, LUA_TTABLE);
	r = lua_newuserdatauv(L, sizeof(*r), 0);
	memset(r, 0, sizeof(*r));
	luaL_setmetatable(L, REAL);
	told_init(&r->told, L);
	lua_getfield(L, 1, "kind");
	c.kind = (enum output_kind)luaL_checkoption(L, -1, "elasticsearch", kinds);
	lua_pop(L, 1);
	lua_getfield(L, 1, "urls");
	for (size_t i = 0;
	     lua_istable(L, -1) && i < 8 && lua_rawgeti(L, -1, (lua_Integer)i + 1) == LUA_TSTRING;
	     i++) {
		r->urls[c.url_count++] = r->texts[r->text_count++] = strdup(lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	lua_settop(L, 2);
	c.urls = r->urls;
	c.username = field_text(L, r, "username");
	c.password_file = field_text(L, r, "password_file");
	c.api_key_file = field_text(L, r, "api_key_file");
	c.ca_file = field_text(L, r, "ca_file");
	c.path = field_text(L, r, "path");
	c.template_name = field_text(L, r, "template_name");
	c.plain_credentials = field_bool(L, "plain_credentials");
	c.gzip = field_bool(L, "gzip");
	c.max_documents = (size_t)field_integer(L, 1, "max_documents", 1000);
	c.max_bytes = (size_t)field_integer(L, 1, "max_bytes", 5 * 1024 * 1024);
	c.max_in_flight = (unsigned)field_integer(L, 1, "max_in_flight", 4);
	c.max_held_bytes = (size_t)field_integer(L, 1, "max_held_bytes", 64 * 1024 * 1024);
	c.request_timeout = field_number(L, "request_timeout", 75);
	c.retry_for = field_number(L, "retry_for", 600);
	c.rotate_bytes = (uint64_t)field_integer(L, 1, "rotate_bytes", 0);
	c.rotate_keep = (unsigned)field_integer(L, 1, "rotate_keep", 0);
	handler = (struct output_handler){ real_settled, real_ready, r, real_broken };
	r->loop = ev_loop_new(EVFLAG_AUTO);
	ev_timer_init(&r->limit, on_limit, 0, 0);
	if ((e = output_open(&r->output, r->loop, &c, &handler)) != NULL) {
		lua_pushnil(L);
		push_err(L, e);
		return 2;
	}
	return 1;
}

static int
real_put(lua_State *L)
{
	struct real *r = check_real(L);
	struct output_document d = check_document(L, 2);

	lua_pushboolean(L, output_put(r->output, &d, (void *)(intptr_t)luaL_checkinteger(L, 5)));
	return 1;
}

static int
real_flush(lua_State *L)
{
	output_flush(check_real(L)->output);
	return 0;
}

/* run(seconds, pending): turns the loop until at most `pending` (0) documents have not settled, or the time is over */
static int
real_run(lua_State *L)
{
	struct real *r = check_real(L);
	double seconds = luaL_checknumber(L, 2);
	size_t left = (size_t)luaL_optinteger(L, 3, 0);
	int64_t until = clock_steady() + (int64_t)(seconds * (double)CLOCK_SECOND);
	bool always = lua_toboolean(L, 4); /* until the time is over, whatever settles */

	output_flush(r->output);
	while (
	    (always || output_pending(r->output) > left) && !r->broken && clock_steady() < until) {
		ev_now_update(r->loop);
		ev_timer_set(&r->limit, (double)(until - clock_steady()) / (double)CLOCK_SECOND, 0);
		ev_timer_start(r->loop, &r->limit);
		ev_run(r->loop, EVRUN_ONCE);
		ev_timer_stop(r->loop, &r->limit);
	}
	lua_pushinteger(L, (lua_Integer)output_pending(r->output));
	return 1;
}

static int
real_settled_list(lua_State *L)
{
	told_take(&check_real(L)->told, L);
	return 1;
}

static int
real_counters(lua_State *L)
{
	struct output_counters c;

	output_counters(check_real(L)->output, &c);
	push_counters(L, &c);
	return 1;
}

/* state() -> ready, pending, held, how often ready was called, broken */
static int
real_state(lua_State *L)
{
	struct real *r = check_real(L);

	lua_pushboolean(L, output_ready(r->output));
	lua_pushinteger(L, (lua_Integer)output_pending(r->output));
	lua_pushinteger(L, (lua_Integer)output_held(r->output));
	lua_pushinteger(L, r->told.ready);
	lua_pushboolean(L, r->broken);
	return 5;
}

static int
real_reopen(lua_State *L)
{
	output_reopen(check_real(L)->output);
	return 0;
}

static int
real_close(lua_State *L)
{
	struct real *r = check_real(L);

	if (r->loop == NULL)
		return 0;
	output_close(r->output);
	r->output = NULL;
	ev_loop_destroy(r->loop);
	r->loop = NULL;
	for (size_t i = 0; i < r->text_count; i++)
		free(r->texts[i]);
	luaL_unref(L, LUA_REGISTRYINDEX, r->told.list);
	return 0;
}

static const luaL_Reg real_methods[] = {
	{ "put", real_put },
	{ "flush", real_flush },
	{ "run", real_run },
	{ "settled", real_settled_list },
	{ "counters", real_counters },
	{ "state", real_state },
	{ "reopen", real_reopen },
	{ "close", real_close },
	{ NULL, NULL },
};

/* ---- the pool ---- */

struct sum_job {
	struct pool_job job;
	unsigned *left;
	uint64_t *total;
	uint64_t value, result;
	struct pool *pool;
	unsigned again; /* times to submit itself again */
};

static void
sum_work(struct pool_job *job)
{
	struct sum_job *j = container_of(job, struct sum_job, job);

	j->result = 0;
	for (uint64_t i = 1; i <= j->value; i++)
		j->result += i;
}

static void
sum_done(struct pool_job *job)
{
	struct sum_job *j = container_of(job, struct sum_job, job);

	*j->total += j->result;
	if (j->again-- > 0)
		pool_submit(j->pool, &j->job);
	else
		--*j->left;
}

/* pool_sum(jobs, threads, again, cancel) -> total, jobs that ran, jobs taken back; every cancel-th job is taken back */
static int
l_pool_sum(lua_State *L)
{
	unsigned count = (unsigned)luaL_checkinteger(L, 1), left = 0, cancelled = 0, ran = 0;
	unsigned again = (unsigned)luaL_optinteger(L, 3, 0),
		 each = (unsigned)luaL_optinteger(L, 4, 0);
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct sum_job *jobs = calloc(count, sizeof(*jobs));
	struct pool *pool;
	uint64_t total = 0;
	struct err *e;

	if ((e = pool_open(&pool, loop, (unsigned)luaL_checkinteger(L, 2))) != NULL) {
		push_err(L, e);
		return lua_error(L);
	}
	for (unsigned i = 0; i < count; i++) {
		jobs[i] = (struct sum_job){ .job = { .work = sum_work, .done = sum_done },
			.left = &left,
			.total = &total,
			.value = i,
			.pool = pool,
			.again = again };
		left++;
		pool_submit(pool, &jobs[i].job);
	}
	for (unsigned i = 0; each > 0 && i < count; i += each) {
		ran += pool_cancel(pool, &jobs[i].job);
		cancelled++;
		left--;
	}
	ev_run(loop, 0); /* ends by itself when nothing is busy */
	lua_pushinteger(L, (lua_Integer)total);
	lua_pushinteger(L, (lua_Integer)left);
	lua_pushinteger(L, cancelled);
	lua_pushinteger(L, pool_busy(pool));
	pool_close(pool);
	free(jobs);
	ev_loop_destroy(loop);
	(void)ran;
	return 4;
}

/* pool_stop(jobs, threads): closes a pool that is busy */
static int
l_pool_stop(lua_State *L)
{
	unsigned count = (unsigned)luaL_checkinteger(L, 1), left = 0;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct sum_job *jobs = calloc(count, sizeof(*jobs));
	struct pool *pool;
	uint64_t total = 0;
	struct err *e;

	if ((e = pool_open(&pool, loop, (unsigned)luaL_checkinteger(L, 2))) != NULL) {
		push_err(L, e);
		return lua_error(L);
	}
	for (unsigned i = 0; i < count; i++) {
		jobs[i] = (struct sum_job){ .job = { .work = sum_work, .done = sum_done },
			.left = &left,
			.total = &total,
			.value = 100000,
			.pool = pool };
		pool_submit(pool, &jobs[i].job);
	}
	pool_close(pool);
	free(jobs);
	ev_loop_destroy(loop);
	return 0;
}

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

/* bench(documents, json bytes, per request) -> ns per document for put, body, answer and fate; no kernel */
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
	struct shipper_port port = { bench_send, bench_ask, bench_settled, &bench };
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
		STR("5t2abcAAaabbccddeeffgghh11"), buf_view(&json) };
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

static int
l_log_to(lua_State *L)
{
	log_set_fd((int)luaL_checkinteger(L, 1));
	return 0;
}

/* setenv(name, value): of this process; nil takes it away */
static int
l_setenv(lua_State *L)
{
	if (lua_isnoneornil(L, 2))
		unsetenv(luaL_checkstring(L, 1));
	else
		setenv(luaL_checkstring(L, 1), luaL_checkstring(L, 2), 1);
	return 0;
}

/* file_limit(bytes): no file of this process grows beyond; without: as before. A write then fails as on a full disk. */
static int
l_file_limit(lua_State *L)
{
	struct rlimit r;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = lua_isnoneornil(L, 1) ? r.rlim_max : (rlim_t)luaL_checkinteger(L, 1);
	setrlimit(RLIMIT_FSIZE, &r);
	return 0;
}

/* redirect(fd, to): makes fd the same as to; returns a copy of what it was, for the way back */
static int
l_redirect(lua_State *L)
{
	int fd = (int)luaL_checkinteger(L, 1), was = dup(fd);

	dup2((int)luaL_checkinteger(L, 2), fd);
	lua_pushinteger(L, was);
	return 1;
}

/* pipe() -> reading end, writing end, both close-on-exec; the reading one does not block */
static int
l_pipe(lua_State *L)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return luaL_error(L, "pipe");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	lua_pushinteger(L, ends[0]);
	lua_pushinteger(L, ends[1]);
	return 2;
}

static int
l_fd_read(lua_State *L)
{
	char bytes[65536];
	ssize_t n = read((int)luaL_checkinteger(L, 1), bytes, sizeof(bytes));

	lua_pushlstring(L, bytes, n > 0 ? (size_t)n : 0);
	return 1;
}

static int
l_fd_close(lua_State *L)
{
	close((int)luaL_checkinteger(L, 1));
	return 0;
}

static const luaL_Reg functions[] = {
	{ "jsonread", l_jsonread },
	{ "json_skip", l_json_skip },
	{ "json_decode", l_json_decode },
	{ "json_integer", l_json_integer },
	{ "answer", l_answer },
	{ "repair", l_repair },
	{ "repair_finds", l_repair_finds },
	{ "gzip", l_gzip },
	{ "gunzip", l_gunzip },
	{ "authorization", l_authorization },
	{ "check_url", l_check_url },
	{ "template", l_template },
	{ "template_compare", l_template_compare },
	{ "template_in_force", l_template_in_force },
	{ "shipper", l_shipper },
	{ "open", l_open },
	{ "pool_sum", l_pool_sum },
	{ "pool_stop", l_pool_stop },
	{ "bench", l_bench },
	{ "log_to", l_log_to },
	{ "setenv", l_setenv },
	{ "file_limit", l_file_limit },
	{ "redirect", l_redirect },
	{ "pipe", l_pipe },
	{ "fd_read", l_fd_read },
	{ "fd_close", l_fd_close },
	{ NULL, NULL },
};

static void
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

int
luaopen_core_output(lua_State *L)
{
	make_type(L, SIM, sim_methods, sim_close);
	make_type(L, REAL, real_methods, real_close);
	luaL_newlib(L, functions);
	return 1;
}
