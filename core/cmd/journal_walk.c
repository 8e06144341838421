/* journal_walk: the entries that are asked for, each with its document and its _id. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/journal.h"
#include "cmd/progress.h"

/* Makes ready for journal_document(). */
static struct err *
open_rules(struct journal_command *c)
{
	struct err *e;

	if (!c->record_made && !(c->record_made = record_init(&c->record)))
		return err_new("out of memory");
	if (c->groups != NULL)
		return NULL;
	if ((e = asking_open(&c->asking, c->settings)) != NULL)
		return e;
	return groups_open(&c->groups, c->settings, &c->asking.asker.door, NULL, NULL);
}

static void
tell_damage(struct journal_command *c, const struct journal_damage *damage)
{
	c->damaged++;
	fprintf(stderr,
	    "auditrecv journal: %s/%s: %" PRIu64 " bytes at offset %" PRIu64 " are no entry: %s\n",
	    c->directory, damage->file, damage->bytes, damage->offset, damage->what);
}

static struct err *
walk(struct journal_command *c, struct journal_reader *reader, struct progress *progress,
    struct err *(*take)(void *, const struct journal_entry *, bool *), void *ctx)
{
	struct journal_entry entry;
	struct journal_damage damage;
	struct err *e = NULL;
	uint64_t at, of, count = 0;
	bool enough = false;

	while (e == NULL && !enough)
		switch (journal_reader_next(reader, &entry, &damage, &e)) {
		case JOURNAL_DAMAGE: tell_damage(c, &damage); break;
		case JOURNAL_END: return e;
		case JOURNAL_ENTRY:
			if (c->select.to > 0 && entry.number > c->select.to)
				return NULL;
			journal_reader_progress(reader, &at, &of);
			progress_step(progress, at, ++count, "records");
			if (!selection_has_entry(&c->select, &entry))
				break;
			record_decode(&c->record, (const uint8_t *)entry.bytes.at, entry.bytes.len,
			    &groups_named(c->groups, entry.sender->group)->dialect);
			if (selection_has_record(&c->select, &entry, &c->record))
				e = take(ctx, &entry, &enough);
			break;
		}
	return e;
}

struct err *
journal_walk(struct journal_command *c,
    struct err *(*take)(void *ctx, const struct journal_entry *entry, bool *enough), void *ctx)
{
	struct journal_reader *reader;
	struct progress progress;
	struct err *e;
	uint64_t at, of;

	if ((e = open_rules(c)) != NULL || (e = journal_reader_open(&reader, c->directory)) != NULL)
		return e;
	if (c->select.from > 0)
		journal_reader_seek(reader, c->select.from);
	journal_reader_progress(reader, &at, &of);
	progress_begin(&progress, of);
	e = walk(c, reader, &progress, take, ctx);
	progress_end(&progress);
	journal_reader_close(reader);
	return e;
}

bool
journal_document(
    struct journal_command *c, const struct journal_entry *entry, struct script_result *result)
{
	struct origin origin = {
		.present = true,
		.from = entry->sender->from,
		.host = entry->sender->host,
		.principal = entry->sender->principal,
		.received = entry->received,
		.sequence = entry->sequence,
	};

	buf_cut(&c->document, 0);
	return script_run(groups_named(c->groups, entry->sender->group)->script, &c->record,
	    &origin, &c->document, result);
}

bool
journal_identity(
    struct journal_command *c, const struct journal_entry *entry, char out[IDENTITY_SIZE])
{
	uint8_t digest[IDENTITY_DIGEST];

	buf_cut(&c->name, 0);
	buf_str(&c->name, entry->sender->name);
	buf_byte(&c->name, '\0');
	if (buf_failed(&c->name))
		return false;
	identity_digest(c->name.at, entry->sequence, entry->bytes, digest);
	identity_make(digest, c->record.decodable ? c->record.header.seconds : 0, out);
	return true;
}
