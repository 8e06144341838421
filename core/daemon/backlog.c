/* backlog: records of the journal that are not in memory: read again when there is room. */
#include <string.h>

#include "base/log.h"
#include "daemon/pipeline_inside.h"

#define FETCH_MOST (1u << 20) /* bytes of one reading */
#define NEAR       4096       /* records; so few are read soon */

/* Is there room for so many bytes more, of those that records of the journal may take in all? */
static bool
has_room(const struct pipeline *p, size_t bytes, size_t most)
{
	/* One that is larger than all of it has to pass, too. */
	return p->backlog.held == 0 || p->backlog.held + bytes <= most;
}

/* Where what has to be read ends. */
static uint64_t
gap_end(const struct pipeline *p)
{
	const struct backlog *b = &p->backlog;

	return b->kept_from < b->kept_to ? b->kept_from : journal_next(p->rooms.journal);
}

void
backlog_start(struct pipeline *p)
{
	struct journal *j = p->rooms.journal;
	uint64_t cursor = journal_cursor(j), next = journal_next(j);

	prefix_init(&p->prefix, cursor);
	p->backlog = (struct backlog){
		.fetch_at = cursor,
		.kept_from = next,
		.kept_to = next,
		.recovered = next,
		.recovering = cursor < next,
	};
	p->senders.ledger.recovered = next - cursor;
	if (cursor < next)
		log_info("backlog", log_i("records", (int64_t)(next - cursor)),
		    log_s("meaning", "the journal holds them from before; they go to the output "
				     "beside the new ones"));
}

/* What was read meets what was kept. */
static void
join(struct backlog *b)
{
	if (b->fetch_at < b->kept_from)
		return;
	if (b->fetch_at < b->kept_to)
		b->fetch_at = b->kept_to;
	b->kept_from = b->kept_to = b->fetch_at;
}

static void
recovered_all(struct pipeline *p)
{
	struct backlog *b = &p->backlog;

	if (!b->recovering || b->fetch_at < b->recovered)
		return;
	b->recovering = false;
	senders_join(&p->senders);
	log_info("backlog_read", log_i("records", (int64_t)p->senders.ledger.recovered));
}

/* Puts an item of the journal into its sender's queue; NULL: there is no room. */
static struct item *
queue(struct pipeline *p, struct source *source, const struct journal_entry *entry,
    const uint8_t digest[IDENTITY_DIGEST], uint64_t place, size_t most)
{
	struct item *item;

	if (!has_room(p, entry->bytes.len + ITEM_COST, most) ||
	    !prefix_reserve(&p->prefix, place) ||
	    (item = intake_item(p, source, entry->sequence, entry->full_size, entry->received,
		 entry->bytes)) == NULL)
		return NULL;
	item->place = place;
	memcpy(item->digest, digest, IDENTITY_DIGEST);
	p->backlog.held += item->len + ITEM_COST;
	senders_queue(&p->senders, source->sender, item);
	return item;
}

void
backlog_keep(struct pipeline *p, struct source *source, const struct journal_entry *entry,
    const uint8_t digest[IDENTITY_DIGEST], uint64_t place)
{
	struct backlog *b = &p->backlog;
	size_t most = p->config.max_memory;

	if (b->kept_to != place) {
		/*
		 * Records before it were left out. Only when nearly all of them are read, what
		 * comes is kept again: a rest that is not on disk yet is always there.
		 */
		if (b->kept_from != b->kept_to ||
		    b->fetch_at + NEAR < journal_stored(p->rooms.journal))
			return;
		b->kept_from = b->kept_to = place;
	}
	if (b->fetch_at < b->kept_from)
		most /= 2; /* what has to be read needs room, too */
	if (queue(p, source, entry, digest, place, most) != NULL)
		b->kept_to = place + 1;
	join(b);
}

void
backlog_damaged(struct pipeline *p, uint64_t first, uint64_t records)
{
	log_error("journal_records_damaged", log_i("records", (int64_t)records),
	    log_i("first", (int64_t)first));
	for (uint64_t place = first; place < first + records; place++) {
		prefix_settle(&p->prefix, place);
		p->senders.ledger.fates[FATE_DAMAGED]++;
	}
}

/* Places that nothing was found at. */
static bool
skip(struct pipeline *p, uint64_t from, uint64_t to)
{
	if (from >= to)
		return true;
	if (!prefix_reserve(&p->prefix, to - 1))
		return false;
	backlog_damaged(p, from, to - from);
	p->backlog.fetch_at = to;
	return true;
}

/* A record from before the start is counted now: nobody has seen it since. */
static void
count_recovered(struct pipeline *p, const struct item *item)
{
	struct sender *s = item->source->sender;
	struct resend record = { .sequence = item->sequence, .place = item->place }, *first;
	enum resend_status known;

	memcpy(record.digest, item->digest, IDENTITY_DIGEST);
	known = resends_find(&s->resends, record.sequence, record.digest, &first);
	s->ledger.recovered++;
	if (known != RESEND_KNOWN)
		intake_note(
		    p, s, &s->recovered, &record, known == RESEND_OTHER && s->recovered.begun);
}

struct item *
backlog_queue(struct pipeline *p, const struct journal_entry *entry)
{
	uint8_t digest[IDENTITY_DIGEST];
	struct source *source = source_get(
	    &p->senders, entry->sender, groups_named(p->rooms.groups, entry->sender->group));
	struct item *item;

	if (source == NULL)
		return NULL;
	identity_digest(source->sender->name, entry->sequence, entry->bytes, digest);
	item = queue(p, source, entry, digest, entry->number, p->config.max_memory);
	if (item != NULL)
		p->backlog.read++;
	source_release(source);
	return item;
}

/* Takes up a record that was read; false: there is no room for it now. */
static bool
take(struct pipeline *p, const struct journal_entry *entry)
{
	const struct item *item = backlog_queue(p, entry);

	if (item == NULL)
		return false;
	p->backlog.fetch_at = entry->number + 1;
	if (entry->number < p->backlog.recovered)
		count_recovered(p, item);
	return true;
}

static void
fetched(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after)
{
	struct pipeline *p = ctx;
	struct backlog *b = &p->backlog;
	uint64_t end = gap_end(p), before = b->fetch_at;
	bool room = true;

	b->fetching = false;
	for (size_t i = 0; room && i < count && entries[i].number < end; i++)
		if (entries[i].number >= b->fetch_at)
			room = skip(p, b->fetch_at, entries[i].number) && take(p, &entries[i]);
	if (after > end)
		after = end;
	if (room)
		room = skip(p, b->fetch_at, after);
	b->stuck = !room && b->fetch_at == before;
	join(b);
	recovered_all(p);
}

void
backlog_pump(struct pipeline *p)
{
	struct backlog *b = &p->backlog;
	size_t bytes = FETCH_MOST;
	bool ahead;

	if (p->rooms.journal == NULL)
		return;
	recovered_all(p);
	if (b->stuck && p->in_hand != NULL)
		return; /* what it lacks comes back with what has a fate */
	if (b->fetching)
		return;
	if (bytes > p->config.max_memory / 4)
		bytes = p->config.max_memory / 4;
	/* As much as is asked for should fit, with what its items take beside. */
	if (b->held > 0 && b->held + 2 * bytes > p->config.max_memory)
		return;
	ahead = b->fetch_at < gap_end(p) && b->fetch_at < journal_stored(p->rooms.journal);
	/* In turns, where there is something to read for both. */
	b->walked = returned_is_due(p) && !(ahead && b->walked);
	if (b->walked)
		b->fetching = returned_fetch(p, bytes);
	else if (ahead)
		b->fetching = journal_fetch(p->rooms.journal, b->fetch_at, bytes, fetched, p);
}

void
backlog_settle(struct pipeline *p, uint64_t place)
{
	prefix_settle(&p->prefix, place);
	p->backlog.stuck = false;
}

void
backlog_move_cursor(struct pipeline *p)
{
	uint64_t stored, to = p->prefix.base;

	if (p->rooms.journal == NULL)
		return;
	/* What has a fate need not be on disk, but a cursor beyond the disk means nothing. */
	stored = journal_stored(p->rooms.journal);
	if (to > stored)
		to = stored;
	if (to > journal_cursor(p->rooms.journal))
		journal_move_cursor(p->rooms.journal, to);
}
