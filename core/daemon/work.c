/* work: a record at its desk: decoded, asked of the rules, handed to the output; and its end. */
#include <stdlib.h>

#include "daemon/pipeline_inside.h"

#define DESKS_MOST 64 /* free ones that are kept */

void
desk_free(struct desk *d)
{
	if (d == NULL)
		return;
	record_fini(&d->record);
	free(d);
}

static struct desk *
desk_new(void)
{
	struct desk *d = calloc(1, sizeof(*d));

	if (d != NULL && !record_init(&d->record)) {
		free(d);
		return NULL;
	}
	return d;
}

static void
desk_give_back(struct pipeline *p, struct desk *d)
{
	d->wait = NULL;
	if (p->desk_count >= DESKS_MOST) {
		desk_free(d);
		return;
	}
	d->next = p->desks;
	p->desks = d;
	p->desk_count++;
}

bool
work_ready(struct pipeline *p)
{
	if (p->desk != NULL)
		return true;
	if ((p->desk = p->desks) != NULL) {
		p->desks = p->desk->next;
		p->desk_count--;
	} else
		p->desk = desk_new();
	return p->desk != NULL;
}

void
work_hold(struct item *item)
{
	struct pipeline *p = item->pipeline;

	item->previous = NULL;
	if ((item->next = p->in_hand) != NULL)
		item->next->previous = item;
	p->in_hand = item;
}

void
work_put_down(struct item *item)
{
	struct pipeline *p = item->pipeline;

	if (item->next != NULL)
		item->next->previous = item->previous;
	if (item->previous != NULL)
		item->previous->next = item->next;
	else
		p->in_hand = item->next;
	for (struct follower *f = item->followers, *next; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
	if (item->place != 0)
		p->backlog.held -= item->len + ITEM_COST;
	item->next = item->previous = NULL;
	item->followers = NULL;
	item->peer = NULL;
	item->place = 0;
}

void
work_let_go(struct item *item)
{
	work_put_down(item);
	late_forget(item->pipeline, item);
	source_release(item->source);
	free(item);
}

/* Its fate is safe. */
static void
end(struct pipeline *p, struct item *item)
{
	struct sender *s = item->source->sender;

	senders_count(&p->senders, s, item->fate, item->reason);
	if (item->place != 0)
		backlog_settle(p, item->place);
	else {
		p->unplaced--;
		resends_settle(&s->resends, item->sequence, item);
	}
	if (item->peer != NULL)
		intake_acknowledge(p, s, item->peer, item->receipt);
	for (struct follower *f = item->followers; f != NULL; f = f->next)
		if (f->peer != NULL)
			intake_acknowledge(p, s, f->peer, f->receipt);
	if (item->late != NULL && (item->fate == FATE_INDEXED || item->fate == FATE_EXISTS))
		late_keep(p, item);
	else
		work_let_go(item);
}

void
work_settled(struct item *item, enum fate fate)
{
	if (fate > item->fate)
		item->fate = (uint8_t)fate;
	if (--item->waits_for == 0)
		end(item->pipeline, item);
}

void
work_output_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	struct item *item = cookie;

	(void)ctx;
	if (late_is_again(item)) {
		late_settled(item, settled->fate != OUTPUT_REFUSED);
		return;
	}
	if (settled->rerouted)
		late_forget(item->pipeline, item);
	switch (settled->fate) {
	case OUTPUT_INDEXED: work_settled(item, FATE_INDEXED); break;
	case OUTPUT_EXISTS: work_settled(item, FATE_EXISTS); break;
	case OUTPUT_REFUSED:
		letters_put(item,
		    &(struct dead_letter){ .reason = settled->reason, .answer = settled->answer });
		break;
	case OUTPUT_GIVEN_BACK:
		returned_add(item->pipeline, item->place);
		work_let_go(item);
		break;
	}
}

/* What the rules made of a record, under the record's _id, for which `id` is room. */
static struct output_document
document_of(const struct pipeline *p, const struct item *item, const struct desk *desk,
    const struct script_result *result, char id[IDENTITY_SIZE])
{
	const struct record *record = &desk->record;

	identity_make(item->digest, record->decodable ? (int64_t)record->header.seconds : 0, id);
	return (struct output_document){
		.index = result->index,
		.fallback_index = result->default_index,
		.id = { id, IDENTITY_SIZE },
		.json = buf_view(&p->document),
	};
}

/* Hands the document on; the output calls back with its fate. */
static void
put_document(struct pipeline *p, struct item *item, const struct desk *desk,
    const struct script_result *result)
{
	char id[IDENTITY_SIZE];
	struct output_document document = document_of(p, item, desk, result, id);

	if (result->verdict == SCRIPT_WITHHELD) {
		item->waits_for = 2;
		letters_put(item, &(struct dead_letter){ .reason = "withheld",
				      .rule = result->rule,
				      .rules = script_hash(desk->script),
				      .id = document.id });
	}
	if (result->incomplete && result->verdict == SCRIPT_INDEX)
		late_note(p, item, document.index);
	if (item->place != 0 && !item->has_letter && returned_has_room(p, item->place))
		document.record_bytes = item->len + ITEM_COST;
	if (!output_put(p->rooms.output, &document, item))
		letters_put(item, &(struct dead_letter){ .reason = "memory", .id = document.id });
}

bool
work_put_over(struct pipeline *p, struct item *item, const struct desk *desk,
    const struct script_result *result)
{
	char id[IDENTITY_SIZE];
	struct output_document document = document_of(p, item, desk, result, id);

	document.overwrite = true;
	return output_put(p->rooms.output, &document, item);
}

/* What the rules said. */
static void
conclude(struct pipeline *p, struct item *item, const struct desk *desk, bool done,
    const struct script_result *result)
{
	if (late_is_again(item))
		late_conclude(p, item, desk, done, result);
	else if (!done)
		letters_put(item, &(struct dead_letter){ .reason = "memory" });
	else if (result->verdict == SCRIPT_DROP) {
		item->reason =
		    reasons_get(&p->senders.reasons, FATE_DROPPED, result->rule, result->reason);
		work_settled(item, FATE_DROPPED);
	} else
		put_document(p, item, desk, result);
}

/* The kernel's own count, if the sender's policy has it written. */
static void
note_kernel(const struct item *item, const struct record *record)
{
	const struct token *t = record_first(record, TOKEN_SEQUENCE);
	struct sender *s = item->source->sender;
	uint64_t gap;

	if (t == NULL)
		return;
	gap = sequences_note_kernel(&s->sequences, item->sequence, t->number);
	if (gap > 0)
		sender_tell_kernel_missing(s, gap, item->sequence);
}

/* The host itself may tell of records that its kernel threw away. */
static void
note_kernel_drops(const struct item *item, const struct record *record)
{
	struct sender *s = item->source->sender;
	struct kernel_report report;
	uint64_t dropped;

	if (!kernel_drops_read(record, &report))
		return;
	dropped = kernel_drops_note(&s->kernel_drops, &report);
	if (dropped > 0)
		sender_tell_kernel_dropped(s, dropped, item->sequence);
}

void
work_take_up(struct pipeline *p, struct item *item)
{
	const struct source *source = item->source;
	struct desk *desk = p->desk;
	struct script_result result;
	bool done;

	work_hold(item);
	item->waits_for = 1;
	if (item->full_size > item->len) {
		letters_put(item, &(struct dead_letter){ .reason = "too_long" });
		return;
	}
	record_decode(
	    &desk->record, (const uint8_t *)item->bytes, item->len, &source->group->dialect);
	if (!late_is_again(item) && !item->returned) {
		note_kernel(item, &desk->record);
		if (kernel_drops_may(&desk->record))
			note_kernel_drops(item, &desk->record);
	}
	desk->origin = (struct origin){
		.present = true,
		.from = source->names.from,
		.host = source->names.host,
		.principal = source->names.principal,
		.received = item->received,
		.sequence = item->sequence,
	};
	desk->script = source->group->script;
	buf_cut(&p->document, 0);
	done = script_run(desk->script, &desk->record, &desk->origin, &p->document, &result);
	if (done && result.verdict == SCRIPT_WAITS) {
		desk->wait = result.wait;
		desk->wait->user = item;
		item->desk = desk;
		p->desk = NULL;
		return;
	}
	conclude(p, item, desk, done, &result);
}

void
work_resume(struct pipeline *p)
{
	struct item *item = p->woken;
	struct desk *desk = item->desk;
	struct script_result result;
	bool done;

	p->woken = item->next_letter;
	buf_cut(&p->document, 0);
	done = script_resume(desk->wait, &p->document, &result);
	if (done && result.verdict == SCRIPT_WAITS) {
		desk->wait = result.wait;
		desk->wait->user = item;
		return;
	}
	item->desk = NULL;
	conclude(p, item, desk, done, &result);
	desk_give_back(p, desk);
}
