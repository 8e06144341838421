/*
 * wire: the pure parts of core/wire for specs, and a receiver that runs inside the spec: its loop
 * turns when the spec says so, and the spec settles the records.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "lua_values.h"
#include "wire/budget.h"
#include "wire/der.h"
#include "wire/frame.h"
#include "wire/handshake.h"
#include "wire/outbox.h"
#include "wire/receipts.h"
#include "wire/sender.h"
#include "wire/wire.h"

int luaopen_core_wire(lua_State *L);

/*
 * frame_next(bytes, max) -> "ready" | "more" | "too long", what is there of the body, size
 * announced
 */
static int
l_frame_next(lua_State *L)
{
	static const char *const names[] = { "ready", "more", "too long" };
	struct str in = check_str(L, 1);
	struct frame f;
	/* A copy of exact size, so that the sanitizers see each byte that is read beyond it. */
	char *copy = malloc(in.len > 0 ? in.len : 1);
	enum frame_status status;

	memcpy(copy, in.at, in.len);
	status = frame_next((struct str){ copy, in.len }, (uint32_t)luaL_checkinteger(L, 2), &f);
	lua_pushstring(L, names[status]);
	push_str(L, f.body);
	lua_pushinteger(L, f.size);
	free(copy);
	return 3;
}

static int
l_der_put(lua_State *L)
{
	uint8_t out[DER_LENGTH_MAX];

	lua_pushlstring(L, (char *)out, der_put_length(out, (uint32_t)luaL_checkinteger(L, 1)));
	return 1;
}

/* der_get(bytes) -> "ok" | "short" | "bad", length, bytes used */
static int
l_der_get(lua_State *L)
{
	static const char *const names[] = { "ok", "short", "bad" };
	struct str in = check_str(L, 1);
	char *copy = malloc(in.len > 0 ? in.len : 1);
	uint32_t n = 0;
	size_t used = 0;

	memcpy(copy, in.at, in.len);
	lua_pushstring(L, names[der_get_length((struct str){ copy, in.len }, &n, &used)]);
	lua_pushinteger(L, n);
	lua_pushinteger(L, (lua_Integer)used);
	free(copy);
	return 3;
}

static int
l_dummy_wrap(lua_State *L)
{
	struct buf out = { 0 };
	struct err *why = NULL;

	if (!mech_dummy.wrap(NULL, check_str(L, 1), &out, &why))
		return push_fault(L, why);
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

static int
l_dummy_unwrap(lua_State *L)
{
	struct str token = check_str(L, 1), plain;
	struct err *why = NULL;
	char *copy = malloc(token.len > 0 ? token.len : 1);
	int results = 1;

	memcpy(copy, token.at, token.len);
	if (mech_dummy.unwrap(NULL, (struct str){ copy, token.len }, &plain, &why) == MECH_TEXT)
		push_str(L, plain);
	else
		results = push_fault(L, why);
	free(copy);
	return results;
}

/*
 * dummy_unwrap_head(head, size of the whole token) -> "more" | plain head, plain size | nil,
 * reason
 */
static int
l_dummy_unwrap_head(lua_State *L)
{
	struct str head = check_str(L, 1), plain;
	struct err *why = NULL;
	char *copy = malloc(head.len > 0 ? head.len : 1);
	uint64_t size;
	int results = 2;

	memcpy(copy, head.at, head.len);
	switch (mech_dummy.unwrap_head(NULL, (struct str){ copy, head.len },
	    (uint64_t)luaL_checkinteger(L, 2), &plain, &size, &why)) {
	case MECH_DONE:
		push_str(L, plain);
		lua_pushinteger(L, (lua_Integer)size);
		break;
	case MECH_MORE:
		lua_pushstring(L, "more");
		results = 1;
		break;
	case MECH_FAILED: results = push_fault(L, why); break;
	}
	free(copy);
	return results;
}

static int
l_dummy_mic(lua_State *L)
{
	uint8_t out[256];
	struct err *why = NULL;

	lua_pushlstring(L, (char *)out, mech_dummy.mic(NULL, (struct str){ "", 0 }, out, &why));
	return 1;
}

static int
l_dummy_verify(lua_State *L)
{
	struct err *why = NULL;

	lua_pushboolean(L, mech_dummy.verify(NULL, (struct str){ "", 0 }, check_str(L, 1), &why));
	err_free(why);
	return 1;
}

/* dummy_initiate(multi token, answer...) -> the tokens that it sends, "done" | "more" | "failed" */
static int
l_dummy_initiate(lua_State *L)
{
	static const char *const names[] = { "done", "more", "failed" };
	struct mech_initiate how = { .host = "localhost", .multi_token = lua_toboolean(L, 1) };
	enum mech_step step;
	struct buf out = { 0 };
	struct err *why = NULL;
	void *context;
	int i = 2;

	luaL_argcheck(L, mech_dummy.initiate_open(&context, &how) == NULL, 1, "memory");
	lua_newtable(L);
	step = mech_dummy.initiate(context, (struct str){ "", 0 }, &out, &why);
	for (;;) {
		if (out.len > 0) {
			push_str(L, buf_view(&out));
			lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
			buf_fini(&out);
		}
		if (step != MECH_MORE || lua_type(L, i) != LUA_TSTRING)
			break;
		step = mech_dummy.initiate(context, check_str(L, i++), &out, &why);
	}
	mech_dummy.close(context);
	err_free(why);
	lua_pushstring(L, names[step]);
	return 2;
}

static int
l_token_oid(lua_State *L)
{
	struct str oid;

	if (!mech_token_oid(check_str(L, 1), &oid))
		return 0;
	push_str(L, oid);
	return 1;
}

/*
 * handshake(allow dummy, frame body...) -> last step, all that is answered, reason, binding,
 * frames it took
 */
static int
l_handshake(lua_State *L)
{
	static const char *const names[] = { "more", "done", "broken", "no mechanism", "refused" };
	static const struct mech *const dummy[] = { &mech_dummy, NULL };
	enum handshake_step step = HANDSHAKE_MORE;
	struct handshake h;
	struct buf out = { 0 };
	struct err *why = NULL;
	int i, last = lua_gettop(L);

	handshake_init(&h, lua_toboolean(L, 1) ? dummy : dummy + 1, NULL);
	for (i = 2; i <= last && step == HANDSHAKE_MORE; i++)
		step = handshake_frame(&h, check_str(L, i), &out, &why);
	lua_pushstring(L, names[step]);
	push_str(L, buf_view(&out));
	lua_pushstring(L, why != NULL ? err_text(why) : NULL);
	lua_pushlstring(L, h.binding, h.binding_len);
	lua_pushinteger(L, i - 2);
	handshake_fini(&h);
	buf_fini(&out);
	err_free(why);
	return 5;
}

/* budget_levels(cap, {total, ...}) -> level after these totals in turn, one by one */
static int
l_budget_levels(lua_State *L)
{
	static const char *const names[] = { "free", "tight", "full" };
	struct budget b = { .cap = (uint64_t)luaL_checkinteger(L, 1), .cap_sender = UINT64_MAX };

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_newtable(L);
	for (lua_Integer i = 1; lua_rawgeti(L, 2, i) == LUA_TNUMBER; i++) {
		budget_count(&b, b.total, (uint64_t)lua_tointeger(L, -1));
		lua_pop(L, 1);
		lua_pushstring(L, names[b.level]);
		lua_rawseti(L, -2, i);
	}
	lua_pop(L, 1);
	return 1;
}

/* budget_may_read{cap =, cap_sender =, total =, records =, held =, senders =, stopped =} */
static lua_Integer
field(lua_State *L, int i, const char *name, lua_Integer otherwise)
{
	lua_Integer v = otherwise;

	if (lua_getfield(L, i, name) != LUA_TNIL)
		v = (lua_Integer)luaL_checknumber(L, -1);
	lua_pop(L, 1);
	return v;
}

static double
number_field(lua_State *L, int i, const char *name, double otherwise)
{
	double v = otherwise;

	if (lua_getfield(L, i, name) != LUA_TNIL)
		v = luaL_checknumber(L, -1);
	lua_pop(L, 1);
	return v;
}

static int
l_budget_may_read(lua_State *L)
{
	struct budget b = { 0 };

	b.cap = (uint64_t)field(L, 1, "cap", 1000);
	b.cap_sender = (uint64_t)field(L, 1, "cap_sender", 1000);
	budget_count(&b, 0, (uint64_t)field(L, 1, "total", 0));
	lua_pushboolean(
	    L, budget_may_read(&b, (uint64_t)field(L, 1, "records", 0),
		   (uint64_t)field(L, 1, "held", 0), (unsigned)field(L, 1, "senders", 1),
		   field(L, 1, "stopped", 0) != 0));
	return 1;
}

/* receipts(mic length): an object with add, settle, undo, collect, owed, memory */
#define RECEIPTS     "core.wire.receipts"
#define RECEIPTS_MIC 30

static int
l_receipts(lua_State *L)
{
	struct receipts *r = lua_newuserdatauv(L, sizeof(*r), 0);

	receipts_init(r, RECEIPTS_MIC);
	luaL_setmetatable(L, RECEIPTS);
	return 1;
}

static int
l_receipts_add(lua_State *L)
{
	struct receipts *r = luaL_checkudata(L, 1, RECEIPTS);
	struct str mic = check_str(L, 4);
	uint8_t *at;

	luaL_argcheck(L, mic.len <= RECEIPTS_MIC, 4, "too long");
	if (!receipts_slot(r, &at))
		return luaL_error(L, "memory");
	memcpy(at, mic.at, mic.len);
	lua_pushinteger(L, (lua_Integer)receipts_take(r, (uint64_t)luaL_checkinteger(L, 2),
			       (uint32_t)luaL_checkinteger(L, 3), mic.len));
	return 1;
}

static int
l_receipts_undo(lua_State *L)
{
	receipts_undo(luaL_checkudata(L, 1, RECEIPTS));
	return 0;
}

static int
l_receipts_settle(lua_State *L)
{
	uint32_t size;

	if (!receipts_settle(luaL_checkudata(L, 1, RECEIPTS), (uint64_t)luaL_checkinteger(L, 2),
		lua_toboolean(L, 3), &size))
		return 0;
	lua_pushinteger(L, size);
	return 1;
}

static int
l_receipts_collect(lua_State *L)
{
	struct buf out = { 0 };
	size_t count = receipts_collect(
	    luaL_checkudata(L, 1, RECEIPTS), &out, (size_t)luaL_optinteger(L, 2, LUA_MAXINTEGER));

	push_str(L, buf_view(&out));
	lua_pushinteger(L, (lua_Integer)count);
	buf_fini(&out);
	return 2;
}

static int
l_receipts_state(lua_State *L)
{
	struct receipts *r = luaL_checkudata(L, 1, RECEIPTS);

	lua_pushinteger(L, (lua_Integer)r->owed);
	lua_pushinteger(L, (lua_Integer)receipts_memory(r));
	lua_pushboolean(L, receipts_due(r));
	return 3;
}

static int
l_receipts_gc(lua_State *L)
{
	receipts_fini(luaL_checkudata(L, 1, RECEIPTS));
	return 0;
}

/* A receiver; its loop turns only in turn(). */
#define RECEIVER      "core.wire.receiver"
#define LISTENERS_MAX 4
#define NETS_MAX      4

struct receiver {
	lua_State *L; /* of the call that runs the loop */
	struct ev_loop *loop;
	ev_timer limit;
	struct wire *wire;
	struct wire_config config;
	struct wire_handler handler;
	struct wire_listener listeners[LISTENERS_MAX];
	struct addr_net nets[LISTENERS_MAX][NETS_MAX];
	char addresses[LISTENERS_MAX][64];
	int records, events; /* references to tables */
	int lots;            /* … of numbers that are drawn, and how many were */
	size_t drawn;
	int admit; /* a reference to a function, or LUA_NOREF */
	char keytab[256];
	char sender[128], host[128]; /* as which somebody was admitted last */
	lua_Integer refuse;          /* so many records find no memory */
	bool settle;                 /* each record is acknowledged as it comes */
	bool count_only;             /* and not shown to Lua */
	bool done;
};

static void
add_event(struct receiver *r, const char *what, struct peer *p, const char *reason)
{
	lua_State *L = r->L;

	lua_rawgeti(L, LUA_REGISTRYINDEX, r->events);
	lua_createtable(L, 0, 4);
	set_text(L, "what", what);
	set_text(L, "from", peer_from(p));
	set_text(L, "sender", peer_sender(p));
	set_text(L, "host", peer_host(p));
	set_text(L, "principal", peer_principal(p));
	set_text(L, "reason", reason);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	lua_pop(L, 1);
}

/* admit(principal, host, from, mechanism) -> sender, host | nil, reason */
static bool
on_admit(void *ctx, const struct wire_claim *claim, struct wire_admission *out, struct err **why)
{
	struct receiver *r = ctx;
	lua_State *L = r->L;
	bool in;

	lua_rawgeti(L, LUA_REGISTRYINDEX, r->admit);
	lua_pushstring(L, claim->principal);
	lua_pushstring(L, claim->host);
	lua_pushstring(L, claim->from);
	lua_pushstring(L, claim->mechanism);
	lua_call(L, 4, 2);
	in = lua_isstring(L, -2);
	if (in) {
		snprintf(r->sender, sizeof(r->sender), "%s", lua_tostring(L, -2));
		out->sender = r->sender;
		if (lua_isstring(L, -1)) {
			snprintf(r->host, sizeof(r->host), "%s", lua_tostring(L, -1));
			out->host = r->host;
		}
	} else
		*why = err_new("%s", lua_tostring(L, -1));
	lua_pop(L, 2);
	return in;
}

static void
on_arrived(void *ctx, struct peer *p)
{
	add_event(ctx, "arrived", p, NULL);
	peer_set_user(p, ctx);
}

static void
on_left(void *ctx, struct peer *p, const char *reason)
{
	add_event(ctx, "left", p, reason);
}

static bool
on_record(void *ctx, struct peer *p, const struct wire_record *record)
{
	struct receiver *r = ctx;
	lua_State *L = r->L;

	if (r->refuse > 0) {
		r->refuse--;
		return false;
	}
	if (!r->count_only) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, r->records);
		lua_createtable(L, 0, 6);
		lua_pushlightuserdata(L, p);
		lua_setfield(L, -2, "peer");
		set_integer(L, "receipt", record->receipt);
		set_integer(L, "sequence", record->sequence);
		set_str(L, "bytes", record->bytes);
		set_integer(L, "full_size", record->full_size);
		set_integer(L, "received", record->received);
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
		lua_pop(L, 1);
	}
	if (r->settle)
		peer_settle(p, record->receipt, true);
	return true;
}

static void
on_done(void *ctx)
{
	((struct receiver *)ctx)->done = true;
}

static void
on_limit(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* The next number of the list; then the first one again. */
static uint32_t
draw_lot(void *ctx)
{
	struct receiver *r = ctx;
	uint32_t lot;

	lua_rawgeti(r->L, LUA_REGISTRYINDEX, r->lots);
	lua_rawgeti(r->L, -1, (lua_Integer)(r->drawn++ % lua_rawlen(r->L, -1)) + 1);
	lot = (uint32_t)lua_tointeger(r->L, -1);
	lua_pop(r->L, 2);
	return lot;
}

static void
read_listener(lua_State *L, struct receiver *r, size_t i)
{
	struct wire_listener *l = &r->listeners[i];
	struct err *e;

	if (lua_getfield(L, -1, "address") != LUA_TNIL) {
		snprintf(r->addresses[i], sizeof(r->addresses[i]), "%s", luaL_checkstring(L, -1));
		l->address = r->addresses[i];
	}
	lua_pop(L, 1);
	l->port = (uint16_t)field(L, -1, "port", 0);
	l->kerberos = field(L, -1, "kerberos", 0) != 0;
	l->dummy_from = r->nets[i];
	lua_getfield(L, -1, "dummy");
	l->dummy = lua_istable(L, -1);
	for (lua_Integer n = 1; l->dummy && lua_rawgeti(L, -1, n) == LUA_TSTRING && n <= NETS_MAX;
	     n++) {
		if ((e = addr_net_parse(lua_tostring(L, -1), &r->nets[i][n - 1])) != NULL)
			luaL_error(L, "%s", err_text(e));
		l->dummy_from_count++;
		lua_pop(L, 1);
	}
	lua_pop(L, l->dummy ? 2 : 1);
}

/* open{ setting = value, listeners = { { address =, port =, dummy = { network, ... } }, ... } } */
static int
l_open(lua_State *L)
{
	struct receiver *r;
	struct wire_config *c;
	struct err *e;

	luaL_checktype(L, 1, LUA_TTABLE);
	r = lua_newuserdatauv(L, sizeof(*r), 0);
	memset(r, 0, sizeof(*r));
	r->records = r->events = r->admit = r->lots = LUA_NOREF;
	luaL_setmetatable(L, RECEIVER);
	c = &r->config;
	c->max_frame_login = (uint32_t)field(L, 1, "max_frame_login", 4096);
	c->max_frame = (uint32_t)field(L, 1, "max_frame", 8 << 20);
	c->kept_head = (uint32_t)field(L, 1, "kept_head", 4096);
	c->max_connections = (unsigned)field(L, 1, "max_connections", 4096);
	c->max_logins = (unsigned)field(L, 1, "max_logins", 1024);
	c->startups_begin = (unsigned)field(L, 1, "startups_begin", 0);
	c->startups_rate = (unsigned)field(L, 1, "startups_rate", 0);
	c->max_rate = (unsigned)field(L, 1, "max_rate", 0);
	if (lua_getfield(L, 1, "random") == LUA_TTABLE) {
		r->lots = luaL_ref(L, LUA_REGISTRYINDEX);
		c->random = draw_lot;
		c->random_ctx = r;
	} else
		lua_pop(L, 1);
	c->login_grace_time = number_field(L, 1, "login_grace_time", 30.);
	c->max_in_flight_sender = (uint64_t)field(L, 1, "max_in_flight_sender", 64 << 20);
	c->max_in_flight = (uint64_t)field(L, 1, "max_in_flight", 256 << 20);
	c->linger = number_field(L, 1, "linger", 5.);
	c->workers = (unsigned)field(L, 1, "workers", 0);
	c->kerberos.weak_encryption = field(L, 1, "weak_encryption", 0) != 0;
	if (lua_getfield(L, 1, "keytab") == LUA_TSTRING) {
		snprintf(r->keytab, sizeof(r->keytab), "%s", lua_tostring(L, -1));
		c->kerberos.keytab = r->keytab;
	}
	lua_pop(L, 1);
	r->settle = field(L, 1, "settle", 0) != 0;
	r->count_only = field(L, 1, "count_only", 0) != 0;
	r->L = L;
	if (lua_getfield(L, 1, "listeners") == LUA_TTABLE)
		while (c->listener_count < LISTENERS_MAX &&
		       lua_rawgeti(L, -1, (lua_Integer)c->listener_count + 1) == LUA_TTABLE) {
			read_listener(L, r, c->listener_count++);
			lua_pop(L, 1);
		}
	else {
		r->listeners[0] = (struct wire_listener){ .address = "127.0.0.1",
			.dummy = true,
			.dummy_from = r->nets[0],
			.dummy_from_count = 1 };
		e = addr_net_parse("127.0.0.0/8", &r->nets[0][0]);
		err_free(e);
		c->listener_count = 1;
	}
	lua_settop(L, 2);
	c->listeners = r->listeners;
	lua_newtable(L);
	r->records = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_newtable(L);
	r->events = luaL_ref(L, LUA_REGISTRYINDEX);
	r->handler = (struct wire_handler){
		.arrived = on_arrived, .record = on_record, .left = on_left, .ctx = r
	};
	if (lua_getfield(L, 1, "admit") == LUA_TFUNCTION) {
		r->admit = luaL_ref(L, LUA_REGISTRYINDEX);
		r->handler.admit = on_admit;
		r->handler.admit_ctx = r;
	} else
		lua_pop(L, 1);
	r->loop = ev_loop_new(EVFLAG_AUTO);
	ev_timer_init(&r->limit, on_limit, 0., 0.);
	if ((e = wire_open(&r->wire, r->loop, &r->config, &r->handler)) != NULL)
		return push_fault(L, e);
	return 1;
}

static struct receiver *
check_receiver(lua_State *L)
{
	struct receiver *r = luaL_checkudata(L, 1, RECEIVER);

	r->L = L;
	return r;
}

/*
 * turn([seconds]): everything that is ready now, or what happens within that time, whichever
 * comes first
 */
static int
l_turn(lua_State *L)
{
	struct receiver *r = check_receiver(L);
	double seconds = luaL_optnumber(L, 2, 0.);

	if (seconds > 0.) {
		ev_now_update(r->loop);
		ev_timer_set(&r->limit, seconds, 0.);
		ev_timer_start(r->loop, &r->limit);
		ev_run(r->loop, EVRUN_ONCE);
		ev_timer_stop(r->loop, &r->limit);
	}
	/* The second pass writes what the first one settled. */
	ev_run(r->loop, EVRUN_NOWAIT);
	ev_run(r->loop, EVRUN_NOWAIT);
	lua_pushboolean(L, r->done);
	return 1;
}

static int
take_list(lua_State *L, int *ref)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, *ref);
	lua_newtable(L);
	lua_rawseti(L, LUA_REGISTRYINDEX, *ref);
	return 1;
}

static int
l_take_records(lua_State *L)
{
	return take_list(L, &check_receiver(L)->records);
}

static int
l_take_events(lua_State *L)
{
	return take_list(L, &check_receiver(L)->events);
}

/* settle(record[, acknowledge = true]) */
static int
l_settle(lua_State *L)
{
	struct peer *p;

	check_receiver(L);
	lua_getfield(L, 2, "peer");
	p = lua_touserdata(L, -1);
	lua_getfield(L, 2, "receipt");
	peer_settle(p, (uint64_t)luaL_checkinteger(L, -1), lua_isnone(L, 3) || lua_toboolean(L, 3));
	return 0;
}

/* settle_after(records): gives their receipts back when the receiver is closed already */
static int
l_settle_after(lua_State *L)
{
	luaL_checktype(L, 2, LUA_TTABLE);
	for (lua_Integer i = 1; lua_rawgeti(L, 2, i) == LUA_TTABLE; i++) {
		lua_getfield(L, -1, "peer");
		lua_getfield(L, -2, "receipt");
		peer_settle(lua_touserdata(L, -2), (uint64_t)lua_tointeger(L, -1), true);
		lua_pop(L, 3);
	}
	return 0;
}

static int
l_set(lua_State *L)
{
	struct receiver *r = check_receiver(L);

	luaL_checktype(L, 2, LUA_TTABLE);
	r->refuse = field(L, 2, "refuse", r->refuse);
	r->settle = field(L, 2, "settle", r->settle) != 0;
	return 0;
}

static int
l_flush(lua_State *L)
{
	wire_flush(check_receiver(L)->wire);
	return 0;
}

static int
l_stop(lua_State *L)
{
	struct receiver *r = check_receiver(L);

	wire_stop(r->wire, on_done, r);
	return 0;
}

static int
l_port(lua_State *L)
{
	lua_pushinteger(
	    L, wire_port(check_receiver(L)->wire, (size_t)luaL_optinteger(L, 2, 1) - 1));
	return 1;
}

static int
l_counters(lua_State *L)
{
	struct wire_counters c;

	wire_counters(check_receiver(L)->wire, &c);
	lua_newtable(L);
#define COUNTER(name) (lua_pushinteger(L, (lua_Integer)c.name), lua_setfield(L, -2, #name))
	COUNTER(accepted);
	COUNTER(authenticated);
	COUNTER(refused_full);
	COUNTER(refused_logins);
	COUNTER(refused_grace);
	COUNTER(refused_early);
	COUNTER(refused_rate);
	COUNTER(refused_protocol);
	COUNTER(refused_mechanism);
	COUNTER(refused_principal);
	COUNTER(duplicate_tokens);
	COUNTER(gap_tokens);
	COUNTER(records);
	COUNTER(bytes);
	COUNTER(acknowledged);
	COUNTER(too_long);
	COUNTER(held_reading);
	COUNTER(accept_paused);
	COUNTER(connections);
	COUNTER(logins);
	COUNTER(in_flight);
	COUNTER(memory);
#undef COUNTER
	return 1;
}

static int
l_close(lua_State *L)
{
	struct receiver *r = luaL_checkudata(L, 1, RECEIVER);

	r->L = L;

	wire_close(r->wire);
	r->wire = NULL;
	if (r->loop != NULL)
		ev_loop_destroy(r->loop);
	r->loop = NULL;
	luaL_unref(L, LUA_REGISTRYINDEX, r->records);
	luaL_unref(L, LUA_REGISTRYINDEX, r->events);
	luaL_unref(L, LUA_REGISTRYINDEX, r->admit);
	luaL_unref(L, LUA_REGISTRYINDEX, r->lots);
	r->records = r->events = r->admit = r->lots = LUA_NOREF;
	return 0;
}

/*
 * send{port =, window =, sequence =, multi_token =, attempts =, timeout =, records =, turn =, mech
 * =, host =, keytab =, principal =}: runs until all is acknowledged, it gives up, or turn() says
 * that it is enough -> the sequences in the order of their acknowledgements, counters, why it gave
 * up
 */
struct story {
	lua_State *L;
	struct sender *sender;
	int records; /* stack index */
	lua_Integer next, count;
	lua_Integer acknowledged;
	struct err *why;
	bool ended;
};

static void
story_ready(void *ctx)
{
	struct story *s = ctx;

	while (s->next <= s->count) {
		struct str record;

		lua_rawgeti(s->L, s->records, s->next);
		record.at = lua_tolstring(s->L, -1, &record.len);
		lua_pop(s->L, 1); /* the table keeps it */
		if (!sender_put(s->sender, record))
			break;
		s->next++;
	}
}

static void
story_acknowledged(void *ctx, uint64_t sequence, int64_t waited)
{
	struct story *s = ctx;

	(void)waited;
	lua_pushinteger(s->L, (lua_Integer)sequence);
	lua_rawseti(s->L, s->records + 1, ++s->acknowledged);
}

static void
story_ended(void *ctx, struct err *why)
{
	struct story *s = ctx;

	s->ended = true;
	s->why = why;
}

static int
l_send(lua_State *L)
{
	struct story s = { .L = L, .next = 1 };
	struct sender_config c = { .host = "127.0.0.1", .mech = &mech_dummy };
	struct sender_handler h = { story_ready, story_acknowledged, story_ended, &s };
	struct sender_counters counters;
	struct ev_loop *loop;
	struct err *e;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	c.port = (uint16_t)field(L, 1, "port", 0);
	c.window = (uint32_t)field(L, 1, "window", 100);
	c.sequence = (uint64_t)field(L, 1, "sequence", 1);
	c.multi_token = field(L, 1, "multi_token", 0) != 0;
	c.attempts = (unsigned)field(L, 1, "attempts", 3);
	c.timeout = number_field(L, 1, "timeout", 5.);
	lua_getfield(L, 1, "mech");
	if (lua_isstring(L, -1))
		c.mech = mech_named(lua_tostring(L, -1));
	lua_getfield(L, 1, "host");
	if (lua_isstring(L, -1))
		c.host = lua_tostring(L, -1);
	lua_getfield(L, 1, "keytab");
	c.keytab = lua_tostring(L, -1);
	lua_getfield(L, 1, "principal");
	c.principal = lua_tostring(L, -1);
	lua_pop(L, 4); /* the caller's table keeps the texts */
	lua_getfield(L, 1, "turn");
	lua_getfield(L, 1, "records"); /* 3 */
	s.records = 3;
	s.count = (lua_Integer)lua_rawlen(L, 3);
	lua_newtable(L); /* 4: acknowledged */
	loop = ev_loop_new(EVFLAG_AUTO);
	if ((e = sender_open(&s.sender, loop, &c, &h)) != NULL) {
		ev_loop_destroy(loop);
		return push_fault(L, e);
	}
	story_ready(&s);
	while (!s.ended && (s.next <= s.count || sender_pending(s.sender) > 0)) {
		ev_run(loop, EVRUN_NOWAIT);
		lua_pushvalue(L, 2);
		if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
			sender_close(s.sender);
			ev_loop_destroy(loop);
			return lua_error(L);
		}
		if (lua_toboolean(L, -1)) /* enough */
			break;
		lua_pop(L, 1);
	}
	sender_counters(s.sender, &counters);
	sender_close(s.sender);
	ev_loop_destroy(loop);
	lua_settop(L, 4);
	lua_newtable(L);
	set_integer(L, "connections", counters.connections);
	set_integer(L, "sent", counters.sent);
	set_integer(L, "acknowledged", counters.acknowledged);
	lua_pushstring(L, s.why != NULL ? err_text(s.why) : NULL);
	err_free(s.why);
	return 3;
}

/*
 * initiator{host =, binding =, keytab =, principal =} -> the sending end of a context of
 * kerberos_v5, with step(token) -> answer, done | nil, reason; wrap(plain); verify(plain, mic)
 */
#define INITIATOR "core.wire.initiator"

struct initiator {
	void *context;
	char host[128], binding[128];
};

static const char *
text_field(lua_State *L, int i, const char *name)
{
	const char *text;

	lua_getfield(L, i, name);
	text = lua_tostring(L, -1);
	lua_pop(L, 1); /* the table keeps it */
	return text;
}

static int
l_initiator(lua_State *L)
{
	struct initiator *in = lua_newuserdatauv(L, sizeof(*in), 0);
	struct mech_initiate how = { .keytab = text_field(L, 1, "keytab"),
		.principal = text_field(L, 1, "principal") };
	const char *host = text_field(L, 1, "host"), *binding = text_field(L, 1, "binding");
	struct err *e;

	in->context = NULL;
	snprintf(in->host, sizeof(in->host), "%s", host != NULL ? host : "localhost");
	snprintf(in->binding, sizeof(in->binding), "%s", binding != NULL ? binding : "0101");
	how.host = in->host;
	how.binding = str_of(in->binding);
	luaL_setmetatable(L, INITIATOR);
	if ((e = mech_kerberos.initiate_open(&in->context, &how)) != NULL)
		return push_fault(L, e);
	return 1;
}

static int
l_initiator_step(lua_State *L)
{
	struct initiator *in = luaL_checkudata(L, 1, INITIATOR);
	struct str token = lua_isnoneornil(L, 2) ? (struct str){ "", 0 } : check_str(L, 2);
	struct buf answer = { 0 };
	struct err *why = NULL;
	enum mech_step step = mech_kerberos.initiate(in->context, token, &answer, &why);

	if (step == MECH_FAILED) {
		buf_fini(&answer);
		return push_fault(L, why);
	}
	push_str(L, buf_view(&answer));
	lua_pushboolean(L, step == MECH_DONE);
	buf_fini(&answer);
	return 2;
}

static int
l_initiator_wrap(lua_State *L)
{
	struct initiator *in = luaL_checkudata(L, 1, INITIATOR);
	struct buf out = { 0 };
	struct err *why = NULL;

	if (!mech_kerberos.wrap(in->context, check_str(L, 2), &out, &why)) {
		buf_fini(&out);
		return push_fault(L, why);
	}
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

static int
l_initiator_verify(lua_State *L)
{
	struct initiator *in = luaL_checkudata(L, 1, INITIATOR);
	struct err *why = NULL;

	if (!mech_kerberos.verify(in->context, check_str(L, 2), check_str(L, 3), &why))
		return push_fault(L, why);
	lua_pushboolean(L, 1);
	return 1;
}

static int
l_initiator_close(lua_State *L)
{
	struct initiator *in = luaL_checkudata(L, 1, INITIATOR);

	mech_kerberos.close(in->context);
	in->context = NULL;
	return 0;
}

/* setenv(name, value): for libraries that look there; no value takes it away */
static int
l_setenv(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *value = luaL_optstring(L, 2, NULL);

	if ((value != NULL ? setenv(name, value, 1) : unsetenv(name)) != 0)
		return luaL_error(L, "%s: %s", name, strerror(errno));
	return 0;
}

static int
l_user(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)geteuid());
	return 1;
}

/*
 * vanish(descriptor): that socket goes without a word to the other end, as with a host that loses its
 * power; false where that is not permitted. Its owner closes it as usual afterwards.
 */
static int
l_vanish(lua_State *L)
{
	int fd = (int)luaL_checkinteger(L, 1), on = 1;

	lua_pushboolean(L, setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == 0);
	return 1;
}

/* What malloc would still find in its free lists, however little the system gives it. */
static void *hoard[512];
static size_t hoarded;

static void
hoard_free(void)
{
	while (hoarded > 0)
		free(hoard[--hoarded]);
}

static void
hoard_blocks(size_t least)
{
	void *block;

	for (size_t size = (size_t)1 << 30; size >= least; size /= 2)
		while (hoarded < sizeof(hoard) / sizeof(hoard[0]) && (block = malloc(size)) != NULL)
			hoard[hoarded++] = block;
}

/*
 * memory(bytes): this process gets no more than so many beside what it has; without, as much as there
 * is again. Blocks smaller than that may still be free in the heap.
 */
static int
l_memory(lua_State *L)
{
	struct rlimit limit;
	unsigned long pages = 0;
	FILE *f;

	if (getrlimit(RLIMIT_AS, &limit) != 0)
		return luaL_error(L, "getrlimit: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	if (!lua_isnoneornil(L, 1)) {
		if ((f = fopen("/proc/self/statm", "r")) == NULL || fscanf(f, "%lu", &pages) != 1)
			return luaL_error(L, "/proc/self/statm");
		fclose(f);
		limit.rlim_cur =
		    (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)luaL_checkinteger(L, 1);
	}
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return luaL_error(L, "setrlimit: %s", strerror(errno));
	if (lua_isnoneornil(L, 1))
		hoard_free();
	else
		hoard_blocks((size_t)luaL_checkinteger(L, 1));
	return 0;
}

/* lock(path) -> descriptor that holds a lock on the whole file, as another program might */
static int
l_lock(lua_State *L)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(luaL_checkstring(L, 1), O_RDWR | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &whole) != 0)
		return luaL_error(L, "%s: %s", lua_tostring(L, 1), strerror(errno));
	lua_pushinteger(L, fd);
	return 1;
}

static int
l_unlock(lua_State *L)
{
	close((int)luaL_checkinteger(L, 1));
	return 0;
}

/* log([level]): what was logged since the last call; the first call begins to keep it */
static int
l_log(lua_State *L)
{
	static FILE *file;
	luaL_Buffer b;
	int c;

	if (!lua_isnoneornil(L, 1))
		log_set_level((enum log_level)log_level_named(luaL_checkstring(L, 1)));
	log_tick(1);
	if (file == NULL) {
		if ((file = tmpfile()) == NULL)
			return luaL_error(L, "tmpfile: %s", strerror(errno));
		log_set_fd(fileno(file));
	}
	luaL_buffinit(L, &b);
	rewind(file);
	while ((c = getc(file)) != EOF)
		luaL_addchar(&b, (char)c);
	luaL_pushresult(&b);
	rewind(file);
	if (ftruncate(fileno(file), 0) != 0)
		return luaL_error(L, "ftruncate: %s", strerror(errno));
	return 1;
}

/* descriptors(n): sets the limit of open files, returns the one before */
static int
l_descriptors(lua_State *L)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return luaL_error(L, "getrlimit: %s", strerror(errno));
	lua_pushinteger(L, (lua_Integer)limit.rlim_cur);
	limit.rlim_cur = (rlim_t)luaL_checkinteger(L, 1);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return luaL_error(L, "setrlimit: %s", strerror(errno));
	return 1;
}

static const luaL_Reg receipts_methods[] = {
	{ "add", l_receipts_add },
	{ "undo", l_receipts_undo },
	{ "settle", l_receipts_settle },
	{ "collect", l_receipts_collect },
	{ "state", l_receipts_state },
	{ "__gc", l_receipts_gc },
	{ NULL, NULL },
};

static const luaL_Reg receiver_methods[] = {
	{ "turn", l_turn },
	{ "take_records", l_take_records },
	{ "take_events", l_take_events },
	{ "settle", l_settle },
	{ "settle_after", l_settle_after },
	{ "set", l_set },
	{ "flush", l_flush },
	{ "stop", l_stop },
	{ "port", l_port },
	{ "counters", l_counters },
	{ "close", l_close },
	{ "__gc", l_close },
	{ NULL, NULL },
};

static const luaL_Reg initiator_methods[] = {
	{ "step", l_initiator_step },
	{ "wrap", l_initiator_wrap },
	{ "verify", l_initiator_verify },
	{ "close", l_initiator_close },
	{ "__gc", l_initiator_close },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "frame_next", l_frame_next },
	{ "der_put", l_der_put },
	{ "der_get", l_der_get },
	{ "dummy_wrap", l_dummy_wrap },
	{ "dummy_unwrap", l_dummy_unwrap },
	{ "dummy_unwrap_head", l_dummy_unwrap_head },
	{ "dummy_mic", l_dummy_mic },
	{ "dummy_verify", l_dummy_verify },
	{ "dummy_initiate", l_dummy_initiate },
	{ "token_oid", l_token_oid },
	{ "handshake", l_handshake },
	{ "budget_levels", l_budget_levels },
	{ "budget_may_read", l_budget_may_read },
	{ "receipts", l_receipts },
	{ "open", l_open },
	{ "send", l_send },
	{ "initiator", l_initiator },
	{ "setenv", l_setenv },
	{ "user", l_user },
	{ "memory", l_memory },
	{ "vanish", l_vanish },
	{ "lock", l_lock },
	{ "unlock", l_unlock },
	{ "log", l_log },
	{ "descriptors", l_descriptors },
	{ NULL, NULL },
};

int
luaopen_core_wire(lua_State *L)
{
	make_type(L, RECEIPTS, receipts_methods);
	make_type(L, RECEIVER, receiver_methods);
	make_type(L, INITIATOR, initiator_methods);
	luaL_newlib(L, functions);
	return 1;
}
