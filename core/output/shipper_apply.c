/* shipper_apply: the fate of each item of an answer. */
#include "base/log.h"
#include "output/repair.h"
#include "output/shipper_inside.h"

#define GONE_TRIES 3 /* an index that was deleted meanwhile comes back by itself, or it does not */

/* What becomes of an item that was not stored. */
enum fate {
	FATE_AGAIN,   /* it stays in the batch */
	FATE_MOVED,   /* it is in another batch now */
	FATE_SETTLED, /* the batch has no more to do with it */
};

/* One answer being applied. */
struct applying {
	struct shipper *s;
	struct batch *b;
	const struct answer *answer;
	int64_t now;
	bool busy; /* an item was too much for the server */
};

static enum fate
refuse(struct applying *a, struct batch_item *item, const struct answer_item *said)
{
	shipper_refuse(a->s, item, said->view.word, a->answer, said);
	return FATE_SETTLED;
}

/*
 * Is the index open to others? Then a fault that looks like the index's is this document's alone,
 * now and later.
 */
static bool
is_blamed(const struct applying *a, struct batch_item *item)
{
	if (item->to->passed == a->s->turn)
		item->marks |= BATCH_BLAMED;
	return (item->marks & BATCH_BLAMED) != 0;
}

/* The destination's fault: the index waits, unless others go into it, then only this one does. */
static enum fate
hold(struct applying *a, struct batch_item *item, const struct answer_item *said)
{
	bool known = (item->marks & BATCH_BLAMED) != 0;

	if (is_blamed(a, item)) {
		if (!known)
			log_error("document_waits", log_b("index", item->to->name),
			    log_s("reason", said->view.word), log_s("cure", said->view.cure));
		return FATE_AGAIN;
	}
	shipper_pause(a->s, item->to, &said->view, answer_type(a->answer), a->now);
	return shipper_put_away(a->s, a->b, item) ? FATE_SETTLED : FATE_AGAIN;
}

/* Puts a changed form of the item into the open batch. */
static enum fate
replace(struct applying *a, struct batch_item *item, struct destination *to, struct str json,
    uint16_t mark)
{
	struct shipper *s = a->s;
	struct batch_document document = {
		.to = to,
		.fallback = item->fallback,
		.id = batch_id(a->b, item),
		.written = true,
		.overwrite = (item->marks & BATCH_OVERWRITE) != 0,
		.record_bytes = item->record_bytes,
		.json = json,
		.cookie = item->cookie,
	};
	struct batch *open;
	struct batch_item *made;

	if ((open = shipper_open_for(s, json.len + item->line_len + to->line.len)) == NULL ||
	    !batch_add(open, &document))
		return FATE_AGAIN;
	made = &open->items[open->count - 1];
	made->marks = item->marks | mark;
	made->tries = item->tries;
	made->since = item->since;
	s->held += batch_item_cost(made);
	s->held -= batch_item_cost(item);
	return FATE_MOVED;
}

/* The document's fault: what the server named goes under `misfit`, once. */
static enum fate
repair(struct applying *a, struct batch_item *item, const struct answer_item *said)
{
	struct buf changed = { 0 };
	enum fate fate = FATE_SETTLED;

	if ((item->marks & BATCH_REPAIRED) != 0 ||
	    repair_document(&changed, batch_json(a->b, item), answer_field(a->answer, said)) !=
		REPAIR_DONE)
		refuse(a, item, said);
	else
		fate = replace(a, item, item->to, buf_view(&changed), BATCH_REPAIRED);
	buf_fini(&changed);
	return fate;
}

static enum fate
reroute(struct applying *a, struct batch_item *item, const struct answer_item *said)
{
	if (item->fallback == item->to)
		return hold(a, item, said);
	log_warn("index_name_invalid", log_b("index", item->to->name),
	    log_b("instead", item->fallback->name), log_s("cure", said->view.cure));
	return replace(a, item, item->fallback, batch_json(a->b, item), BATCH_REROUTED);
}

/*
 * Nobody knows whose fault: the document's, when others go into the same index; else again, for a
 * limited time.
 */
static enum fate
unknown(struct applying *a, struct batch_item *item, const struct answer_item *said)
{
	if (said->status < 500 && is_blamed(a, item))
		return repair(a, item, said);
	if (item->since == 0) {
		item->since = a->now;
		log_error("answer_unknown", log_b("index", item->to->name),
		    log_i("status", said->status),
		    log_i("tried_for_seconds", a->s->config.retry_for / CLOCK_SECOND),
		    log_s("cure",
			"look into the server's log; the document is set aside when this lasts"));
	}
	if (a->now - item->since < a->s->config.retry_for)
		return FATE_AGAIN;
	return refuse(a, item, said);
}

static enum fate
stored(struct applying *a, struct batch_item *item, enum output_fate fate, const char *reason)
{
	struct output_settled settled = { .fate = fate, .reason = reason };

	settled.repaired = (item->marks & BATCH_REPAIRED) != 0;
	settled.rerouted = (item->marks & BATCH_REROUTED) != 0;
	shipper_settle(a->s, item, &settled);
	return FATE_SETTLED;
}

static enum fate
decide(struct applying *a, struct batch_item *item, const struct answer_item *said)
{
	switch (said->view.fault) {
	case FAULT_STORED: return stored(a, item, OUTPUT_INDEXED, NULL);
	case FAULT_STORED_BAD:
		log_error("failure_store_used", log_b("index", item->to->name),
		    log_s(
			"cure", "the server refused a document and kept it in its failure store"));
		return stored(a, item, OUTPUT_INDEXED, said->view.word);
	case FAULT_EXISTS: return stored(a, item, OUTPUT_EXISTS, NULL);
	case FAULT_BUSY: a->busy = true; return FATE_AGAIN;
	case FAULT_MOMENT: return FATE_AGAIN;
	case FAULT_GONE:
		if (item->tries < GONE_TRIES) {
			item->tries++;
			return FATE_AGAIN;
		}
		return hold(a, item, said);
	case FAULT_RACE:
		if ((item->marks & BATCH_RACED) == 0) {
			item->marks |= BATCH_RACED;
			return FATE_AGAIN;
		}
		return repair(a, item, said);
	case FAULT_DOCUMENT: return repair(a, item, said);
	case FAULT_HOPELESS: return refuse(a, item, said);
	case FAULT_DESTINATION:
	case FAULT_DISK: return hold(a, item, said);
	case FAULT_NAME: return reroute(a, item, said);
	case FAULT_UNKNOWN: return unknown(a, item, said);
	}
	return FATE_AGAIN;
}

/*
 * The same fault on every item, to the letter, may be the fault of one of them (a server that
 * takes a request in parts says so). It is each one's own when each has the field that is named.
 */
static bool
may_be_of_one(const struct applying *a)
{
	const struct answer *answer = a->answer;
	enum fault fault;

	if (!answer->same || a->b->count < 2 || answer->count != a->b->count)
		return false;
	fault = answer->items[0].view.fault;
	if (fault == FAULT_UNKNOWN || fault == FAULT_HOPELESS)
		return true;
	if (fault != FAULT_DOCUMENT)
		return false;
	for (size_t i = 0; i < answer->count; i++)
		if (!repair_finds(
			batch_json(a->b, &a->b->items[i]), answer_field(answer, &answer->items[i])))
			return true;
	return false;
}

/* What a probe's answer says about its index. */
static void
judge_probe(struct applying *a, struct destination *to)
{
	enum fault fault = a->answer->count > 0 ? a->answer->items[0].view.fault : FAULT_STORED;

	to->probing = false;
	switch (fault) {
	case FAULT_STORED:
	case FAULT_STORED_BAD:
	case FAULT_EXISTS:
	case FAULT_RACE:
	case FAULT_DOCUMENT:
	case FAULT_HOPELESS: /* the index is open: it found fault with the document */
		shipper_resume(a->s, to);
		break;
	default: /* shipper_pause() sets a later time where it is the destination's again */
		if (fault != FAULT_DESTINATION && fault != FAULT_DISK)
			to->due = a->now + backoff_delay(
					       &a->s->jitter, to->refusals, PAUSE_BASE, PAUSE_MOST);
	}
}

/* Counts what was stored, so that the others can be judged beside their neighbours. */
static bool
note_passed(const struct applying *a)
{
	const struct answer *answer = a->answer;
	size_t next = 0;
	bool any = false;

	for (size_t i = 0; i < a->b->count; i++) {
		bool listed = next < answer->count && answer->items[next].position == i;
		enum fault fault = listed ? answer->items[next++].view.fault : FAULT_STORED;

		if (fault == FAULT_STORED || fault == FAULT_STORED_BAD || fault == FAULT_EXISTS) {
			a->b->items[i].to->passed = a->s->turn;
			any = true;
		}
	}
	return any;
}

/* What is left of the batch goes again. */
static void
keep_rest(struct applying *a)
{
	struct shipper *s = a->s;
	struct batch *b = a->b;
	bool first = b->tries == 0;

	batch_compact(b, s->keep);
	if (b->count == 0) {
		shipper_retire(s, b);
		return;
	}
	s->counters.retried_items += b->count;
	if (a->busy) {
		s->counters.answers_429++;
		pace_too_much(&s->pace, &s->jitter, b->sent, a->now, 0);
		b->busy++;
		/*
		 * Always the same ones, while others pass: one of them may be too large for a
		 * limit.
		 */
		if (!first && b->busy >= 3 && s->passed > b->passed && shipper_split(s, b))
			return;
	}
	shipper_again(s, b, a->now);
}

void
shipper_apply(struct shipper *s, struct batch *b, const struct answer *answer, int64_t now)
{
	struct applying a = { .s = s, .b = b, .answer = answer, .now = now };
	struct destination *probed = b->probes;
	size_t next = 0;

	s->turn++;
	if (note_passed(&a))
		s->passed++;
	if (probed != NULL)
		judge_probe(&a, probed);
	b->probes = NULL;
	if (may_be_of_one(&a) && shipper_split(s, b))
		return;
	s->applying = true;
	for (size_t i = 0; i < b->count; i++) {
		static const struct answer_item good = { .view = { FAULT_STORED, "stored", NULL } };
		bool listed = next < answer->count && answer->items[next].position == i;
		const struct answer_item *said = listed ? &answer->items[next++] : &good;
		enum fate fate = decide(&a, &b->items[i], said);

		s->keep[i] = fate == FATE_AGAIN;
		if (fate == FATE_MOVED) {
			batch_item_release(&b->items[i]);
			shipper_left(s, b->items[i].to);
		}
	}
	s->applying = false;
	if (!a.busy)
		pace_went_well(&s->pace);
	keep_rest(&a);
}
