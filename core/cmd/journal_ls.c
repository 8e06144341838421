/* journal_ls: what is in a journal, and is it whole: `auditrecv journal ls` and `verify`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/journal.h"
#include "cmd/progress.h"

/* "2026-03-01T12:34:56Z"; "-" for a time that is not known. */
static const char *
time_text(int64_t at, char out[CLOCK_TEXT_SIZE])
{
	if (at == 0)
		return "-";
	clock_text(at / CLOCK_SECOND, 0, out);
	memcpy(out + strlen("2026-03-01T12:34:56"), "Z", 2);
	return out;
}

/* "3 s", "17 min", "5.2 h", "3.1 days". */
static void
age_text(int64_t age, char *out, size_t size)
{
	double seconds = (double)(age > 0 ? age : 0) / (double)CLOCK_SECOND;

	if (seconds < 120)
		snprintf(out, size, "%.0f s", seconds);
	else if (seconds < 7200)
		snprintf(out, size, "%.0f min", seconds / 60);
	else if (seconds < 2 * 86400)
		snprintf(out, size, "%.1f h", seconds / 3600);
	else
		snprintf(out, size, "%.1f days", seconds / 86400);
}

static uint64_t
list_segments(struct journal_reader *reader)
{
	char size[PROGRESS_SIZE], from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
	struct journal_segment s;
	uint64_t bytes = 0;

	printf("%-24s %12s %12s  %-20s  %-20s  %10s\n", "segment", "first", "last", "from", "to",
	    "size");
	for (size_t i = 0; i < journal_reader_segments(reader); i++) {
		journal_reader_segment(reader, i, &s);
		printf("%-24s %12" PRIu64 " %12" PRIu64 "  %-20s  %-20s  %10s\n", s.file, s.first,
		    s.after > s.first ? s.after - 1 : s.first, time_text(s.from, from),
		    time_text(s.to, to), progress_size(size, s.bytes));
		bytes += s.bytes;
	}
	return bytes;
}

/* How many entries lie beyond the cursor, and how old the first of them is. */
static void
tell_cursor(struct journal_reader *reader, uint64_t end)
{
	uint64_t cursor = journal_reader_cursor(reader);
	struct journal_entry entry;
	struct journal_damage damage;
	struct err *e = NULL;
	enum journal_read_status status;
	char age[32];

	if (cursor >= end) {
		printf("cursor %" PRIu64 ": every record has a fate\n", cursor);
		return;
	}
	journal_reader_seek(reader, cursor);
	do
		status = journal_reader_next(reader, &entry, &damage, &e);
	while (status == JOURNAL_DAMAGE);
	err_free(e);
	if (status == JOURNAL_END)
		return;
	age_text(clock_now() - entry.received, age, sizeof(age));
	printf("cursor %" PRIu64 ": %" PRIu64 " records wait, the oldest for %s\n", cursor,
	    end - cursor, age);
}

struct tally {
	struct tally *next;
	char *name;
	uint64_t records, bytes, lowest, highest;
	int64_t from, to;
};

static struct err *
count_entry(void *ctx, const struct journal_entry *entry, bool *enough)
{
	struct tally **all = ctx, *t;

	(void)enough;
	for (t = *all; t != NULL; t = t->next)
		if (str_equal(str_of(t->name), entry->sender->name))
			break;
	if (t == NULL) {
		if ((t = calloc(1, sizeof(*t))) == NULL ||
		    (t->name = strndup(entry->sender->name.at, entry->sender->name.len)) == NULL) {
			free(t);
			return err_new("out of memory");
		}
		t->lowest = entry->sequence;
		t->from = entry->received;
		t->next = *all;
		*all = t;
	}
	t->records++;
	t->bytes += entry->bytes.len;
	if (entry->sequence < t->lowest)
		t->lowest = entry->sequence;
	if (entry->sequence > t->highest)
		t->highest = entry->sequence;
	t->to = entry->received;
	return NULL;
}

static struct err *
list_senders(struct journal_command *c)
{
	struct tally *all = NULL, *next;
	struct err *e = journal_walk(c, count_entry, &all);
	char size[PROGRESS_SIZE], from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];

	printf("\n%-40s %12s %12s %12s  %-20s  %-20s  %10s\n", "sender", "records", "lowest",
	    "highest", "from", "to", "size");
	for (; all != NULL; all = next) {
		next = all->next;
		printf("%-40s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "  %-20s  %-20s  %10s\n",
		    all->name, all->records, all->lowest, all->highest, time_text(all->from, from),
		    time_text(all->to, to), progress_size(size, all->bytes));
		free(all->name);
		free(all);
	}
	return e;
}

struct err *
journal_ls(struct journal_command *c)
{
	struct journal_reader *reader;
	struct journal_segment last = { 0 };
	struct err *e = journal_reader_open(&reader, c->directory);
	char size[PROGRESS_SIZE];
	uint64_t bytes;

	if (e != NULL)
		return e;
	bytes = list_segments(reader);
	if (journal_reader_segments(reader) > 0)
		journal_reader_segment(reader, journal_reader_segments(reader) - 1, &last);
	printf("%zu segments, %s\n", journal_reader_segments(reader), progress_size(size, bytes));
	tell_cursor(reader, last.after);
	journal_reader_close(reader);
	return c->senders ? list_senders(c) : NULL;
}

struct checking {
	uint64_t entries, bytes, next, missing;
};

static struct err *
check_entry(void *ctx, const struct journal_entry *entry, bool *enough)
{
	struct checking *k = ctx;

	(void)enough;
	if (k->next > 0 && entry->number > k->next)
		k->missing += entry->number - k->next;
	k->next = entry->number + 1;
	k->entries++;
	k->bytes += entry->bytes.len;
	return NULL;
}

struct err *
journal_verify(struct journal_command *c)
{
	struct checking k = { 0 };
	struct err *e = journal_walk(c, check_entry, &k);
	char size[PROGRESS_SIZE];

	if (e != NULL)
		return e;
	printf("%" PRIu64 " entries are whole, %s of records\n", k.entries,
	    progress_size(size, k.bytes));
	if (k.missing > 0)
		printf("%" PRIu64 " numbers between them have no entry\n", k.missing);
	if (c->damaged > 0)
		printf("%" PRIu64 " stretches are damaged\n", c->damaged);
	return NULL;
}
