/* pipeline: turns of work, what wakes them, and what ends them. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/pipeline_inside.h"

#define TURN_MOST  (CLOCK_SECOND / 100)  /* a turn ends after that … */
#define SLOW       (CLOCK_SECOND / 1000) /* … and is timed for each record when they take long */
#define TIMED_EACH 8                     /* records, when they do not */

void
pipeline_kept(void *pipeline, void *cookie)
{
	(void)pipeline;
	work_settled(cookie, FATE_DEAD);
}

void
pipeline_wake(void *pipeline, struct script_wait *wait)
{
	struct pipeline *p = pipeline;
	struct item *item = wait->user;

	if (p->woken == NULL)
		p->last_woken = &p->woken;
	item->next_letter = NULL;
	*p->last_woken = item;
	p->last_woken = &item->next_letter;
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

static bool
may_work(struct pipeline *p)
{
	return (p->senders.turn != NULL || p->woken != NULL) && output_ready(p->rooms.output) &&
	       work_ready(p);
}

/* One turn: in fair shares, at most a budget, as long as the output takes more. */
static void
turn(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct pipeline *p = container_of(w, struct pipeline, turn);
	struct turn_clock clock = { .left = 1 };

	(void)revents;
	if (p->letters != NULL)
		letters_retry(p);
	if (may_work(p))
		clock.began = clock.last = clock_steady();
	for (unsigned n = 0; n < p->config.budget && may_work(p); n++) {
		if (p->woken != NULL)
			work_resume(p);
		else
			work_take_up(p, senders_next(&p->senders, p->config.quantum));
		if (turn_is_over(&clock))
			break;
	}
	output_flush(p->rooms.output);
	wire_flush(p->rooms.wire);
	backlog_move_cursor(p);
	backlog_pump(p);
	if (may_work(p))
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

static void
output_reopened(void *ctx)
{
	returned_want(ctx);
}

/* On disk: from now on a restart loses none of them. */
static void
journal_has_stored(void *ctx, uint64_t below)
{
	struct pipeline *p = ctx;
	struct pledge pledge;

	while (pledges_take(&p->pledges, below, &pledge))
		intake_acknowledge(p, pledge.of, pledge.to, pledge.receipt);
}

static void
journal_stalled(void *ctx, const char *reason)
{
	struct pipeline *p = ctx;

	p->stalled = reason;
	if (reason != NULL)
		log_error("acknowledgements_withheld", log_s("reason", reason),
		    log_i("owed", (int64_t)p->owed),
		    log_s("meaning",
			"acknowledgements are withheld; the senders' windows fill, then they "
			"throw records away"),
		    log_s("cure", "make room on the disk of the journal, or raise "
				  "journal.max_bytes; nothing has to be restarted"));
	else
		log_info("acknowledgements_resumed", log_i("owed", (int64_t)p->owed));
}

struct err *
pipeline_new(struct pipeline **out, struct ev_loop *loop, const struct pipeline_config *config)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_sys("pipeline");
	p->loop = loop;
	p->config = *config;
	p->output_handler = (struct output_handler){
		.settled = work_output_settled,
		.ready = output_is_ready,
		.broken = output_broken,
		.reopened = output_reopened,
		.ctx = p,
	};
	p->journal_handler = (struct journal_handler){
		.stored = journal_has_stored,
		.stalled = journal_stalled,
		.ctx = p,
	};
	senders_init(&p->senders);
	if (!work_ready(p)) {
		free(p);
		return err_sys("pipeline");
	}
	ev_prepare_init(&p->turn, turn);
	ev_idle_init(&p->more, still_more);
	*out = p;
	return NULL;
}

const struct wire_handler *
pipeline_wire_handler(struct pipeline *p, struct groups *groups)
{
	p->wire_handler = intake_handler;
	p->wire_handler.ctx = p;
	p->wire_handler.admit = groups_admit;
	p->wire_handler.admit_ctx = groups;
	return &p->wire_handler;
}

const struct output_handler *
pipeline_output_handler(struct pipeline *p)
{
	return &p->output_handler;
}

const struct journal_handler *
pipeline_journal_handler(struct pipeline *p)
{
	return &p->journal_handler;
}

void
pipeline_use(struct pipeline *p, const struct pipeline_rooms *rooms)
{
	p->rooms = *rooms;
	if (rooms->journal != NULL)
		backlog_start(p);
	ev_prepare_start(p->loop, &p->turn);
}

void
pipeline_tick(struct pipeline *p)
{
	late_tick(p);
}

void
pipeline_late(const struct pipeline *p, struct late_counters *out)
{
	*out = p->lates.counters;
}

struct senders *
pipeline_senders(struct pipeline *p)
{
	return &p->senders;
}

uint64_t
pipeline_waiting(const struct pipeline *p)
{
	return p->owed;
}

void
pipeline_check_ledger(const struct pipeline *p)
{
	uint64_t waiting = ledger_waiting(&p->senders.ledger), found = p->unplaced;

	if (p->rooms.journal != NULL)
		found += journal_next(p->rooms.journal) - p->prefix.base - p->prefix.ahead;
	if (found != waiting)
		log_error("ledger_does_not_balance", log_i("waiting", (int64_t)waiting),
		    log_i("found", (int64_t)found),
		    log_s("meaning", "a record was counted twice or not at all: a fault of this "
				     "program, which its makers should hear of"));
}

/* Gives receipts back without an acknowledgement: the sender has the record, and keeps it. */
static void
give_back(struct item *item)
{
	if (item->peer != NULL)
		peer_settle(item->peer, item->receipt, false);
	item->peer = NULL;
	for (struct follower *f = item->followers; f != NULL; f = f->next) {
		if (f->peer != NULL)
			peer_settle(f->peer, f->receipt, false);
		f->peer = NULL;
	}
}

void
pipeline_give_up(struct pipeline *p)
{
	struct pledge pledge;
	struct item *item;

	while ((item = senders_next(&p->senders, 1)) != NULL) {
		/* Connections that have not ended yet may bring it again. */
		resends_forget(&item->source->sender->resends, item->sequence, item);
		work_hold(item);
		give_back(item);
		work_let_go(item);
	}
	/* These still stand in the output or among the dead letters, which may yet settle them. */
	for (item = p->in_hand; item != NULL; item = item->next)
		give_back(item);
	while (pledges_take(&p->pledges, UINT64_MAX, &pledge))
		peer_settle(pledge.to, pledge.receipt, false);
}

void
pipeline_free(struct pipeline *p)
{
	struct item *item;
	struct desk *desk;

	if (p == NULL)
		return;
	ev_prepare_stop(p->loop, &p->turn);
	ev_idle_stop(p->loop, &p->more);
	pipeline_give_up(p);
	late_fini(p);
	while ((item = p->in_hand) != NULL) {
		if ((desk = item->desk) != NULL) {
			script_abandon(desk->wait);
			desk_free(desk);
		}
		work_let_go(item);
	}
	while ((desk = p->desks) != NULL) {
		p->desks = desk->next;
		desk_free(desk);
	}
	desk_free(p->desk);
	pledges_fini(&p->pledges);
	prefix_fini(&p->prefix);
	places_fini(&p->returned.places);
	senders_fini(&p->senders);
	buf_fini(&p->document);
	free(p);
}
