/*
 * bench_script: CPU time and Lua allocations per record, from the bytes of a record to its
 * document, in one thread.
 *
 *	bench_script [-r RULES] [-e] [-n RUNS] TRAIL
 *
 * Without -r, no rules. -e makes the whole table of every record. Prints the median of the runs.
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
		if (!script_run(s, record, &origin, &out, &result)) {
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

int
main(int argc, char **argv)
{
	struct script_config config = {
		.index = "audit-%Y-%m-%d", .max_heap = 64u << 20, .time_limit = 100
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

	while ((option = getopt(argc, argv, "r:en:")) != -1) {
		switch (option) {
		case 'r': config.directory = optarg; break;
		case 'e': config.eager = true; break;
		case 'n': runs = atoi(optarg); break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || runs < 1 || runs > RUNS_MOST) {
		fprintf(stderr, "usage: bench_script [-r RULES] [-e] [-n RUNS] TRAIL\n");
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
