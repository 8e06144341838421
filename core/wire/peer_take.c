/* peer_take: what becomes of the events of a stream: who is let in, and records to the handler. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "wire/peer.h"
#include "wire/socket.h"
#include "wire/state.h"

static struct wire_claim
claim_of(const struct peer *p)
{
	const struct mech *mech = p->stream.handshake.mech;
	struct mech_name name = mech->name_of(p->stream.handshake.context);

	return (struct wire_claim){ .listener = p->listener,
		.mechanism = mech->name,
		.from = p->from,
		.host = name.host,
		.principal = name.principal };
}

/* As whom the handler lets it in; false when it does not, or memory is out, and *why says why. */
static bool
admit(struct peer *p, const struct wire_claim *claim, struct err **why)
{
	const struct wire_handler *handler = p->wire->handler;
	struct wire_admission as = { .host = claim->host };

	as.sender = claim->host != NULL ? claim->host : claim->principal;
	if (handler->admit != NULL && !handler->admit(handler->admit_ctx, claim, &as, why))
		return false;
	if ((as.sender != NULL && (p->sender = strdup(as.sender)) == NULL) ||
	    (as.host != NULL && (p->host = strdup(as.host)) == NULL)) {
		*why = err_sys("the sender's name");
		return false;
	}
	p->principal = claim->principal;
	p->max_in_flight = as.max_in_flight;
	p->user = as.user;
	return true;
}

/*
 * After a failure of the network a host comes again while its old connection still stands here.
 * That one is not closed, it may be somebody else's in the same name; but it is asked soon whether
 * anybody is there.
 */
static void
doubt_older(struct peer *p)
{
	struct wire *w = p->wire;

	for (struct list *node = w->senders.next; node != &w->senders; node = node->next) {
		struct peer *other = container_of(node, struct peer, all);

		if (other == p || other->principal == NULL ||
		    strcmp(peer_sender(other), peer_sender(p)) != 0)
			continue;
		socket_doubt(other->fd);
		log_info("connected_again", log_s("sender", peer_sender(p)), log_s("from", p->from),
		    log_s("older_from", other->from),
		    log_s("meaning", "the older connection is closed once nobody answers there"));
	}
}

void
peer_take_open(struct peer *p)
{
	struct wire *w = p->wire;
	const struct mech *mech = p->stream.handshake.mech;
	struct wire_claim claim = claim_of(p);

	if (!admit(p, &claim, &p->fault)) {
		w->counters.refused_principal++;
		if (claim.principal != NULL && p->fault != NULL)
			p->fault = err_wrap(p->fault, "%s", claim.principal);
		peer_close(p, "it may not send");
		return;
	}
	p->state = PEER_OPEN;
	list_put(&w->senders, &p->all);
	ev_timer_stop(w->loop, &p->timer);
	w->counters.logins--;
	w->counters.authenticated++;
	receipts_init(&p->receipts, mech->mic_max);
	if (claim.principal != NULL)
		log_info("connected", log_s("from", p->from), log_s("sender", peer_sender(p)),
		    log_s("mechanism", mech->name), log_s("principal", claim.principal));
	else
		log_info("connected", log_s("from", p->from), log_s("sender", peer_sender(p)),
		    log_s("mechanism", mech->name));
	if (p->principal != NULL)
		doubt_older(p);
	w->handler->arrived(w->handler->ctx, p);
}

/*
 * A host that is cut off with a full window is silent for good; this one may be let in again
 * tomorrow, and what it sent while it might is evidence.
 */
void
peer_admit_again(struct peer *p)
{
	const struct wire_handler *handler = p->wire->handler;
	struct wire_claim claim;
	struct wire_admission as;
	struct err *why = NULL;

	if (p->state != PEER_OPEN || p->draining || handler->admit == NULL)
		return;
	claim = claim_of(p);
	as = (struct wire_admission){ .host = claim.host };
	if (handler->admit(handler->admit_ctx, &claim, &as, &why))
		return;
	log_warn("permission_withdrawn", log_s("sender", peer_sender(p)), log_s("from", p->from),
	    log_e(why), log_s("meaning", "the connection ends when what it sent is acknowledged"));
	err_free(why);
	peer_drain(p, "it may not send any more");
}

/* The MIC of the next receipt; 0 when there is none, and the connection ends. */
static size_t
make_mic(struct peer *p, struct str plain, uint8_t *out)
{
	struct err *why = NULL;
	size_t len = p->stream.handshake.mech->mic(p->stream.handshake.context, plain, out, &why);

	if (UNLIKELY(len == 0))
		peer_break(p, err_wrap(why, "acknowledgement"));
	return len;
}

bool
peer_take_record(struct peer *p, struct str plain, uint64_t plain_size, struct str mic)
{
	struct wire *w = p->wire;
	struct wire_record r;
	uint8_t *slot;

	if (!receipts_slot(&p->receipts, &slot))
		return false;
	if (mic.len > 0)
		memcpy(slot, mic.at, mic.len);
	else if ((mic.len = make_mic(p, plain, slot)) == 0)
		return true;
	r.sequence = be64(plain.at);
	r.bytes = (struct str){ plain.at + STREAM_SEQUENCE, plain.len - STREAM_SEQUENCE };
	r.full_size = plain_size - STREAM_SEQUENCE;
	r.received = w->received;
	r.receipt = receipts_take(&p->receipts, r.sequence, (uint32_t)r.bytes.len, mic.len);
	p->in_flight += r.bytes.len;
	w->counters.in_flight += r.bytes.len;
	w->owed++;
	if (LIKELY(w->handler->record(w->handler->ctx, p, &r))) {
		p->records++;
		w->counters.records++;
		w->counters.bytes += r.full_size;
		if (UNLIKELY(r.full_size > r.bytes.len)) {
			w->counters.too_long++;
			log_warn("record_too_long", log_s("sender", peer_sender(p)),
			    log_i("sequence", (int64_t)r.sequence),
			    log_i("size", (int64_t)r.full_size));
		}
		return true;
	}
	receipts_undo(&p->receipts);
	p->in_flight -= r.bytes.len;
	w->counters.in_flight -= r.bytes.len;
	w->owed--;
	return false;
}

void
peer_take_fault(struct peer *p, enum stream_status status, struct err *why)
{
	const struct handshake *h = &p->stream.handshake;

	if (h->mech != NULL && h->mech->detail != NULL && h->mech->detail(h->context)[0] != '\0')
		log_debug("library_status", log_s("from", p->from),
		    log_s("mechanism", h->mech->name),
		    log_s("status", h->mech->detail(h->context)));
	if (status == STREAM_BROKEN) {
		peer_break(p, why);
		return;
	}
	p->wire->counters.refused_mechanism++;
	p->fault = why;
	/* What the mechanism has to say to the other end, if there is room for it right now. */
	peer_write(p);
	peer_close(p, NULL);
}

void
peer_take_odd_token(struct peer *p, bool seen)
{
	struct wire_counters *counters = &p->wire->counters;

	if (seen) {
		counters->duplicate_tokens++;
		log_warn("token_seen_before", log_s("sender", peer_sender(p)),
		    log_s("from", p->from),
		    log_s("meaning", "it is not taken: somebody plays back what was sent before"));
		return;
	}
	counters->gap_tokens++;
	log_warn("token_out_of_order", log_s("sender", peer_sender(p)), log_s("from", p->from),
	    log_s("meaning", "its record is taken; somebody on the way has held back another one"));
}
