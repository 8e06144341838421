/*
 * Any bytes as what happens to a shipper: documents put, answers of every kind, time that passes,
 * memory that runs out. Whatever it is, once all goes well again each document that was taken
 * settles, exactly once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "output/shipper.h"

#define DOCUMENTS_MOST 300
#define FLIGHTS        8
#define STEPS_MOST     100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The linker sends the shipper's calls here (see run); libFuzzer's own pass while nothing is to
 * fail.
 */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);

static unsigned fail_each; /* every so many allocations fail; 0: none */
static unsigned allocations;

static bool
fails(void)
{
	return fail_each != 0 && ++allocations % fail_each == 0;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *at, size_t size)
{
	return fails() ? NULL : __real_realloc(at, size);
}

static void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "does not hold: %s\n", what);
		abort();
	}
}

/* One run: the bytes that decide, and what is under way. */
struct run {
	const uint8_t *at, *end;
	struct shipper *s;
	struct answer answer;
	struct batch *flights[FLIGHTS];
	unsigned nodes[FLIGHTS];
	unsigned asked; /* bits: nodes */
	int64_t now;
	unsigned taken, settled[DOCUMENTS_MOST];
	bool returned[DOCUMENTS_MOST]; /* given back, and not put anew */
	unsigned away;                 /* how many of these */
	bool reopened;
	bool calm; /* the bytes are used up: all goes well from here */
};

static unsigned
next(struct run *r)
{
	return r->at < r->end ? *r->at++ : 0;
}

static bool
send_batch(void *ctx, struct batch *b, unsigned node)
{
	struct run *r = ctx;

	must(b->count > 0, "a request has documents");
	for (int i = 0; i < FLIGHTS; i++)
		if (r->flights[i] == NULL) {
			r->flights[i] = b;
			r->nodes[i] = node;
			return true;
		}
	return false;
}

static void
ask_node(void *ctx, unsigned node)
{
	((struct run *)ctx)->asked |= 1u << node;
}

static void
note_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	struct run *r = ctx;
	size_t n = (size_t)cookie;

	if (settled->fate != OUTPUT_GIVEN_BACK) {
		r->settled[n]++;
		return;
	}
	must(n % 2 == 0, "what cannot be had again is kept");
	must(!r->returned[n], "what was given back is not there any more");
	r->returned[n] = true;
	r->away++;
}

static void
note_reopened(void *ctx)
{
	((struct run *)ctx)->reopened = true;
}

/* Every other one can be had again; to which index it goes, its number says. */
static bool
put_one(struct run *r, unsigned n)
{
	char index[16], id[16], json[80];
	struct output_document d = { .fallback_index = STR("fallback") };

	d.record_bytes = n % 2 == 0 ? 1 + n : 0;
	snprintf(index, sizeof(index), "index%u", n / 2 % 4);
	snprintf(id, sizeof(id), "%u", n);
	snprintf(json, sizeof(json), "{\"n\":%u,\"o\":{\"a\":1},\"args\":{}}", n);
	d.index = str_of(index);
	d.id = str_of(id);
	d.json = str_of(json);
	return shipper_put(r->s, &d, (void *)(size_t)n);
}

static void
put(struct run *r)
{
	if (r->taken < DOCUMENTS_MOST && put_one(r, r->taken))
		r->taken++;
}

/* They may come again. */
static void
put_anew(struct run *r)
{
	r->reopened = false;
	for (unsigned n = 0; n < r->taken; n++) {
		if (!r->returned[n])
			continue;
		if (!put_one(r, n)) {
			r->reopened = true;
			return;
		}
		r->returned[n] = false;
		r->away--;
	}
}

static const char *const items[] = { "201", "201", "200", "409",
	"429,\"error\":{\"type\":\"es_rejected_execution_exception\"}",
	"503,\"error\":{\"type\":\"unavailable_shards_exception\"}",
	"400,\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"failed to parse field [o.a] of type [long]\"}",
	"400,\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"failed to parse\"}",
	"400,\"error\":{\"type\":\"illegal_argument_exception\",\"reason\":\"mapper [n] cannot be changed from type [x]\"}",
	"403,\"error\":{\"type\":\"cluster_block_exception\"}",
	"400,\"error\":{\"type\":\"invalid_index_name_exception\"}",
	"404,\"error\":{\"type\":\"index_not_found_exception\",\"reason\":\"no such index\"}",
	"500,\"error\":{\"type\":\"odd\"}", "400,\"error\":{\"type\":\"odd\"}",
	"429,\"error\":{\"type\":\"cluster_block_exception\"}", "400,\"error\":\"text\"" };
static const unsigned statuses[] = { 200, 200, 200, 200, 503, 429, 413, 400, 401, 403, 302, 500 };

static void
answer(struct run *r, int flight)
{
	struct batch *b = r->flights[flight];
	struct shipper_answer a = { .verdict = ANSWER_LOST, .why = "gone" };
	unsigned kind = r->calm ? 0 : next(r), failing = fail_each;
	struct buf body = { 0 };

	r->flights[flight] = NULL;
	a.torn = kind & 1;
	if (kind < 240) {
		fail_each = 0; /* the body is ours, not the shipper's */
		a.status = statuses[kind % (sizeof(statuses) / sizeof(statuses[0]))];
		buf_printf(&body, "{\"items\":[");
		for (size_t i = 0; i < b->count; i++)
			buf_printf(&body, "%s{\"create\":{\"status\":%s}}", i > 0 ? "," : "",
			    items[r->calm ? 0 : next(r) % (sizeof(items) / sizeof(items[0]))]);
		buf_printf(&body, "]}");
		fail_each = failing;
		answer_begin(&r->answer, a.status, "application/json");
		answer_feed(&r->answer, body.at, kind % 7 == 6 ? body.len / 2 : body.len);
		a.verdict = answer_end(&r->answer, true, b->count);
		a.answer = &r->answer;
	}
	shipper_answered(r->s, b, r->nodes[flight], &a, r->now);
	buf_fini(&body);
}

/* Lets the next thing happen. */
static void
step(struct run *r)
{
	unsigned what = r->calm ? 1 : next(r) % 8, answered = 0;
	int64_t due;

	if (r->reopened)
		put_anew(r);
	if (what == 0 || what == 7) {
		put(r);
		return;
	}
	if (what == 6)
		fail_each = next(r) % 16;
	shipper_pump(r->s, r->now);
	for (unsigned node = 0; node < 2; node++)
		if (r->asked & 1u << node) {
			r->asked &= ~(1u << node);
			shipper_asked(r->s, node, r->calm || next(r) % 4 != 0, r->now);
			answered++;
		}
	for (int i = 0; i < FLIGHTS; i++)
		if (r->flights[i] != NULL && (what != 2 || i % 2 == 0)) {
			answer(r, i);
			answered++;
		}
	if (answered > 0)
		return;
	due = shipper_due(r->s, r->now);
	if (due != PACE_NEVER && due > r->now)
		r->now = due;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const urls[] = { "one", "two" };
	struct run r = { .at = data, .end = data + size, .now = CLOCK_SECOND };
	struct shipper_config config = {
		.urls = urls, .max_bytes = 4096, .retry_for = 100 * CLOCK_SECOND
	};
	struct shipper_port port = { send_batch, ask_node, note_settled, &r, note_reopened };
	struct err *e;

	log_set_fd(-1);
	fail_each = 0;
	config.url_count = 1 + next(&r) % 2;
	config.max_documents = 1 + next(&r) % 40;
	config.max_in_flight = 1 + next(&r) % 4;
	config.compressed = next(&r) & 1;
	config.max_parked = next(&r) % 4 * 800;
	config.seed = next(&r) + 1;
	answer_init(&r.answer);
	e = shipper_new(&r.s, &config, &port);
	must(e == NULL, "memory");
	while (r.at < r.end)
		step(&r);
	r.calm = true;
	fail_each = 0;
	shipper_try_again(r.s);
	for (unsigned n = 0; shipper_pending(r.s) > 0 || r.reopened; n++) {
		must(n < STEPS_MOST, "it comes to an end");
		step(&r);
	}
	for (unsigned i = 0; i < r.taken; i++)
		must(r.settled[i] == 1, "each document settles once");
	must(r.away == 0, "what was given back is asked for again");
	must(shipper_held(r.s) == 0, "nothing is held any more");
	for (int i = 0; i < FLIGHTS; i++)
		must(r.flights[i] == NULL, "and nothing is under way");
	shipper_free(r.s);
	answer_fini(&r.answer);
	return 0;
}
