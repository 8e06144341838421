/* counts: one line of the log for each room, sender, rule and reason. */
#include "daemon/counts.h"

#include "base/clock.h"
#include "base/log.h"

#define N(name, value) log_i(name, (int64_t)(value))

void
counts_tell(const struct counts *c, const char *event)
{
	const struct ledger *l = &pipeline_senders(c->pipeline)->ledger;
	struct wire_counters w;

	wire_counters(c->rooms->wire, &w);
	log_answer(event, N("connections", w.connections), N("received", l->received),
	    N("recovered", l->recovered), N("indexed", l->fates[FATE_INDEXED]),
	    N("existed", l->fates[FATE_EXISTS]), N("dropped", l->fates[FATE_DROPPED]),
	    N("dead", l->fates[FATE_DEAD]), N("resent", l->fates[FATE_RESENT]),
	    N("damaged", l->fates[FATE_DAMAGED]), N("waiting", ledger_waiting(l)),
	    N("owed", pipeline_waiting(c->pipeline)), N("acknowledged", w.acknowledged),
	    N("too_long", w.too_long));
}

static void
tell_wire(const struct wire *wire)
{
	struct wire_counters w;

	wire_counters(wire, &w);
	log_answer("connection_counts", N("accepted", w.accepted),
	    N("authenticated", w.authenticated), N("logins", w.logins),
	    N("refused_full", w.refused_full), N("refused_logins", w.refused_logins),
	    N("refused_early", w.refused_early), N("refused_rate", w.refused_rate),
	    N("refused_grace", w.refused_grace), N("refused_protocol", w.refused_protocol),
	    N("refused_mechanism", w.refused_mechanism),
	    N("refused_principal", w.refused_principal), N("duplicate_tokens", w.duplicate_tokens),
	    N("gap_tokens", w.gap_tokens), N("held_reading", w.held_reading),
	    N("accept_paused", w.accept_paused), N("in_flight", w.in_flight),
	    N("memory", w.memory));
}

static void
tell_journal(const struct journal *j)
{
	struct journal_counters n;
	int64_t oldest = journal_oldest(j);

	journal_counters(j, &n);
	log_answer("journal_counts", N("appended", n.appended), N("stored", n.stored),
	    N("bytes", n.bytes), N("syncs", n.syncs), N("write_faults", n.write_faults),
	    N("damaged", n.damaged), N("damaged_bytes", n.damaged_bytes),
	    N("torn_bytes", n.torn_bytes), N("segments", n.segments), N("disk_bytes", n.disk_bytes),
	    N("expired", n.expired), N("next", journal_next(j)), N("cursor", journal_cursor(j)),
	    N("oldest_seconds", oldest != 0 ? (clock_now() - oldest) / CLOCK_SECOND : 0),
	    log_s("stalled", n.stalled));
}

static void
tell_output(const struct pipeline_rooms *rooms)
{
	struct output_counters n;

	output_counters(rooms->output, &n);
	log_answer("output_counts", N("requests", n.requests), N("documents", n.documents),
	    N("bytes", n.bytes), N("indexed", n.indexed), N("existed", n.existed),
	    N("refused", n.refused), N("repaired", n.repaired), N("rerouted", n.rerouted),
	    N("retried_items", n.retried_items), N("retried_requests", n.retried_requests),
	    N("halved", n.halved), N("given_back", n.given_back), N("answers_429", n.answers_429),
	    N("answers_5xx", n.answers_5xx), N("answers_odd", n.answers_odd),
	    N("in_flight", n.in_flight), N("paused_indices", n.paused_indices),
	    N("pending", output_pending(rooms->output)),
	    N("held_bytes", output_held(rooms->output)),
	    N("dead_letters_pending", dead_pending(rooms->dead)));
}

static void
tell_late(const struct pipeline *p)
{
	struct late_counters n;

	pipeline_late(p, &n);
	if (n.noted > 0 || n.no_room > 0)
		log_answer("late_counts", N("noted", n.noted), N("completed", n.completed),
		    N("given_up", n.given_up), N("no_room", n.no_room));
}

static void
tell_lookups(const struct lookup *l)
{
	struct lookup_counters n;

	for (size_t i = 0; i < lookup_sources(l); i++) {
		lookup_counters(l, i, &n);
		log_answer("lookup_counts", log_s("source", n.source), N("asked", n.asked),
		    N("cached", n.cached), N("stale", n.stale), N("missing", n.missing),
		    N("requests", n.requests), N("failed", n.failed), N("refused", n.refused),
		    N("entries", n.entries), N("bytes", n.bytes), N("resting", n.resting));
	}
}

/* sender NULL: of all. */
static void
tell_reason(const char *sender, const struct reason *r, uint64_t count)
{
	log_answer(sender != NULL ? "sender_reason_counts" : "reason_counts",
	    log_s("sender", sender != NULL ? sender : "all"),
	    log_s("fate", r->fate == FATE_DROPPED ? "dropped" : "dead"),
	    log_s("rule", r->rule[0] != '\0' ? r->rule : NULL), log_s("reason", r->words),
	    N("records", count));
}

static void
tell_reasons(const struct reasons *all)
{
	for (const struct reason *r = all->first; r != NULL; r = r->next)
		tell_reason(NULL, r, r->count);
}

void
counts_tell_rooms(const struct counts *c)
{
	tell_wire(c->rooms->wire);
	if (c->rooms->journal != NULL)
		tell_journal(c->rooms->journal);
	tell_output(c->rooms);
	tell_lookups(c->lookup);
	tell_late(c->pipeline);
	tell_reasons(&pipeline_senders(c->pipeline)->reasons);
}

static void
tell_sender(const struct sender *s)
{
	const struct ledger *l = &s->ledger;
	const struct sequences *q = &s->sequences;

	log_answer("sender_counts", log_s("sender", s->name), log_s("from", s->from),
	    N("connections", s->connections), N("received", l->received),
	    N("recovered", l->recovered), N("indexed", l->fates[FATE_INDEXED]),
	    N("existed", l->fates[FATE_EXISTS]), N("dropped", l->fates[FATE_DROPPED]),
	    N("dead", l->fates[FATE_DEAD]), N("resent", l->fates[FATE_RESENT]),
	    N("damaged", l->fates[FATE_DAMAGED]), N("waiting", ledger_waiting(l)),
	    N("owed", s->owed), N("highest", q->highest), N("missing", q->missing),
	    N("restarts", q->restarts), N("kernel_missing", q->kernel_missing),
	    N("kernel_dropped", s->kernel_drops.dropped));
	for (size_t i = 0; i < l->reason_count; i++)
		tell_reason(s->name, l->reasons[i].reason, l->reasons[i].count);
}

void
counts_tell_senders(const struct counts *c)
{
	senders_each(pipeline_senders(c->pipeline), tell_sender);
}

void
counts_tell_rules(struct groups *groups)
{
	struct script_rule r;

	for (size_t g = 0; g < groups_count(groups); g++) {
		const struct group *group = groups_at(groups, g);

		if (g > 0 && group->script == groups_at(groups, 0)->script)
			continue;
		for (size_t i = 0; i < script_rules(group->script); i++) {
			script_rule(group->script, i, &r);
			log_answer("rule_counts", log_s("rule", r.name),
			    log_s("group", group->name), log_s("phase", r.phase),
			    N("matched", r.matched), N("dropped", r.dropped), N("routed", r.routed),
			    N("failed", r.failed));
		}
	}
}
