#include "daemon/pipeline.h"

#include <ev.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/identity.h"
#include "daemon/item.h"

#define TURN_MOST  (CLOCK_SECOND / 100)  /* a turn ends after that … */
#define SLOW       (CLOCK_SECOND / 1000) /* … and is timed for each record when they take long */
#define TIMED_EACH 8                     /* records, when they do not */

struct pipeline {
	struct ev_loop *loop;
	struct ev_prepare turn; /* before the loop sleeps: whatever waits is taken up */
	struct ev_idle more;    /* keeps the loop from sleeping while more waits */
	struct pipeline_config config;
	struct wire_handler wire_handler;
	struct output_handler output_handler;
	struct wire *wire;
	struct output *output;
	struct dead *dead;
	struct script *script;
	struct senders senders;
	struct item *in_hand; /* taken up and not settled */
	struct item *letters,
	    **last_letter;    /* of these, those that wait for room in the dead letters */
	struct record record; /* reused for each */
	struct buf document;
};

static void
hold(struct item *item)
{
	struct pipeline *p = item->pipeline;

	item->previous = NULL;
	if ((item->next = p->in_hand) != NULL)
		item->next->previous = item;
	p->in_hand = item;
}

static void
let_go(struct item *item)
{
	if (item->next != NULL)
		item->next->previous = item->previous;
	if (item->previous != NULL)
		item->previous->next = item->next;
	else
		item->pipeline->in_hand = item->next;
	free(item);
}

/* One of the settlements that an item waits for has come. */
static void
item_settled(struct item *item, enum fate fate)
{
	struct pipeline *p = item->pipeline;

	if (fate > item->fate)
		item->fate = (uint8_t)fate;
	if (--item->waits_for > 0)
		return;
	senders_count(&p->senders, item->sender, item->fate);
	if (item->peer != NULL)
		peer_settle(item->peer, item->receipt, true);
	let_go(item);
}

static bool
put_letter(
    struct item *item, const char *reason, const char *rule, struct str answer, struct str id)
{
	struct pipeline *p = item->pipeline;
	struct dead_letter letter = {
		.reason = reason,
		.rule = rule,
		.rules = script_hash(p->script),
		.sender = item->sender->name,
		.from = item->sender->from,
		.sequence = item->sequence,
		.received = item->received,
		.record = { item->bytes, item->len },
		.full_size = item->full_size,
		.answer = answer,
		.id = id,
	};

	return dead_put(p->dead, &letter, item);
}

/*
 * Puts a record among the dead letters; its item is settled when the letter is on disk. When there
 * is no room for the letter, the record waits for it unacknowledged: it is not lost, the sender has
 * it. Such a letter has the reason and the record, and does without the rest.
 */
static void
set_aside(struct item *item, const char *reason, const char *rule, struct str answer, struct str id)
{
	struct pipeline *p = item->pipeline;

	if (item->letter != NULL) { /* one letter will do */
		item->waits_for--;
		return;
	}
	if (p->letters == NULL && put_letter(item, reason, rule, answer, id))
		return;
	if (p->letters == NULL) {
		p->last_letter = &p->letters;
		log_warn("dead_letters_wait", log_i("pending", (int64_t)dead_pending(p->dead)));
	}
	item->letter = reason;
	item->next_letter = NULL;
	*p->last_letter = item;
	p->last_letter = &item->next_letter;
}

/* Takes up the letters that had to wait, as far as there is room now. */
static void
put_waiting_letters(struct pipeline *p)
{
	struct item *item;

	while ((item = p->letters) != NULL &&
	       put_letter(item, item->letter, NULL, (struct str){ 0 }, (struct str){ 0 })) {
		p->letters = item->next_letter;
		item->letter = NULL;
	}
}

void
pipeline_kept(void *pipeline, void *cookie)
{
	(void)pipeline;
	item_settled(cookie, FATE_DEAD);
}

static void
output_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	struct item *item = cookie;

	(void)ctx;
	switch (settled->fate) {
	case OUTPUT_INDEXED: item_settled(item, FATE_INDEXED); break;
	case OUTPUT_EXISTS: item_settled(item, FATE_EXISTS); break;
	case OUTPUT_REFUSED:
		set_aside(item, settled->reason, NULL, settled->answer, (struct str){ 0 });
		break;
	}
}

static struct origin
item_origin(const struct item *item)
{
	return (struct origin){
		.present = true,
		.from = str_of(peer_from(item->peer)),
		.host = str_of(peer_host(item->peer)),
		.received = item->received,
		.sequence = item->sequence,
	};
}

/* Hands the document on; the output calls back with its fate. */
static void
put_document(struct pipeline *p, struct item *item, const struct script_result *result)
{
	char id[IDENTITY_SIZE];
	struct output_document document = {
		.index = result->index,
		.fallback_index = result->default_index,
		.id = { id, sizeof(id) },
		.json = buf_view(&p->document),
	};

	identity_make(item->sender->name, item->sequence,
	    p->record.decodable ? (int64_t)p->record.header.seconds : 0,
	    (struct str){ item->bytes, item->len }, id);
	if (result->verdict == SCRIPT_WITHHELD) {
		item->waits_for = 2;
		set_aside(item, "withheld", result->rule, (struct str){ 0 }, document.id);
	}
	if (!output_put(p->output, &document, item))
		set_aside(item, "memory", NULL, (struct str){ 0 }, document.id);
}

/* From bytes to a document or a verdict. */
static void
take_up(struct pipeline *p, struct item *item)
{
	struct origin origin = item_origin(item);
	struct script_result result;

	hold(item);
	item->waits_for = 1;
	if (item->full_size > item->len) {
		set_aside(item, "too_long", NULL, (struct str){ 0 }, (struct str){ 0 });
		return;
	}
	record_decode(&p->record, (const uint8_t *)item->bytes, item->len, &p->config.dialect);
	buf_cut(&p->document, 0);
	if (!script_run(p->script, &p->record, &origin, &p->document, &result))
		set_aside(item, "memory", NULL, (struct str){ 0 }, (struct str){ 0 });
	else if (result.verdict == SCRIPT_DROP)
		item_settled(item, FATE_DROPPED);
	else
		put_document(p, item, &result);
}

/* Whatever rules take, signals, logins and acknowledgements wait for a turn only. */
struct turn_clock {
	int64_t began, last;
	unsigned left; /* records until the next look at the clock */
};

static bool
turn_is_over(struct turn_clock *t)
{
	int64_t now;

	if (--t->left > 0)
		return false;
	now = clock_steady();
	t->left = now - t->last > SLOW ? 1 : TIMED_EACH;
	t->last = now;
	return now - t->began > TURN_MOST;
}

/* One turn: in fair shares, at most a budget, as long as the output takes more. */
static void
turn(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct pipeline *p = container_of(w, struct pipeline, turn);
	struct turn_clock clock = { .left = 1 };
	struct item *item;
	unsigned n = 0;

	(void)revents;
	if (p->letters != NULL)
		put_waiting_letters(p);
	if (p->senders.turn != NULL)
		clock.began = clock.last = clock_steady();
	while (n < p->config.budget && output_ready(p->output) &&
	       (item = senders_next(&p->senders, p->config.quantum)) != NULL) {
		take_up(p, item);
		n++;
		if (turn_is_over(&clock))
			break;
	}
	output_flush(p->output);
	wire_flush(p->wire);
	if (p->senders.turn != NULL && output_ready(p->output))
		ev_idle_start(loop, &p->more);
	else
		ev_idle_stop(loop, &p->more);
}

static void
still_more(struct ev_loop *loop, struct ev_idle *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

static void
wire_arrived(void *ctx, struct peer *peer)
{
	struct pipeline *p = ctx;
	struct sender *s = senders_named(&p->senders, peer_sender(peer));

	/* Without memory for the sender its first record tries again. */
	peer_set_user(peer, s);
	if (s != NULL)
		sender_arrived(s, peer_from(peer));
}

static void
wire_left(void *ctx, struct peer *peer, const char *reason)
{
	struct sender *s = peer_user(peer);

	(void)ctx;
	(void)reason;
	if (s != NULL)
		sender_left(s);
}

static bool
wire_record(void *ctx, struct peer *peer, const struct wire_record *record)
{
	struct pipeline *p = ctx;
	struct item *item;

	if (peer_user(peer) == NULL)
		wire_arrived(ctx, peer);
	if (peer_user(peer) == NULL || record->bytes.len > UINT32_MAX ||
	    (item = malloc(sizeof(*item) + record->bytes.len)) == NULL)
		return false;
	item->pipeline = p;
	item->sender = peer_user(peer);
	item->peer = peer;
	item->receipt = record->receipt;
	item->sequence = record->sequence;
	item->full_size = record->full_size;
	item->received = record->received;
	item->len = (uint32_t)record->bytes.len;
	item->fate = FATE_INDEXED;
	item->letter = NULL;
	memcpy(item->bytes, record->bytes.at, record->bytes.len);
	senders_queue(&p->senders, item->sender, item);
	return true;
}

static void
output_is_ready(void *ctx)
{
	(void)ctx; /* the next turn of the loop sees it */
}

static void
output_broken(void *ctx, const char *reason)
{
	struct pipeline *p = ctx;

	p->config.broken(p->config.ctx, reason);
}

struct err *
pipeline_new(struct pipeline **out, struct ev_loop *loop, const struct pipeline_config *config)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_sys("pipeline");
	p->loop = loop;
	p->config = *config;
	p->wire_handler = (struct wire_handler){
		.arrived = wire_arrived, .record = wire_record, .left = wire_left, .ctx = p
	};
	p->output_handler = (struct output_handler){
		.settled = output_settled,
		.ready = output_is_ready,
		.broken = output_broken,
		.ctx = p,
	};
	senders_init(&p->senders);
	if (!record_init(&p->record)) {
		free(p);
		return err_sys("pipeline");
	}
	ev_prepare_init(&p->turn, turn);
	ev_idle_init(&p->more, still_more);
	*out = p;
	return NULL;
}

const struct wire_handler *
pipeline_wire_handler(struct pipeline *p)
{
	return &p->wire_handler;
}

const struct output_handler *
pipeline_output_handler(struct pipeline *p)
{
	return &p->output_handler;
}

void
pipeline_use(struct pipeline *p, struct wire *wire, struct output *output, struct dead *dead)
{
	p->wire = wire;
	p->output = output;
	p->dead = dead;
	ev_prepare_start(p->loop, &p->turn);
}

void
pipeline_rules(struct pipeline *p, struct script *script)
{
	p->script = script;
}

struct senders *
pipeline_senders(struct pipeline *p)
{
	return &p->senders;
}

uint64_t
pipeline_waiting(const struct pipeline *p)
{
	return ledger_waiting(&p->senders.ledger);
}

/* Gives the receipt back without an acknowledgement: the sender has the record, and keeps it. */
static void
give_back(struct item *item)
{
	if (item->peer != NULL)
		peer_settle(item->peer, item->receipt, false);
	item->peer = NULL;
}

void
pipeline_give_up(struct pipeline *p)
{
	struct item *item;

	while ((item = senders_next(&p->senders, 1)) != NULL) {
		hold(item);
		give_back(item);
		let_go(item);
	}
	/* These still stand in the output or among the dead letters, which may yet settle them. */
	for (item = p->in_hand; item != NULL; item = item->next)
		give_back(item);
}

void
pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	ev_prepare_stop(p->loop, &p->turn);
	ev_idle_stop(p->loop, &p->more);
	pipeline_give_up(p);
	while (p->in_hand != NULL)
		let_go(p->in_hand);
	senders_fini(&p->senders);
	record_fini(&p->record);
	buf_fini(&p->document);
	free(p);
}
