/*
 * fuzz_journal: whatever stands in a journal's folder, it opens, gives what is readable, goes on,
 * and comes to an end. The first byte says what the input is: a whole segment, a cursor, a list of
 * deleted entries, entries with right checksums, or (so that most is known to be right) changes to a
 * segment that was written before.
 */
#include <ev.h>
#include <fcntl.h>
#include <stdint.h>

#include "../support/binding/journal_disk.h"
#include "base/log.h"
#include "journal/crc32c.h"
#include "journal/format.h"
#include "journal/journal.h"
#include "journal/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct disk_bytes whole; /* a segment as it was written */

static void
on_stored(void *ctx, uint64_t below)
{
	*(uint64_t *)ctx = below;
}

struct answer {
	bool here;
	size_t count;
	uint64_t after, sum;
};

static void
on_fetched(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after)
{
	struct answer *a = ctx;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && entries[i].number <= entries[i - 1].number)
			abort();
		a->sum += crc32c(0, entries[i].bytes.at, entries[i].bytes.len);
		a->sum += entries[i].note.len + entries[i].sender->name.len;
	}
	*a = (struct answer){ true, count, after, a->sum };
}

static void
read_all(struct journal *j, struct ev_loop *loop)
{
	uint64_t number = 1;
	struct answer a;

	do {
		a = (struct answer){ .here = false };
		if (!journal_fetch(j, number, 4096, on_fetched, &a))
			abort();
		while (!a.here)
			ev_run(loop, EVRUN_ONCE);
		if (a.after < number)
			abort();
		number = a.after;
	} while (a.count > 0);
}

static void
append(struct journal *j, struct ev_loop *loop, uint64_t *told, int count)
{
	struct journal_sender sender = { .name = STR("host"), .from = STR("192.0.2.1") };
	char bytes[700] = "record";

	for (int i = 0; i < count; i++) {
		struct journal_entry e = { .sender = &sender, .sequence = (uint64_t)i };

		e.bytes = (struct str){ bytes, (size_t)(i * 97 % 700) };
		if (i % 3 == 0)
			e.note = STR("{}");
		if (journal_append(j, &e) == 0)
			abort();
	}
	while (*told < journal_next(j))
		ev_run(loop, EVRUN_ONCE);
}

static struct journal *
open_on(struct disk *d, struct ev_loop *loop, uint64_t *told)
{
	struct journal_handler handler = { on_stored, NULL, told };
	struct journal_config config = { .directory = "journal",
		.segment_bytes = 16384,
		.max_bytes = (uint64_t)1 << 40,
		.keep_for = 1e6,
		.max_memory = 1 << 20,
		.storage = &d->storage };
	struct journal *j;
	struct err *e;

	if ((e = journal_open(&j, loop, &config, &handler)) != NULL)
		abort();
	return j;
}

static void
read_by_others(struct disk *d)
{
	struct journal_damage damage;
	struct journal_reader *r;
	struct journal_segment s;
	struct journal_entry entry;
	struct err *e;

	if ((e = journal_reader_open_on(&r, &d->storage, "journal")) != NULL)
		abort();
	for (size_t i = 0; i < journal_reader_segments(r); i++)
		journal_reader_segment(r, i, &s);
	while (journal_reader_next(r, &entry, &damage, &e) != JOURNAL_END)
		;
	err_free(e);
	journal_reader_close(r);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct disk_file *file;
	uint64_t told = 0;
	struct journal *j;
	struct disk d;

	(void)argc;
	(void)argv;
	log_set_fd(open("/dev/null", O_WRONLY));
	disk_init(&d, 1);
	j = open_on(&d, loop, &told);
	append(j, loop, &told, 20);
	journal_close(j);
	file = disk_name(&d, 0, "00000000000000000001.journal", false)->now;
	disk_put_bytes(&whole, 0, file->now.at, file->now.len);
	disk_fini(&d);
	ev_loop_destroy(loop);
	return 0;
}

/* Changes: three bytes each, a place and what is there instead; 0 cuts the segment off there. */
static void
put_changed(struct disk *d, const uint8_t *data, size_t size)
{
	struct disk_bytes copy = { NULL, 0 };

	disk_put_bytes(&copy, 0, whole.at, whole.len);
	for (; size >= 3; data += 3, size -= 3) {
		size_t at = ((size_t)data[0] << 8 | data[1]) % whole.len;

		if (data[2] == 0 && at < copy.len)
			copy.len = at;
		else if (at < copy.len)
			copy.at[at] = (char)(copy.at[at] ^ data[2]);
	}
	disk_put(d, "00000000000000000001.journal", copy.at, copy.len);
	free(copy.at);
}

/* Entries of any kind, with any numbers; their checksums are right. */
static void
put_entries(struct disk *d, const uint8_t *data, size_t size)
{
	struct format_header header = { .first = 1, .salt = 7 };
	struct disk_bytes made = { NULL, 0 };
	uint8_t head[FORMAT_HEADER];

	format_put_header(head, &header);
	disk_put_bytes(&made, 0, (const char *)head, FORMAT_HEADER);
	while (size >= 8) {
		size_t length = data[0] < size - 8 ? data[0] : size - 8;
		struct format_head h = { .kind = data[1], .flags = data[2], .sender = data[3] };

		h.body_check = crc32c(header.salt, data + 8, length);
		h.length = (uint32_t)length + (data[4] == 255 ? 1u << 31 : 0);
		h.relative = (uint32_t)data[5] << (data[6] & 31);
		h.received = (int64_t)((uint64_t)data[7] << 56);
		format_put_head(head, header.salt, &h);
		disk_put_bytes(&made, made.len, (const char *)head, FORMAT_HEAD);
		disk_put_bytes(&made, made.len, (const char *)data + 8, length);
		data += 8 + length;
		size -= 8 + length;
	}
	disk_put(d, "00000000000000000001.journal", made.at, made.len);
	free(made.at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ev_loop *loop;
	uint64_t told = 0;
	struct journal *j;
	struct disk d;

	if (size < 1)
		return 0;
	disk_init(&d, 1);
	switch (data[0] % 5) {
	case 0:
		disk_put(&d, "00000000000000000001.journal", (const char *)data + 1, size - 1);
		break;
	case 1: put_changed(&d, data + 1, size - 1); break;
	case 2:
		put_changed(&d, NULL, 0);
		disk_put(&d, "cursor", (const char *)data + 1, size - 1);
		break;
	case 3:
		put_changed(&d, NULL, 0);
		disk_put(&d, "gone", (const char *)data + 1, size - 1);
		break;
	case 4: put_entries(&d, data + 1, size - 1); break;
	}
	read_by_others(&d);
	loop = ev_loop_new(0);
	j = open_on(&d, loop, &told);
	read_all(j, loop);
	append(j, loop, &told, 5);
	read_all(j, loop);
	journal_close(j);
	read_by_others(&d);
	ev_loop_destroy(loop);
	disk_fini(&d);
	return 0;
}
