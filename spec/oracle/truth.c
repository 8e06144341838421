/* truth: what was put, acknowledged and stored, and what a document has to be. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bsm/record.h"
#include "daemon/identity.h"
#include "oracle.h"
#include "script/script.h"

#define FIRST_SECOND 1700000000 /* 2023-11-14 22:13:20 UTC */
#define PER_SECOND   100000     /* records of one second: all lie within one day */
#define EVENT        16         /* stat */
#define EVENT_NOISE  42         /* rename */
#define FILL_MOST    200
#define RECEIVED     "\"received\":\""

struct host *hosts;
unsigned host_count;
struct totals totals;
unsigned noise;

static struct script *script;
static struct record decoded;

void
blame(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (totals.faults++ == 0)
		vsnprintf(totals.fault, sizeof(totals.fault), format, args);
	va_end(args);
}

void
truth_open(unsigned count)
{
	static const struct script_config config = {
		.index = "audit-%Y-%m-%d", .max_heap = 64u << 20, .time_limit = 1000
	};

	host_count = count;
	hosts = calloc(count, sizeof(*hosts));
	if (hosts == NULL || !record_init(&decoded) || script_open(&script, &config) != NULL)
		abort();
	for (unsigned i = 0; i < count; i++)
		snprintf(hosts[i].address, ADDRESS_SIZE, "127.0.%u.%u", 1 + i / 250, 1 + i % 250);
}

uint64_t
truth_next(struct host *h, unsigned kernel)
{
	if (h->last + 1 >= h->room) {
		uint64_t room = h->room == 0 ? 4096 : h->room * 2;

		if ((h->marks = realloc(h->marks, room)) == NULL ||
		    (h->kernels = realloc(h->kernels, room * sizeof(*h->kernels))) == NULL)
			abort();
		memset(h->marks + h->room, 0, room - h->room);
		h->room = room;
	}
	h->kernel += kernel + 1;
	h->kernels[++h->last] = (uint32_t)h->kernel;
	return h->last;
}

bool
truth_is_noise(uint64_t number)
{
	return noise > 0 && number % noise == 0;
}

/* A number that looks like chance and is none. */
static uint64_t
mixed(uint64_t v)
{
	v += UINT64_C(0x9e3779b97f4a7c15);
	v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
	return v ^ v >> 31;
}

static void
put_number(struct buf *out, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0)
		buf_byte(out, (char)(v >> 8 * bytes));
}

void
truth_record(const struct host *h, uint64_t number, struct buf *out)
{
	uint64_t chance = mixed((uint64_t)(h - hosts) << 40 ^ number);
	char path[64 + FILL_MOST];
	int len = snprintf(path, sizeof(path), "/oracle/%u/%llu/", (unsigned)(h - hosts),
	    (unsigned long long)number);
	unsigned fill = (unsigned)(chance % FILL_MOST);
	size_t begin = out->len;

	for (unsigned i = 0; i < fill; i++)
		path[len++] = "0123456789abcdef"[mixed(chance + i) & 15];
	path[len++] = '\0';
	put_number(out, 0x14, 1); /* header32 */
	put_number(out, 0, 4);
	put_number(out, 2, 1);
	put_number(out, truth_is_noise(number) ? EVENT_NOISE : EVENT, 2);
	put_number(out, 0, 2);
	put_number(out, FIRST_SECOND + number / PER_SECOND, 4);
	put_number(out, chance % 1000000000, 4);
	put_number(out, 0x23, 1); /* path */
	put_number(out, (uint64_t)len, 2);
	buf_append(out, path, (size_t)len);
	put_number(out, 0x2f, 1); /* seq */
	put_number(out, h->kernels[number], 4);
	put_be32(out->at + begin + 1, (uint32_t)(out->len - begin));
}

/* What lies before and behind the time of receipt, which only the receiver knows. */
static bool
cut_received(struct str json, struct str *front, struct str *back)
{
	const char *at = memmem(json.at, json.len, RECEIVED, sizeof(RECEIVED) - 1), *end;

	if (at == NULL)
		return false;
	at += sizeof(RECEIVED) - 1;
	if ((end = memchr(at, '"', (size_t)(json.at + json.len - at))) == NULL)
		return false;
	*front = (struct str){ json.at, (size_t)(at - json.at) };
	*back = (struct str){ end, (size_t)(json.at + json.len - end) };
	return true;
}

static void
judge(const struct host *h, uint64_t number, struct str id, struct str json)
{
	static struct buf bytes, wanted;
	uint8_t digest[IDENTITY_DIGEST];
	char right_id[IDENTITY_SIZE];
	struct str front[2], back[2];
	struct script_result result;
	struct origin origin = {
		.present = true, .from = str_of(h->address), .received = 1, .sequence = number
	};

	buf_cut(&bytes, 0);
	buf_cut(&wanted, 0);
	truth_record(h, number, &bytes);
	record_decode(&decoded, (uint8_t *)bytes.at, bytes.len, &(struct dialect){ 0 });
	if (!script_run(script, &decoded, &origin, &wanted, &result))
		abort();
	identity_digest(h->address, number, buf_view(&bytes), digest);
	identity_make(digest, (int64_t)(FIRST_SECOND + number / PER_SECOND), right_id);
	if (!str_equal(id, (struct str){ right_id, IDENTITY_SIZE }))
		blame("%s %llu has the id %.*s", h->address, (unsigned long long)number,
		    (int)id.len, id.at);
	if (!cut_received(json, &front[0], &back[0]) ||
	    !cut_received(buf_view(&wanted), &front[1], &back[1]) ||
	    !str_equal(front[0], front[1]) || !str_equal(back[0], back[1]))
		blame("%s %llu is not what it has to be: %.*s", h->address,
		    (unsigned long long)number, (int)json.len, json.at);
}

bool
truth_document(struct str index, struct str id, struct str json)
{
	const char *at = memmem(json.at, json.len, "/oracle/", 8);
	unsigned long long number = 0;
	unsigned host = 0;
	struct host *h;

	if (at == NULL || sscanf(at, "/oracle/%u/%llu/", &host, &number) != 2 ||
	    host >= host_count || number == 0 || number > hosts[host].last) {
		blame("a document that nobody made: %.*s", (int)json.len, json.at);
		return true;
	}
	h = &hosts[host];
	if (!str_equal(index, STR("audit-2023-11-14")))
		blame(
		    "%s %llu went to the index %.*s", h->address, number, (int)index.len, index.at);
	if (truth_is_noise(number))
		blame("%s %llu should have been dropped", h->address, number);
	judge(h, number, id, json);
	if ((h->marks[number] & TRUTH_STORED) != 0) {
		totals.conflicts++;
		return false;
	}
	h->marks[number] |= TRUTH_STORED;
	h->stored++;
	totals.stored++;
	return true;
}

uint64_t
truth_missing(void)
{
	uint64_t missing = 0;

	for (unsigned i = 0; i < host_count; i++)
		for (uint64_t n = 1; n <= hosts[i].last; n++)
			if ((hosts[i].marks[n] & (TRUTH_ACKED | TRUTH_STORED)) == TRUTH_ACKED &&
			    !truth_is_noise(n))
				missing++;
	return totals.acked_missing = missing;
}
