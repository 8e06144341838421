/*
 * sink: real outputs on a loop of their own, the pool, and the ways to make a disk or a reader
 * fail.
 */
#include <ev.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "output/output.h"

#include "output_values.h"

int luaopen_core_sink(lua_State *L);

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
	handler = (struct output_handler){ real_settled, real_ready, r, real_broken, NULL };
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

/*
 * run(seconds, pending): turns the loop until at most `pending` (0) documents have not settled, or
 * the time is over
 */
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
	{ "__gc", real_close },
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

/*
 * pool_sum(jobs, threads, again, cancel) -> total, jobs that ran, jobs taken back; every cancel-th
 * job is taken back
 */
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

/*
 * file_limit(bytes): no file of this process grows beyond; without: as before. A write then fails
 * as on a full disk.
 */
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
	{ "open", l_open },
	{ "pool_sum", l_pool_sum },
	{ "pool_stop", l_pool_stop },
	{ "log_to", l_log_to },
	{ "setenv", l_setenv },
	{ "file_limit", l_file_limit },
	{ "redirect", l_redirect },
	{ "pipe", l_pipe },
	{ "fd_read", l_fd_read },
	{ "fd_close", l_fd_close },
	{ NULL, NULL },
};

int
luaopen_core_sink(lua_State *L)
{
	make_type(L, REAL, real_methods);
	luaL_newlib(L, functions);
	return 1;
}
