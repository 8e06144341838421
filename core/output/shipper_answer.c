/* shipper_answer: what comes of a request as a whole. */
#include "base/log.h"
#include "output/shipper_inside.h"

#define BYTES_LEAST     (1024 * 1024) /* a 413 does not teach us to go below */
#define BIG_REQUEST     (256 * 1024)  /* one of more may itself be why it is refused with 429 */
#define BIG_DOCUMENT    (64 * 1024)
#define BUSY_HALVES     3 /* refusals with 429 while others pass */
#define BUSY_HALVES_BIG 4 /* the same, while nobody passes */
#define MOMENT_HALVES   5
#define TORN_PLAIN      2
#define DOWN_PATIENCE   (5 * CLOCK_SECOND) /* a restart is not worth an alarm */

/* ---- a stop of everything ---- */

static const char *
stop_cure(const char *why)
{
	static const struct {
		const char *why, *cure;
	} cures[] = {
		{ "credentials_refused",
		    "put working credentials into the key or password file; it is read again when it changes" },
		{ "not_permitted",
		    "give the credentials create_doc and auto_configure on the indices" },
		{ "cluster_blocked",
		    "lift the block of the cluster (disk space, cluster.blocks settings)" },
		{ "not_an_answer",
		    "something else than Elasticsearch or OpenSearch answers there: check the URL and proxies on the way" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cures); i++)
		if (strcmp(cures[i].why, why) == 0)
			return cures[i].cure;
	return "-";
}

static void
stop(struct shipper *s, const char *why, unsigned node, const struct shipper_answer *a, int64_t now)
{
	bool fresh = s->stopped == NULL || strcmp(s->stopped, why) != 0;

	/* Answers of requests that were under way together are one sign. */
	if (!fresh && now < s->stop_due)
		return;
	if (fresh)
		s->stops = 0;
	s->stopped = why;
	s->stop_due = now + backoff_delay(&s->jitter, s->stops, PAUSE_BASE, PAUSE_MOST);
	if (s->stops < 31)
		s->stops++;
	if (fresh || now - s->stop_alarmed >= ALARM_EVERY) {
		s->stop_alarmed = now;
		log_error("output_stopped", log_s("reason", why),
		    log_s("node", s->nodes.list[node].url), log_i("status", a->status),
		    log_i("waiting", (int64_t)s->pending), log_s("cure", stop_cure(why)));
	}
}

static void
unstop(struct shipper *s)
{
	if (s->stopped == NULL)
		return;
	log_info("output_resumed", log_s("reason", s->stopped));
	s->stopped = NULL;
	s->stops = 0;
}

void
shipper_try_again(struct shipper *s)
{
	s->stop_due = 0;
}

/* ---- answers ---- */

static bool
others_passed(const struct shipper *s, const struct batch *b)
{
	return b->tries > 0 && s->passed > b->passed;
}

/*
 * One document that the server will have nothing to do with: is it to blame, and not the server
 * or the moment? Where the answer is a plain refusal, others that pass are proof enough; else it
 * has to last.
 */
static bool
to_blame(const struct shipper *s, struct batch *b, bool plain, int64_t now)
{
	struct batch_item *item = &b->items[0];

	if (item->since == 0)
		item->since = now;
	return (plain && others_passed(s, b)) || now - item->since >= s->config.retry_for;
}

static void
refuse_alone(struct shipper *s, struct batch *b, const char *reason, const struct shipper_answer *a)
{
	shipper_refuse(
	    s, &b->items[0], reason, a->verdict == ANSWER_UNCLEAR ? NULL : a->answer, NULL);
	b->count = 0;
	shipper_retire(s, b);
}

/* The whole request was refused: halve it, down to the one that is to blame. */
static void
halve_or_refuse(struct shipper *s, struct batch *b, const char *reason,
    const struct shipper_answer *a, int64_t now)
{
	if (b->count == 1 && to_blame(s, b, a->verdict == ANSWER_REFUSED, now))
		refuse_alone(s, b, reason, a);
	else if (!shipper_split(s, b))
		shipper_again(s, b, now);
}

static void
answer_too_large(struct shipper *s, struct batch *b, const struct shipper_answer *a, int64_t now)
{
	size_t size = b->body.len;

	if (b->count == 1 && size >= BIG_DOCUMENT) {
		refuse_alone(s, b, "too_large", a);
		return;
	}
	if (b->count > 1 && size > BYTES_LEAST && size / 2 < s->bytes_most) {
		s->bytes_most = size / 2 > BYTES_LEAST ? size / 2 : BYTES_LEAST;
		log_warn("requests_too_large", log_i("bytes", (int64_t)size),
		    log_i("limit_now", (int64_t)s->bytes_most),
		    log_s("cure", "set max_bytes below the limit of the server or proxy"));
	}
	halve_or_refuse(s, b, "too_large", a, now);
}

static void
answer_busy(struct shipper *s, struct batch *b, const struct shipper_answer *a, int64_t now)
{
	s->counters.answers_429++;
	s->counters.retried_requests++;
	pace_too_much(&s->pace, &s->jitter, b->sent, now, a->retry_after);
	b->busy++;
	if (b->count == 1 && b->items[0].since == 0)
		b->items[0].since = now;
	/* A request that is too large for some limit is refused for ever, on an idle server too. */
	if ((b->busy >= BUSY_HALVES && others_passed(s, b)) ||
	    (b->busy >= BUSY_HALVES_BIG && b->body.len > BIG_REQUEST)) {
		if (b->count == 1 && b->body.len > BIG_DOCUMENT && others_passed(s, b) &&
		    to_blame(s, b, false, now)) {
			refuse_alone(s, b, "too_large", a);
			return;
		}
		if (shipper_split(s, b))
			return;
	}
	shipper_again(s, b, now);
}

static void
log_node(const struct shipper *s, unsigned node, const struct shipper_answer *a)
{
	log_warn("node_failed", log_s("node", s->nodes.list[node].url),
	    log_s("reason", a->why != NULL ? a->why : "status"), log_i("status", a->status),
	    log_i("nodes_up", nodes_up(&s->nodes)));
}

static void
answer_moment(
    struct shipper *s, struct batch *b, unsigned node, const struct shipper_answer *a, int64_t now)
{
	bool elsewhere;

	s->counters.retried_requests++;
	if (a->status != 0)
		s->counters.answers_5xx++;
	pace_wait(&s->pace, now, a->retry_after);
	if (node_failed(&s->nodes.list[node], &s->jitter, now))
		log_node(s, node, a);
	if (a->torn && s->config.compressed && !b->plain && ++b->torn >= TORN_PLAIN) {
		b->plain = true;
		log_error("compressed_request_torn", log_s("node", s->nodes.list[node].url),
		    log_s("cure",
			"the server ends the connection on a compressed body: sent plain now; set gzip = false if it lasts"));
	}
	elsewhere = b->tries < s->nodes.count && nodes_up(&s->nodes) > 0;
	if (b->tries >= MOMENT_HALVES && a->status != 0 && others_passed(s, b)) {
		halve_or_refuse(s, b, "unknown_5xx", a, now);
		return;
	}
	if (elsewhere) /* the next node gets it at once */
		shipper_again_at(s, b, now);
	else
		shipper_again(s, b, now);
}

static void
answer_odd(
    struct shipper *s, struct batch *b, unsigned node, const struct shipper_answer *a, int64_t now)
{
	s->counters.answers_odd++;
	if (node_failed(&s->nodes.list[node], &s->jitter, now) && nodes_up(&s->nodes) > 0)
		log_error("not_an_answer", log_s("node", s->nodes.list[node].url),
		    log_i("status", a->status), log_s("cure", stop_cure("not_an_answer")));
	if (nodes_up(&s->nodes) == 0)
		stop(s, "not_an_answer", node, a, now);
	shipper_again(s, b, now);
}

/*
 * Says once that nobody answers, and once that it is over: what follows on the hosts is worse than
 * what is seen here.
 */
static void
check_nodes(struct shipper *s, int64_t now)
{
	int64_t seconds = (now - s->down_since) / CLOCK_SECOND;

	if (nodes_up(&s->nodes) > 0) {
		if (s->down_told)
			log_info("nodes_answer_again", log_i("nodes_up", nodes_up(&s->nodes)),
			    log_i("seconds", seconds), log_i("waiting", (int64_t)s->pending));
		s->down_since = 0;
		s->down_told = false;
	} else if (s->down_since == 0)
		s->down_since = now;
	else if (!s->down_told && now - s->down_since >= DOWN_PATIENCE) {
		s->down_told = true;
		log_error("no_node_answers", log_i("nodes", s->nodes.count),
		    log_i("seconds", seconds), log_i("waiting", (int64_t)s->pending),
		    log_s("effect",
			"documents wait, in the journal if there is one; without one the windows "
			"of the senders fill, and a host whose window is full loses records"),
		    log_s("cure",
			"see whether the servers run and can be reached; without a journal do not "
			"restart this program or the hosts' auditd meanwhile (etc/doc/delivery.md: "
			"The trap)"));
	}
}

/* It said nothing about the index that was probed; the document goes back to the others. */
static void
end_probe(struct shipper *s, struct batch *b, int64_t now)
{
	b->probes->probing = false;
	b->probes->due =
	    now + backoff_delay(&s->jitter, b->probes->refusals, PAUSE_BASE, PAUSE_MOST);
	b->probes = NULL;
}

static void
answer_unclear(struct shipper *s, struct batch *b, const struct shipper_answer *a, int64_t now)
{
	s->counters.answers_odd++;
	s->counters.retried_requests++;
	/*
	 * Once may be the way there; a pair that a server drops each time stands in one of the
	 * halves.
	 */
	if (b->tries >= 2)
		halve_or_refuse(s, b, "unclear", a, now);
	else
		shipper_again(s, b, now);
}

static void
answer_refused(struct shipper *s, struct batch *b, const struct shipper_answer *a, int64_t now)
{
	log_error("request_refused", log_i("status", a->status),
	    log_b("type", answer_type(a->answer)), log_i("documents", (int64_t)b->count),
	    log_s("cure",
		"one of the documents does not get through as it is written; it is being looked for"));
	halve_or_refuse(s, b, "request_refused", a, now);
}

/* Nothing goes out until somebody has acted; this batch is the first then. */
static void
stop_before(struct shipper *s, struct batch *b, const char *reason, unsigned node,
    const struct shipper_answer *a, int64_t now)
{
	stop(s, reason, node, a, now);
	batch_list_put_first(&s->ready, b);
}

void
shipper_answered(
    struct shipper *s, struct batch *b, unsigned node, const struct shipper_answer *a, int64_t now)
{
	s->in_flight--;
	if (b->probes != NULL && a->verdict != ANSWER_ITEMS)
		end_probe(s, b, now);
	if (a->verdict != ANSWER_MOMENT && a->verdict != ANSWER_LOST && a->verdict != ANSWER_ODD)
		(void)node_answered(&s->nodes.list[node]);
	switch (a->verdict) {
	case ANSWER_ITEMS:
		unstop(s);
		shipper_apply(s, b, a->answer, now);
		break;
	case ANSWER_UNCLEAR: answer_unclear(s, b, a, now); break;
	case ANSWER_BUSY:
		unstop(s);
		answer_busy(s, b, a, now);
		break;
	case ANSWER_MOMENT:
	case ANSWER_LOST: answer_moment(s, b, node, a, now); break;
	case ANSWER_REFUSED:
		unstop(s);
		answer_refused(s, b, a, now);
		break;
	case ANSWER_TOO_LARGE:
		unstop(s);
		answer_too_large(s, b, a, now);
		break;
	case ANSWER_CREDENTIALS: stop_before(s, b, "credentials_refused", node, a, now); break;
	case ANSWER_FORBIDDEN: stop_before(s, b, "not_permitted", node, a, now); break;
	case ANSWER_BLOCKED: stop_before(s, b, "cluster_blocked", node, a, now); break;
	case ANSWER_ODD: answer_odd(s, b, node, a, now); break;
	}
	check_nodes(s, now);
	shipper_pump(s, now);
}

void
shipper_asked(struct shipper *s, unsigned node, bool well, int64_t now)
{
	struct node *n = &s->nodes.list[node];

	if (!well)
		(void)node_failed(n, &s->jitter, now);
	else if (node_answered(n))
		log_info(
		    "node_well", log_s("node", n->url), log_i("nodes_up", nodes_up(&s->nodes)));
	check_nodes(s, now);
	shipper_pump(s, now);
}
