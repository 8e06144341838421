/*
 * bench_bsm: what a record costs in the bsm room alone, over the records of a trail file.
 *
 *     bench_bsm TRAIL [RUNS]
 *
 * CPU nanoseconds per record, median of the runs: walk (all tokens read), decode (into a record
 * with its index), probe (decoded, and one value asked for, as a rule's `when` does), json
 * (decoded, and the whole document written).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bsm/document.h"
#include "bsm/probe.h"
#include "bsm/sink_json.h"
#include "bsm/trail.h"

struct span {
	const uint8_t *at;
	size_t len;
};

struct bench {
	struct span *records;
	size_t count;
	struct record record;
	struct dialect dialect;
	struct origin origin;
	struct probe probe;
	struct buf out;
	uint64_t sum; /* of what was found, so that nothing is left out */
};

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
walk(struct bench *b, const struct span *s)
{
	struct header h;
	struct token_reader r;
	struct token t;

	if (header_read(s->at, s->len, &h) != HEADER_READY)
		return;
	r = (struct token_reader){ s->at, h.size, s->len, h.version };
	while (token_next(&r, &t) == TOKEN_READY)
		b->sum += t.kind;
}

static void
decode(struct bench *b, const struct span *s)
{
	record_decode(&b->record, s->at, s->len, &b->dialect);
	b->sum += b->record.count;
}

static bool
is_root(void *context, const struct probe_value *v)
{
	(void)context;
	return v->integer == 0;
}

static void
probe(struct bench *b, const struct span *s)
{
	decode(b, s);
	b->sum += probe_any(&b->probe, &b->record, &b->origin, is_root, NULL);
}

static void
json(struct bench *b, const struct span *s)
{
	struct json j;

	decode(b, s);
	buf_cut(&b->out, 0);
	json_init(&j, &b->out);
	if (!document_walk(&b->record, &b->origin, &sink_json, &j))
		exit(1);
	b->sum += b->out.len;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
run(struct bench *b, const char *name, int runs, void (*step)(struct bench *, const struct span *))
{
	double *ns = calloc((size_t)runs, sizeof(*ns));

	if (ns == NULL)
		exit(1);
	for (int i = 0; i < runs; i++) {
		double start = cpu_seconds();

		for (size_t n = 0; n < b->count; n++)
			step(b, &b->records[n]);
		ns[i] = (cpu_seconds() - start) * 1e9 / (double)b->count;
	}
	qsort(ns, (size_t)runs, sizeof(*ns), by_value);
	printf("%-8s %8.1f ns/record  (%.1f to %.1f)\n", name, ns[runs / 2], ns[0], ns[runs - 1]);
	free(ns);
}

static void
load(struct bench *b, const uint8_t *bytes, size_t size)
{
	struct trail trail;
	struct trail_item item;
	enum trail_status status;
	size_t room = 0, at = 0;

	trail_init(&trail, 0);
	while ((status = trail_next(&trail, bytes + at, size - at, true, &item)) != TRAIL_END) {
		if (status == TRAIL_RECORD) {
			if (b->count == room) {
				room = room == 0 ? 1024 : room * 2;
				if ((b->records = realloc(
					 b->records, room * sizeof(*b->records))) == NULL)
					exit(1);
			}
			b->records[b->count++] = (struct span){ item.at, item.len };
		}
		at += item.len;
	}
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	int runs = argc > 2 ? atoi(argv[2]) : 5;
	uint8_t *bytes;
	FILE *f;
	long size;

	if (argc < 2 || runs < 1 || (f = fopen(argv[1], "rb")) == NULL) {
		fprintf(stderr, "usage: bench_bsm TRAIL [RUNS]\n");
		return 2;
	}
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	if (size <= 0 || (bytes = malloc((size_t)size)) == NULL ||
	    fread(bytes, 1, (size_t)size, f) != (size_t)size || !record_init(&b.record) ||
	    !probe_compile(STR("subject.uid"), &b.probe)) {
		fprintf(stderr, "bench_bsm: cannot read %s\n", argv[1]);
		return 1;
	}
	fclose(f);
	load(&b, bytes, (size_t)size);
	if (b.count == 0) {
		fprintf(stderr, "bench_bsm: no records in %s\n", argv[1]);
		return 1;
	}
	printf("%zu records of %.0f bytes\n", b.count, (double)size / (double)b.count);
	run(&b, "walk", runs, walk);
	run(&b, "decode", runs, decode);
	run(&b, "probe", runs, probe);
	run(&b, "json", runs, json);
	printf("(%llu)\n", (unsigned long long)b.sum);
	return 0;
}
