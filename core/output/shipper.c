/* shipper: gathering documents, sending batches, and when to look again. */
#include "output/shipper.h"

#include <stdlib.h>

#include "base/log.h"
#include "output/shipper_inside.h"

#define SPARES_MOST 3
#define SPLIT_TRIES 3 /* a half is a new attempt, but not the first */

/* ---- batches ---- */

struct batch *
shipper_spare(struct shipper *s)
{
	struct batch *b = s->spare;

	if (b == NULL)
		return batch_new();
	s->spare = b->next;
	s->spares--;
	b->next = NULL;
	return b;
}

void
shipper_retire(struct shipper *s, struct batch *b)
{
	if (s->spares >= SPARES_MOST) {
		batch_free(b);
		return;
	}
	batch_reset(b, s->config.max_bytes + s->config.max_bytes / 4);
	b->next = s->spare;
	s->spare = b;
	s->spares++;
}

void
shipper_again_at(struct shipper *s, struct batch *b, int64_t due)
{
	if (b->tries == 0)
		b->passed = s->passed;
	b->due = due;
	if (b->tries < 31)
		b->tries++;
	b->probes = NULL;
	batch_list_put_due(&s->again, b);
}

void
shipper_again(struct shipper *s, struct batch *b, int64_t now)
{
	shipper_again_at(s, b, now + backoff_delay(&s->jitter, b->tries, AGAIN_BASE, AGAIN_MOST));
}

bool
shipper_split(struct shipper *s, struct batch *b)
{
	struct batch *half;

	if (b->count < 2 || (half = shipper_spare(s)) == NULL)
		return false;
	if (!batch_halve(b, half)) {
		shipper_retire(s, half);
		return false;
	}
	/* Whatever passes from now on, the other half too, is a sign about what does not. */
	if (b->tries == 0) {
		b->passed = s->passed;
		b->tries = 1;
	}
	if (b->tries > SPLIT_TRIES)
		b->tries = SPLIT_TRIES;
	half->tries = b->tries;
	half->passed = b->passed;
	half->plain = b->plain;
	b->alone = half->alone = true;
	b->busy = b->torn = 0;
	b->due = half->due = 0;
	s->counters.halved++;
	batch_list_put_due(&s->again, b);
	batch_list_put_due(&s->again, half);
	return true;
}

struct batch *
shipper_open_for(struct shipper *s, size_t bytes)
{
	struct batch *b = s->open;

	if (b != NULL && b->count > 0 &&
	    (b->count >= s->config.max_documents || b->body.len + bytes > s->bytes_most)) {
		batch_list_put(&s->ready, b);
		b = s->open = NULL;
	}
	if (b == NULL)
		b = s->open = shipper_spare(s);
	return b;
}

void
shipper_settle(struct shipper *s, struct batch_item *item, const struct output_settled *settled)
{
	s->pending--;
	s->held -= batch_item_cost(item);
	batch_item_release(item);
	shipper_left(s, item->to);
	switch (settled->fate) {
	case OUTPUT_INDEXED:
		s->counters.indexed++;
		s->counters.repaired += settled->repaired;
		s->counters.rerouted += settled->rerouted;
		break;
	case OUTPUT_EXISTS: s->counters.existed++; break;
	case OUTPUT_REFUSED: s->counters.refused++; break;
	case OUTPUT_GIVEN_BACK: s->counters.given_back++; break;
	}
	s->port.settled(s->port.ctx, item->cookie, settled);
}

/*
 * A field's name for the log: it may come from the data, so only what looks like a name is shown.
 */
static struct str
loggable(struct str field)
{
	if (field.len > 64 || field.len == 0)
		return STR("-");
	for (size_t i = 0; i < field.len; i++) {
		char c = field.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '.' && c != '@')
			return STR("-");
	}
	return field;
}

void
shipper_refuse(struct shipper *s, struct batch_item *item, const char *reason,
    const struct answer *answer, const struct answer_item *said)
{
	struct output_settled settled = { .fate = OUTPUT_REFUSED, .reason = reason };

	if (said != NULL)
		settled.answer = answer_error(answer, said);
	else if (answer != NULL)
		settled.answer = answer_whole(answer);
	settled.rerouted = (item->marks & BATCH_REROUTED) != 0;
	log_warn("document_refused", log_s("reason", reason), log_b("index", item->to->name),
	    log_b("field", said != NULL ? loggable(answer_field(answer, said)) : STR("-")));
	shipper_settle(s, item, &settled);
}

/* ---- sending ---- */

static bool
may_send(const struct shipper *s, int64_t now)
{
	if (s->stopped != NULL)
		return s->in_flight == 0 && now >= s->stop_due;
	return pace_allows(&s->pace, s->in_flight, now);
}

/* Small batches whose time has come go together. */
static void
join(struct shipper *s, struct batch *b, int64_t now)
{
	struct batch *other;

	while ((other = s->again.first) != NULL && other->due <= now && !other->alone &&
	       !other->plain && b->count + other->count <= s->config.max_documents &&
	       b->body.len + other->body.len <= s->bytes_most) {
		size_t before = b->count, len = b->body.len;

		for (size_t i = 0; i < other->count; i++)
			if (!batch_copy(b, other, &other->items[i])) {
				while (b->count > before)
					batch_item_release(&b->items[--b->count]);
				b->body.len = len;
				return;
			}
		for (size_t i = 0; i < other->count; i++)
			batch_item_release(&other->items[i]);
		if (other->tries > b->tries)
			b->tries = other->tries;
		if (other->passed < b->passed)
			b->passed = other->passed;
		shipper_retire(s, batch_list_take(&s->again));
	}
}

static struct batch *
next_batch(struct shipper *s, int64_t now)
{
	struct batch *b;

	for (;;) {
		if (s->destinations.paused > 0 && (b = shipper_probe(s, now)) != NULL)
			return b;
		if (s->again.first != NULL && s->again.first->due <= now) {
			b = batch_list_take(&s->again);
			if (!b->alone && !b->plain)
				join(s, b, now);
		} else if ((b = batch_list_take(&s->ready)) == NULL) {
			if (s->open == NULL || s->open->count == 0)
				return NULL;
			b = s->open;
			s->open = NULL;
		}
		if (s->destinations.paused > 0)
			shipper_park_paused(s, b);
		if (b->count > 0)
			return b;
		shipper_retire(s, b);
	}
}

void
shipper_pump(struct shipper *s, int64_t now)
{
	struct batch *b;
	int node;

	if (s->applying)
		return;
	while ((node = nodes_ask(&s->nodes, now)) >= 0)
		s->port.ask(s->port.ctx, (unsigned)node);
	while (may_send(s, now) && nodes_up(&s->nodes) > 0 && (b = next_batch(s, now)) != NULL) {
		node = nodes_pick(&s->nodes);
		b->sent = now;
		if (!s->port.send(s->port.ctx, b, (unsigned)node)) {
			if (b->probes != NULL)
				b->probes->probing = false;
			shipper_again(s, b, now);
			return;
		}
		s->in_flight++;
		s->counters.requests++;
		s->counters.documents += b->count;
		s->counters.bytes += b->body.len;
	}
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t
shipper_due(const struct shipper *s, int64_t now)
{
	int64_t due = nodes_due(&s->nodes), work = PACE_NEVER, probe;

	if (s->ready.first != NULL || (s->open != NULL && s->open->count > 0))
		work = now;
	else if (s->again.first != NULL)
		work = s->again.first->due;
	if (s->destinations.paused > 0 && (probe = shipper_probe_due(s)) < work)
		work = probe;
	/* With every place taken, or no node up, an answer is what comes next. */
	if (work == PACE_NEVER || nodes_up(&s->nodes) == 0)
		return due;
	if (s->stopped != NULL) {
		if (s->in_flight > 0)
			return due;
		work = later(work, s->stop_due);
	} else {
		if (s->in_flight >= (unsigned)s->pace.allowed)
			return due;
		work = later(work, s->pace.hold);
	}
	return work < due ? work : due;
}

/* A record of more bytes than that weighs as much as is needed. */
static uint32_t
record_bytes(const struct output_document *document)
{
	return document->record_bytes < UINT32_MAX ? (uint32_t)document->record_bytes : UINT32_MAX;
}

bool
shipper_put(struct shipper *s, const struct output_document *document, void *cookie)
{
	struct destination *to, *fallback;
	struct batch *b;

	if ((to = destination_get(&s->destinations, document->index)) == NULL)
		return false;
	fallback = to;
	if (document->fallback_index.len > 0 &&
	    !str_equal(document->fallback_index, document->index)) {
		to->refs++; /* a table that grows forgets what nobody refers to */
		fallback = destination_get(&s->destinations, document->fallback_index);
		to->refs--;
		if (fallback == NULL)
			return false;
		s->destinations.recent = to;
	}
	b = shipper_open_for(s, document->json.len + document->id.len + to->line.len);
	if (b == NULL || !batch_add(b, &(struct batch_document){ .to = to,
					   .fallback = fallback,
					   .id = document->id,
					   .overwrite = document->overwrite,
					   .record_bytes = record_bytes(document),
					   .json = document->json,
					   .cookie = cookie }))
		return false;
	s->pending++;
	s->held += batch_item_cost(&b->items[b->count - 1]);
	return true;
}

/* ---- life ---- */

struct err *
shipper_new(
    struct shipper **out, const struct shipper_config *config, const struct shipper_port *port)
{
	struct shipper *s;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->nodes.list = calloc(config->url_count, sizeof(*s->nodes.list))) == NULL ||
	    (s->keep = calloc(config->max_documents, sizeof(*s->keep))) == NULL) {
		shipper_free(s);
		return err_new("output: out of memory");
	}
	s->config = *config;
	s->port = *port;
	s->bytes_most = config->max_bytes;
	s->jitter.state = config->seed | 1;
	s->nodes.count = (unsigned)config->url_count;
	for (size_t i = 0; i < config->url_count; i++)
		s->nodes.list[i].url = config->urls[i];
	pace_init(&s->pace, config->max_in_flight);
	*out = s;
	return NULL;
}

static void
free_list(struct batch *b)
{
	for (struct batch *next; b != NULL; b = next) {
		next = b->next;
		batch_free(b);
	}
}

void
shipper_drop(struct shipper *s, struct batch *b)
{
	s->in_flight--;
	batch_free(b);
}

void
shipper_free(struct shipper *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (struct destination *to = s->destinations.chains[i]; to != NULL; to = to->next)
			free_list(to->parked.first);
	batch_free(s->open);
	free_list(s->ready.first);
	free_list(s->again.first);
	free_list(s->spare);
	destinations_fini(&s->destinations);
	free(s->nodes.list);
	free(s->keep);
	free(s);
}

size_t
shipper_pending(const struct shipper *s)
{
	return s->pending;
}

size_t
shipper_held(const struct shipper *s)
{
	return s->held;
}

void
shipper_counters(const struct shipper *s, struct output_counters *out)
{
	*out = s->counters;
	out->in_flight = s->in_flight;
	out->paused_indices = (unsigned)s->destinations.paused;
}
