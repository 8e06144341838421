/*
 * What comes to lookups from outside: answers of services, to one key, to many and page by page,
 * table files, and the saved cache. The first byte says which, the second one the status of an
 * answer. The room of HTTP is played here. Whatever comes, who waits is told once, what is found is
 * JSON, and nothing is found for a key that was not asked for by its form.
 */
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "http/http.h"
#include "lookup/fields.h"
#include "lookup/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENT_MOST 16
#define KEYS      3

static const char *const keys[KEYS] = { "b6d2c1f0-3a57-4e0c-9f27-5d6f0c1e8a11",
	"9a1e6c34-2b5d-4f70-8c93-6d0e4b7a2f51", "00000000-0000-0000-0000-000000000001" };

#define COMMON                                                                                     \
	"\"name\":\"vm\",\"service\":\"s\",\"key\":\"uuid\",\"fields\":[\"alias\",\"tags.role\"]," \
	"\"keep\":600,\"keep_none\":60,\"stale\":0,\"none\":[{\"status\":404,\"code\":\"None\"}]," \
	"\"not_ready\":[{\"status\":503}],\"key_field\":[\"uuid\",\"nics.*.ip\"]"

static const char *const declarations[] = {
	"{" COMMON ",\"path\":\"/vms/{key}\",\"at\":\"account\"}",
	"{" COMMON
	",\"batch\":{\"path\":\"/vms?uuids={keys}\",\"separator\":\",\",\"form\":\"list\","
	"\"most\":3}}",
	"{" COMMON
	",\"batch\":{\"path\":\"/vms?uuids={keys}\",\"separator\":\",\",\"form\":\"object\","
	"\"most\":3}}",
	"{" COMMON
	",\"preload\":{\"path\":\"/vms?limit={limit}&marker={marker}\",\"form\":\"list\","
	"\"page\":\"marker\",\"marker\":\"{last}\",\"limit\":2,\"every\":60},\"whole\":true}",
	"{" COMMON "}",
	"{" COMMON ",\"path\":\"/vms/{key}\"}",
};
enum { TABLE = 4, SAVED = 5, KINDS };

static void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "does not hold: %s\n", what);
		abort();
	}
}

/* ---- the room of HTTP ---- */

struct http {
	int nothing;
};

static struct http only;
static struct http_call sent[SENT_MOST];
static size_t sent_count;

struct err *
http_open(struct http **out, struct ev_loop *loop, const struct http_config *config)
{
	(void)loop;
	(void)config;
	*out = &only;
	return NULL;
}

void
http_close(struct http *h)
{
	(void)h;
	sent_count = 0;
}

struct http_request *
http_send(struct http *h, const struct http_call *call)
{
	if (sent_count == SENT_MOST)
		return NULL;
	sent[sent_count++] = *call;
	return (struct http_request *)h;
}

/* Answers what was sent until now, in two pieces each. */
static void
answer_all(unsigned status, struct str body)
{
	struct http_call calls[SENT_MOST];
	size_t count = sent_count, half = body.len / 2;

	memcpy(calls, sent, sizeof(calls));
	sent_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct http_result result = { .head = { .status = status }, .complete = true };
		const struct http_call *c = &calls[i];

		if (!c->body_part(c->ctx, &result.head, body.at, half) ||
		    !c->body_part(c->ctx, &result.head, body.at + half, body.len - half)) {
			result.complete = false;
			result.why = "too large";
		}
		c->done(c->ctx, &result);
	}
}

/* ---- asking ---- */

static unsigned told[KEYS];

static void
on_told(void *waiter, uint64_t question)
{
	must(question == 1, "the number of the question comes back");
	++*(unsigned *)waiter;
}

static void
ask_all(struct lookup *l, unsigned id, bool wait, bool *waits)
{
	for (size_t i = 0; i < KEYS; i++) {
		struct lookup_value value = { 0 };
		struct lookup_waiter who = { &told[i], 1, on_told };
		enum lookup_status status = lookup_ask(
		    l, id, str_of(keys[i]), wait ? who : (struct lookup_waiter){ 0 }, &value);

		must(wait || status != LOOKUP_WAIT, "only who can be told waits");
		if (waits != NULL)
			waits[i] = status == LOOKUP_WAIT;
		if (status == LOOKUP_FOUND)
			must(value.version != 0 && fields_whole(value.json), "a value");
	}
}

static void
play(struct lookup *l, struct ev_loop *loop, unsigned id, unsigned status, struct str body)
{
	bool waits[KEYS];

	memset(told, 0, sizeof(told));
	ask_all(l, id, true, waits);
	for (unsigned round = 0; round < 3; round++) {
		ev_run(loop, EVRUN_NOWAIT);
		answer_all(status, body);
	}
	ev_run(loop, EVRUN_NOWAIT);
	for (size_t i = 0; i < KEYS; i++)
		must(told[i] <= (waits[i] ? 1 : 0), "nobody is told twice, or without waiting");
	ask_all(l, id, false, NULL);
}

static void
write_file(const char *path, const struct str *parts, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd >= 0, "a file");
	for (size_t i = 0; i < count; i++)
		must(write(fd, parts[i].at, parts[i].len) == (ssize_t)parts[i].len, "written");
	close(fd);
}

/* The saved cache, with the head and the sum that it has to have. */
static void
write_saved(const char *path, struct str body)
{
	uint8_t sum[SHA256_SIZE];
	struct str parts[3] = { { "ARLOOKUP\0\0\0\1", 12 }, body, { (char *)sum, sizeof(sum) } };

	hash_sha256(parts, 2, sum);
	write_file(path, parts, 3);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned statuses[] = { 200, 404, 503, 500 };
	static struct ev_loop *loop;
	static char path[64];
	struct lookup_service service = { .name = "s", .url = "http://127.0.0.1" };
	struct lookup_config config = { .services = &service,
		.service_count = 1,
		.deadline = 60,
		.max_requests = 4,
		.max_waiters = 100 };
	struct lookup *l;
	struct err *e;
	unsigned kind, id = 0;
	struct str body;

	if (size < 2)
		return 0;
	if (loop == NULL) {
		must((loop = ev_loop_new(EVFLAG_AUTO)) != NULL, "a loop");
		snprintf(path, sizeof(path), "lookup-%ld", (long)getpid());
		log_set_level(LOG_ERROR);
	}
	kind = data[0] % KINDS;
	body = (struct str){ (const char *)data + 2, size - 2 };
	if (kind == TABLE) {
		service.url = NULL;
		service.file = path;
		write_file(path, &body, 1);
	} else if (kind == SAVED) {
		config.cache_file = path;
		write_saved(path, body);
	}
	if ((e = lookup_open(&l, loop, &config)) == NULL)
		e = lookup_declare(l, str_of(declarations[kind]), &id);
	must(e == NULL, err_text(e));
	play(l, loop, id, statuses[data[1] % 4], body);
	lookup_close(l);
	unlink(path);
	return 0;
}
