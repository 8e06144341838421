/* intake: records as they come over the wire, until they are in the journal or in their queue. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/pipeline_inside.h"

static struct source *
source_of(struct pipeline *p, struct peer *peer, struct group *group)
{
	struct journal_sender names = {
		.name = str_of(peer_sender(peer)),
		.from = str_of(peer_from(peer)),
		.host = str_of(peer_host(peer)),
		.principal = str_of(peer_principal(peer)),
		.group = str_of(group->name),
	};

	return source_get(&p->senders, &names, group);
}

static void
settle_in(struct pipeline *p, struct peer *peer, struct group *group)
{
	struct source *source = source_of(p, peer, group);

	if (source == NULL) {
		p->homeless++;
		return; /* its next record tries again */
	}
	peer_set_user(peer, source);
	sender_arrived(source->sender, peer_from(peer));
}

static void
wire_arrived(void *ctx, struct peer *peer)
{
	settle_in(ctx, peer, peer_user(peer));
}

/* Is that still the group that the peer was admitted to? Then there was no memory for more. */
static bool
is_homeless(const struct pipeline *p, const struct peer *peer)
{
	if (p->homeless == 0)
		return false;
	for (size_t i = 0; i < groups_count(p->rooms.groups); i++)
		if (peer_user(peer) == groups_at(p->rooms.groups, i))
			return true;
	return false;
}

static void
wire_left(void *ctx, struct peer *peer, const char *reason)
{
	struct pipeline *p = ctx;
	struct source *source = peer_user(peer);

	(void)reason;
	if (is_homeless(p, peer)) {
		p->homeless--;
		return;
	}
	sender_left(source->sender);
	source_release(source);
	peer_set_user(peer, NULL);
}

/* A receipt has to be given back some day. */
static void
owe(struct pipeline *p, struct sender *s)
{
	p->owed++;
	s->owed++;
}

void
intake_acknowledge(struct pipeline *p, struct sender *s, struct peer *peer, uint64_t receipt)
{
	p->owed--;
	s->owed--;
	peer_settle(peer, receipt, true);
}

struct item *
intake_item(struct pipeline *p, struct source *source, uint64_t sequence, uint64_t full_size,
    int64_t received, struct str bytes)
{
	struct item *item;

	if (bytes.len > UINT32_MAX || (item = malloc(sizeof(*item) + bytes.len)) == NULL)
		return NULL;
	*item = (struct item){
		.pipeline = p,
		.source = source,
		.sequence = sequence,
		.full_size = full_size,
		.received = received,
		.len = (uint32_t)bytes.len,
		.fate = FATE_INDEXED,
	};
	if (bytes.len > 0)
		memcpy(item->bytes, bytes.at, bytes.len);
	source->refs++;
	return item;
}

void
intake_note(struct pipeline *p, struct sender *s, struct sequences *sequences,
    const struct resend *record, bool other)
{
	uint64_t before = sequences->highest, restarts = sequences->restarts, gap;

	gap = sequences_note(sequences, record->sequence, other, s->resends.room);
	if (sequences->restarts > restarts)
		log_info("sender_restarted", log_s("sender", s->name),
		    log_i("sequence", (int64_t)record->sequence), log_i("before", (int64_t)before));
	if (gap > 0)
		sender_tell_missing(s, gap, record->sequence);
	resends_note(&s->resends, &p->senders.resends, record);
}

/*
 * It came before: its acknowledgement goes out when the first copy's does, or at once when that one
 * has gone.
 */
static bool
take_resend(struct pipeline *p, struct source *source, struct peer *peer,
    const struct wire_record *record, const struct resend *first)
{
	struct pledge pledge = { first->place, peer, source->sender, record->receipt };
	struct follower *follower;
	bool later = true;

	if (first->place != 0 && first->place >= journal_stored(p->rooms.journal)) {
		if (!pledges_reserve(&p->pledges))
			return false;
		pledges_add(&p->pledges, &pledge);
	} else if (first->item != NULL) {
		if ((follower = malloc(sizeof(*follower))) == NULL)
			return false;
		*follower = (struct follower){ first->item->followers, peer, record->receipt };
		first->item->followers = follower;
	} else
		later = false;
	owe(p, source->sender);
	senders_received(&p->senders, source->sender);
	senders_count(&p->senders, source->sender, FATE_RESENT, NULL);
	if (!later)
		intake_acknowledge(p, source->sender, peer, record->receipt);
	return true;
}

/* The name of the event is all that is looked at: the class of an event is the host's own. */
static const char *
shed_as(const struct pipeline *p, const struct source *source, struct str bytes)
{
	struct record *r = &p->desk->record;

	record_decode(r, (const uint8_t *)bytes.at, bytes.len, &source->group->dialect);
	for (size_t i = 0; r->decodable && i < p->config.shed_count; i++)
		if (str_equal(r->event, str_of(p->config.shed[i])))
			return p->config.shed[i];
	return NULL;
}

/* The journal takes nothing: the operator has said which events are worth least. */
static bool
shed(struct pipeline *p, struct source *source, struct peer *peer, const struct wire_record *record,
    struct resend *remembered, bool other)
{
	struct sender *s = source->sender;
	const char *event;

	if (p->stalled == NULL || p->config.shed_count == 0 || !work_ready(p) ||
	    (event = shed_as(p, source, record->bytes)) == NULL)
		return false;
	owe(p, s);
	senders_received(&p->senders, s);
	intake_note(p, s, &s->sequences, remembered, other);
	senders_count(&p->senders, s, FATE_DROPPED,
	    reasons_get(&p->senders.reasons, FATE_DROPPED, "journal.shed", event));
	intake_acknowledge(p, s, peer, record->receipt);
	return true;
}

static bool
take_journaled(struct pipeline *p, struct source *source, struct peer *peer,
    const struct wire_record *record, struct resend *remembered, bool other)
{
	struct sender *s = source->sender;
	struct journal_entry entry = {
		.sender = &source->names,
		.sequence = record->sequence,
		.received = record->received,
		.full_size = record->full_size,
		.bytes = record->bytes,
	};
	struct pledge pledge = { .to = peer, .of = s, .receipt = record->receipt };

	if (shed(p, source, peer, record, remembered, other))
		return true;
	if (!pledges_reserve(&p->pledges) ||
	    (pledge.place = journal_append(p->rooms.journal, &entry)) == 0)
		return false;
	pledges_add(&p->pledges, &pledge);
	owe(p, s);
	senders_received(&p->senders, s);
	remembered->place = pledge.place;
	intake_note(p, s, &s->sequences, remembered, other);
	backlog_keep(p, source, &entry, remembered->digest, pledge.place);
	return true;
}

static bool
take_unjournaled(struct pipeline *p, struct source *source, struct peer *peer,
    const struct wire_record *record, struct resend *remembered, bool other)
{
	struct sender *s = source->sender;
	struct item *item = intake_item(
	    p, source, record->sequence, record->full_size, record->received, record->bytes);

	if (item == NULL)
		return false;
	item->peer = peer;
	item->receipt = record->receipt;
	memcpy(item->digest, remembered->digest, IDENTITY_DIGEST);
	owe(p, s);
	senders_received(&p->senders, s);
	p->unplaced++;
	remembered->item = item;
	intake_note(p, s, &s->sequences, remembered, other);
	senders_queue(&p->senders, s, item);
	return true;
}

static bool
wire_record(void *ctx, struct peer *peer, const struct wire_record *record)
{
	struct pipeline *p = ctx;
	struct resend remembered = { .sequence = record->sequence }, *first;
	enum resend_status known;
	struct source *source;

	if (is_homeless(p, peer)) {
		p->homeless--;
		settle_in(p, peer, peer_user(peer));
		if (is_homeless(p, peer))
			return false;
	}
	source = peer_user(peer);
	identity_digest(source->sender->name, record->sequence, record->bytes, remembered.digest);
	known = resends_find(&source->sender->resends, record->sequence, remembered.digest, &first);
	if (known == RESEND_KNOWN)
		return take_resend(p, source, peer, record, first);
	return (source->group->journaled ? take_journaled : take_unjournaled)(
	    p, source, peer, record, &remembered, known == RESEND_OTHER);
}

const struct wire_handler intake_handler = {
	.arrived = wire_arrived,
	.record = wire_record,
	.left = wire_left,
};
