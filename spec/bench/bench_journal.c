/*
 * bench_journal FOLDER [MiB]: what the journal costs, in a folder of the disk in question. Makes
 * and removes a journal of so many MiB (1024) there.
 */
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/crc32c.h"
#include "journal/format.h"
#include "journal/journal.h"

#define RECORD  500 /* bytes of one record */
#define ROUNDS  300 /* of what is measured one by one */
#define SENDERS 50
#define MIB     ((uint64_t)1 << 20)

struct bench {
	struct ev_loop *loop;
	struct journal *journal;
	struct journal_sender senders[SENDERS];
	char names[SENDERS][32];
	char record[RECORD];
	uint64_t below, read, after;
	/* Paced: when each record was appended. */
	int64_t *begun, *took;
	size_t taken, wanted, chunk;
	double credit, rate;
	int64_t last;
};

static void
fail(struct err *e)
{
	fprintf(stderr, "bench_journal: %s\n", err_text(e));
	exit(1);
}

static void
on_stored(void *ctx, uint64_t below)
{
	struct bench *b = ctx;
	int64_t now = clock_steady();

	if (b->took != NULL)
		for (uint64_t n = b->below; n < below && b->taken < b->wanted; n++, b->taken++)
			b->took[b->taken] = now - b->begun[b->taken];
	b->below = below;
}

static double
open_journal(struct bench *b, const char *folder, uint64_t max_memory)
{
	struct journal_handler handler = { on_stored, NULL, b };
	struct journal_config config = { .directory = folder,
		.segment_bytes = 64 * MIB,
		.max_bytes = (uint64_t)1 << 40,
		.keep_for = 1e6,
		.max_memory = max_memory };
	int64_t start = clock_steady();
	struct err *e;

	if ((e = journal_open(&b->journal, b->loop, &config, &handler)) != NULL)
		fail(e);
	b->below = journal_stored(b->journal);
	return (double)(clock_steady() - start) / 1e6;
}

static bool
append(struct bench *b, uint64_t i)
{
	struct journal_entry e = { .sender = &b->senders[i % SENDERS] };

	e.sequence = i;
	e.received = (int64_t)i;
	e.bytes = (struct str){ b->record, RECORD };
	return journal_append(b->journal, &e) != 0;
}

static void
drain(struct bench *b)
{
	while (b->below < journal_next(b->journal))
		ev_run(b->loop, EVRUN_ONCE);
}

static int64_t
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * CLOCK_SECOND + t.tv_nsec;
}

static int
compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

static void
print_latency(const char *what, int64_t *took, size_t n)
{
	qsort(took, n, sizeof(*took), compare);
	printf("%-34s p50 %.2f ms  p99 %.2f ms  max %.2f ms\n", what, (double)took[n / 2] / 1e6,
	    (double)took[n * 99 / 100] / 1e6, (double)took[n - 1] / 1e6);
}

static void
bench_fsync(struct bench *b, const char *folder)
{
	char name[4200];
	int64_t took[ROUNDS], start;
	int fd;

	snprintf(name, sizeof(name), "%s/fsync", folder);
	if ((fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0)
		fail(err_sys("%s", name));
	for (int i = 0; i < ROUNDS; i++) {
		start = clock_steady();
		if (write(fd, b->record, RECORD) != RECORD || fdatasync(fd) != 0)
			fail(err_sys("%s", name));
		took[i] = clock_steady() - start;
	}
	close(fd);
	unlink(name);
	print_latency("write and fdatasync, 500 bytes", took, ROUNDS);
}

/* The loop's part: appending, without and with what the copy and the checksum alone would cost. */
static void
bench_append(struct bench *b)
{
	enum { COUNT = 5000, TIMES = 100 };
	static char copies[COUNT][RECORD];
	uint32_t crc = 0;
	int64_t start, spent[3] = { 0 };

	for (int round = 0; round < TIMES; round++) {
		start = cpu();
		for (uint64_t i = 0; i < COUNT; i++)
			if (!append(b, i))
				fail(err_new("no memory"));
		spent[0] += cpu() - start;
		drain(b);
		start = cpu();
		for (size_t i = 0; i < COUNT; i++) {
			memcpy(copies[i], b->record, RECORD);
			__asm__ volatile("" ::: "memory");
		}
		spent[1] += cpu() - start;
		start = cpu();
		for (size_t i = 0; i < COUNT; i++)
			crc = crc32c(crc, b->record, RECORD);
		spent[2] += cpu() - start;
	}
	printf("%-34s %.0f ns of CPU\n", "journal_append()", (double)spent[0] / COUNT / TIMES);
	printf("%-34s %.0f ns, %.0f ns%s\n", "a copy of 500 bytes, its checksum",
	    (double)spent[1] / COUNT / TIMES, (double)spent[2] / COUNT / TIMES,
	    crc == 1 ? " " : "");
}

static void
bench_lonely(struct bench *b)
{
	int64_t took[ROUNDS], start;

	for (int i = 0; i < ROUNDS; i++) {
		start = clock_steady();
		if (!append(b, (uint64_t)i))
			fail(err_new("no memory"));
		drain(b);
		took[i] = clock_steady() - start;
	}
	print_latency("one record alone until stored", took, ROUNDS);
}

static void
on_pace(struct ev_loop *loop, ev_timer *w, int events)
{
	struct bench *b = w->data;
	int64_t now = clock_steady();

	(void)loop;
	(void)events;
	b->credit += (double)(now - b->last) / 1e9 * b->rate;
	b->last = now;
	for (; b->credit >= 1 && b->chunk < b->wanted; b->credit--) {
		b->begun[b->chunk] = clock_steady();
		if (!append(b, b->chunk++))
			fail(err_new("no memory"));
	}
}

static void
bench_paced(struct bench *b, double rate, double seconds)
{
	char what[64];
	ev_timer pace;

	b->wanted = (size_t)(rate * seconds);
	b->begun = calloc(b->wanted, sizeof(*b->begun));
	b->took = calloc(b->wanted, sizeof(*b->took));
	b->taken = b->chunk = 0;
	b->credit = 0;
	b->rate = rate;
	b->last = clock_steady();
	ev_timer_init(&pace, on_pace, 0.0005, 0.0005);
	pace.data = b;
	ev_timer_start(b->loop, &pace);
	while (b->taken < b->wanted)
		ev_run(b->loop, EVRUN_ONCE);
	ev_timer_stop(b->loop, &pace);
	snprintf(what, sizeof(what), "stored, at %.0f records/s", rate);
	print_latency(what, b->took, b->wanted);
	free(b->begun);
	free(b->took);
	b->begun = b->took = NULL;
}

static void
bench_sustained(struct bench *b, uint64_t bytes)
{
	struct journal_counters before, c;
	struct rusage usage;
	int64_t start = clock_steady(), used;
	double seconds;
	uint64_t n = 0;

	getrusage(RUSAGE_SELF, &usage);
	used = usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
	       usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
	journal_counters(b->journal, &before);
	for (; n < bytes / RECORD; n++)
		while (!append(b, n))
			ev_run(b->loop, EVRUN_ONCE);
	drain(b);
	seconds = (double)(clock_steady() - start) / 1e9;
	getrusage(RUSAGE_SELF, &usage);
	used = usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
	       usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec - used;
	journal_counters(b->journal, &c);
	printf("%-34s %.0f records/s, %.0f MiB/s, %.0f records a sync, %.2f µs of CPU each\n",
	    "as fast as it goes", (double)n / seconds,
	    (double)(c.bytes - before.bytes) / (double)MIB / seconds,
	    (double)n / (double)(c.syncs - before.syncs), (double)used / (double)n);
	printf("%-34s %.2f bytes (%d of them the head of the entry)\n",
	    "written beside each record", (double)(c.bytes - before.bytes) / (double)n - RECORD,
	    FORMAT_HEAD);
}

static void
on_fetched(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after)
{
	struct bench *b = ctx;

	(void)entries;
	b->read += count;
	b->after = count > 0 ? after : 0;
	ev_break(b->loop, EVBREAK_ONE);
}

static void
bench_recovery(struct bench *b, const char *folder)
{
	int64_t start;
	double ms = open_journal(b, folder, 64 * MIB), seconds;
	struct journal_counters c;

	journal_counters(b->journal, &c);
	printf("%-34s %.0f ms, for %.0f MiB\n", "opening it again", ms,
	    (double)c.disk_bytes / (double)MIB);
	b->read = 0;
	b->after = 1;
	start = clock_steady();
	while (b->after != 0) {
		if (!journal_fetch(b->journal, b->after, MIB, on_fetched, b))
			fail(err_new("a fetch is under way"));
		ev_run(b->loop, 0);
	}
	seconds = (double)(clock_steady() - start) / 1e9;
	printf("%-34s %.0f records/s, %.0f MiB/s\n", "reading the backlog",
	    (double)b->read / seconds, (double)c.disk_bytes / (double)MIB / seconds);
}

int
main(int argc, char **argv)
{
	static struct bench b;
	char folder[4096], command[4200];
	uint64_t mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 1024;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_journal FOLDER [MiB]\n");
		return 2;
	}
	log_set_level(LOG_ERROR);
	snprintf(folder, sizeof(folder), "%s/journal.XXXXXX", argv[1]);
	if (mkdtemp(folder) == NULL)
		fail(err_sys("%s", folder));
	b.loop = ev_loop_new(0);
	for (int i = 0; i < SENDERS; i++) {
		snprintf(b.names[i], sizeof(b.names[i]), "host%d.example.com", i);
		b.senders[i].name = b.senders[i].host = str_of(b.names[i]);
		b.senders[i].from = STR("192.0.2.17");
	}
	memset(b.record, 'r', RECORD);
	bench_fsync(&b, folder);
	open_journal(&b, folder, 256 * MIB);
	bench_append(&b);
	bench_lonely(&b);
	bench_paced(&b, 100, 3);
	bench_paced(&b, 1000, 3);
	bench_paced(&b, 5000, 3);
	journal_close(b.journal);
	open_journal(&b, folder, 64 * MIB);
	bench_sustained(&b, mib * MIB);
	journal_close(b.journal);
	bench_recovery(&b, folder);
	journal_close(b.journal);
	ev_loop_destroy(b.loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0 ? 0 : 1;
}
