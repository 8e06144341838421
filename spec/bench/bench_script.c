/*
 * bench_script: CPU time and Lua allocations per record, from the bytes of a record to its
 * document, in one thread.
 *
 *	bench_script [-r RULES] [-e] [-l [-w]] [-n RUNS] TRAIL
 *
 * Without -r, no rules. -e makes the whole table of every record. -l: lookups of the rules are
 * known at once, one answer for all keys. -w: each record waits for its first one. Prints the median
 * of the runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bsm/trail.h"
#include "script/script.h"

#define RUNS_MOST 100

static double
cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Of -w: who waits, and who is to hear that there is an answer. */
static bool waits;
static struct ask_waiter waiting;

struct totals {
	uint64_t records, bytes, dropped;
};

static void
run(struct script *s, struct record *record, const uint8_t *at, size_t len, struct totals *t)
{
	struct trail trail;
	struct trail_item item;
	struct dialect dialect = { .natural_ports = false };
	struct origin origin = {
		.present = true, .from = STR("192.0.2.25"), .host = STR("web-01.example.org")
	};
	struct buf out = { 0 };
	struct script_result result;
	bool ok;

	trail_init(&trail, 0);
	*t = (struct totals){ 0 };
	while (len > 0) {
		enum trail_status status = trail_next(&trail, at, len, true, &item);

		if (status == TRAIL_END)
			break;
		at += item.len;
		len -= item.len;
		trail.offset += item.len;
		if (status != TRAIL_RECORD)
			continue;
		record_decode(record, item.at, item.len, &dialect);
		buf_cut(&out, 0);
		origin.sequence = ++t->records;
		origin.received = record->header.seconds * INT64_C(1000000000);
		ok = script_run(s, record, &origin, &out, &result);
		if (ok && result.verdict == SCRIPT_WAITS) {
			waiting.told(waiting.waiter, waiting.question);
			ok = script_resume(result.wait, &out, &result);
		}
		if (!ok) {
			fprintf(stderr, "bench_script: out of memory\n");
			exit(1);
		}
		t->bytes += out.len;
		t->dropped += result.verdict == SCRIPT_DROP;
	}
	buf_fini(&out);
}

static int
by_value(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static struct err *
declare(void *ctx, struct str json, unsigned *id)
{
	(void)ctx;
	(void)json;
	*id = 0;
	return NULL;
}

static enum ask_answer
ask(void *ctx, unsigned id, struct str key, struct ask_waiter waiter, struct ask_value *out)
{
	(void)ctx;
	(void)id;
	(void)key;
	if (waits && waiter.waiter != NULL) {
		waiting = waiter;
		return ASK_WAIT;
	}
	*out = (struct ask_value){ STR("{\"alias\":\"web\",\"owner\":\"racing\"}"), 1 };
	return ASK_FOUND;
}

/* Nothing ever waits here. */
static void
forget(void *ctx, void *waiter)
{
	(void)ctx;
	(void)waiter;
}

static void
wake(void *ctx, struct script_wait *wait)
{
	(void)ctx;
	(void)wait;
}

int
main(int argc, char **argv)
{
	struct script_config config = {
		.index = "audit-%Y-%m-%d", .max_heap = 64u << 20, .time_limit = 100
	};
	static const struct script_asker asker = {
		.declare = declare, .ask = ask, .forget = forget
	};
	struct script *s;
	struct script_work before, after;
	struct record record;
	struct totals t = { 0 };
	struct stat st;
	struct err *e;
	double ns[RUNS_MOST];
	void *map;
	int fd, option, runs = 5;

	while ((option = getopt(argc, argv, "r:elwn:")) != -1) {
		switch (option) {
		case 'r': config.directory = optarg; break;
		case 'e': config.eager = true; break;
		case 'l':
			config.asker = &asker;
			config.wake = wake;
			config.max_waiting = 1000;
			break;
		case 'w': waits = true; break;
		case 'n': runs = atoi(optarg); break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || runs < 1 || runs > RUNS_MOST) {
		fprintf(stderr, "usage: bench_script [-r RULES] [-e] [-l [-w]] [-n RUNS] TRAIL\n");
		return 2;
	}
	if ((fd = open(argv[optind], O_RDONLY)) < 0 || fstat(fd, &st) != 0 ||
	    (map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
		fprintf(stderr, "bench_script: %s: %s\n", argv[optind], strerror(errno));
		return 1;
	}
	if ((e = script_open(&s, &config)) != NULL) {
		fprintf(stderr, "bench_script: %s\n", err_text(e));
		err_free(e);
		return 1;
	}
	if (!record_init(&record))
		return 1;
	script_work(s, &before);
	for (int i = 0; i < runs; i++) {
		double start = cpu_time();

		run(s, &record, map, (size_t)st.st_size, &t);
		ns[i] = (cpu_time() - start) / (double)t.records;
	}
	script_work(s, &after);
	qsort(ns, (size_t)runs, sizeof(ns[0]), by_value);
	printf(
	    "%.0f ns/record (%.0f to %.0f), %.2f Lua allocations, %.0f bytes, %.1f %% into Lua, %.1f %% dropped, "
	    "%.2f probes, heap %zu KiB\n",
	    ns[runs / 2], ns[0], ns[runs - 1],
	    (double)(after.lua_allocations - before.lua_allocations) / (double)after.records,
	    (double)t.bytes / (double)t.records,
	    100.0 * (double)after.entered / (double)after.records,
	    100.0 * (double)t.dropped / (double)t.records,
	    (double)after.probes / (double)after.records, script_heap(s) >> 10);
	record_fini(&record);
	script_close(s);
	munmap(map, (size_t)st.st_size);
	close(fd);
	return 0;
}
