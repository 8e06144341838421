#include "daemon/counts.h"

#include "base/log.h"

static const char *const fate_names[FATE_COUNT] = {
	[FATE_INDEXED] = "indexed",
	[FATE_EXISTS] = "existed",
	[FATE_DROPPED] = "dropped",
	[FATE_DEAD] = "dead",
	[FATE_RESENT] = "resent",
	[FATE_DAMAGED] = "damaged",
};

static struct log_pair
fate(const struct ledger *l, enum fate f)
{
	return log_i(fate_names[f], (int64_t)l->fates[f]);
}

void
counts_tell(const char *event, struct pipeline *p, struct wire *w)
{
	const struct ledger *l = &pipeline_senders(p)->ledger;
	struct wire_counters c = { 0 };

	wire_counters(w, &c);
	log_answer(event, log_i("connections", c.connections),
	    log_i("received", (int64_t)l->received), log_i("recovered", (int64_t)l->recovered),
	    fate(l, FATE_INDEXED), fate(l, FATE_EXISTS), fate(l, FATE_DROPPED), fate(l, FATE_DEAD),
	    fate(l, FATE_RESENT), fate(l, FATE_DAMAGED),
	    log_i("waiting", (int64_t)ledger_waiting(l)),
	    log_i("owed", (int64_t)pipeline_waiting(p)),
	    log_i("acknowledged", (int64_t)c.acknowledged), log_i("too_long", (int64_t)c.too_long));
}

void
counts_tell_reasons(struct pipeline *p)
{
	for (const struct reason *r = pipeline_senders(p)->reasons.first; r != NULL; r = r->next)
		log_answer("reason_counts", log_s("fate", fate_names[r->fate]),
		    log_s("rule", r->rule[0] != '\0' ? r->rule : NULL), log_s("reason", r->words),
		    log_i("records", (int64_t)r->count));
}

static void
tell_sender(const struct sender *s)
{
	const struct ledger *l = &s->ledger;

	log_answer("sender_counts", log_s("sender", s->name), log_i("connections", s->connections),
	    log_i("received", (int64_t)l->received),
	    log_i("unique", (int64_t)(l->received - l->fates[FATE_RESENT])),
	    log_i("recovered", (int64_t)l->recovered), fate(l, FATE_INDEXED), fate(l, FATE_EXISTS),
	    fate(l, FATE_DROPPED), fate(l, FATE_DEAD), fate(l, FATE_RESENT), fate(l, FATE_DAMAGED),
	    log_i("waiting", (int64_t)ledger_waiting(l)), log_i("owed", (int64_t)s->owed),
	    log_i("missing", (int64_t)s->sequences.missing),
	    log_i("kernel", (int64_t)s->sequences.kernel_missing),
	    log_i("restarts", (int64_t)s->sequences.restarts));
	for (size_t i = 0; i < l->reason_count; i++) {
		const struct reason *r = l->reasons[i].reason;

		log_answer("sender_reason_counts", log_s("sender", s->name),
		    log_s("fate", fate_names[r->fate]),
		    log_s("rule", r->rule[0] != '\0' ? r->rule : NULL), log_s("reason", r->words),
		    log_i("records", (int64_t)l->reasons[i].count));
	}
}

void
counts_tell_senders(struct pipeline *p)
{
	senders_each(pipeline_senders(p), tell_sender);
}

static void
tell_owed(const struct sender *s)
{
	if (s->owed > 0)
		log_error("sender_unacknowledged", log_s("sender", s->name),
		    log_i("waiting", (int64_t)s->owed),
		    log_s("cure", "the host keeps these records and sends them again; if it does "
				  "not come back, change its queue size with auditconfig, then "
				  "audit -s"));
}

void
counts_tell_owed(struct pipeline *p)
{
	senders_each(pipeline_senders(p), tell_owed);
}
