/* script: a record's way around Lua or through it, the verdict, and the counts of rules. */
#include "script/script.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bsm/sink_json.h"
#include "script/ask.h"
#include "script/door.h"
#include "script/fault.h"
#include "script/policy.h"
#include "script/stub.h"
#include "script/template.h"
#include "script/watchdog.h"

#define LOG_EVERY CLOCK_SECOND /* of one rule's failures */

/* What a rule has done, kept across states. */
struct tally {
	uint64_t matched, dropped, routed, failed;
	int64_t logged;    /* steady time of the last line about a failure; 0: none */
	uint64_t unlogged; /* failures since then */
};

struct script {
	struct sources sources;
	struct policy *policy;
	size_t max_heap;
	unsigned time_limit;
	bool eager;
	struct tally *tallies;
	size_t tally_count;
	struct template index;
	struct buf routed, reason, rule;
	struct waits waits;
	struct door door;                   /* of the record under way */
	uint64_t records, entered, rebuilt; /* struct script_work */
};

struct err *
script_open(struct script **out, const struct script_config *config)
{
	struct script *s = calloc(1, sizeof(*s));
	struct err *e;

	*out = NULL;
	if (s == NULL)
		return err_sys("rules");
	s->sources.fd = -1;
	s->max_heap = config->max_heap;
	s->time_limit = config->time_limit;
	s->eager = config->eager;
	waits_init(&s->waits, config);
	watchdog_start();
	if ((e = template_init(&s->index, config->index)) != NULL)
		goto fail;
	if ((e = sources_open(&s->sources, config->directory)) != NULL)
		goto fail;
	if ((e = policy_open(&s->policy, &s->sources, &s->waits, s->max_heap, door_enter)) != NULL)
		goto fail;
	sources_close(&s->sources);
	s->waits.words = when_words(s->policy->when);
	s->tally_count = s->policy->rule_count;
	s->door = (struct door){
		.policy = s->policy, .eager = s->eager, .reason = &s->reason, .index = &s->routed
	};
	if ((s->tallies = calloc(s->tally_count + 1, sizeof(*s->tallies))) == NULL) {
		e = err_sys("rules");
		goto fail;
	}
	*out = s;
	return NULL;
fail:
	script_close(s);
	return e;
}

void
script_close(struct script *s)
{
	if (s == NULL)
		return;
	watchdog_stop();
	policy_close(s->policy);
	waits_fini(&s->waits);
	sources_fini(&s->sources);
	template_fini(&s->index);
	free(s->tallies);
	buf_fini(&s->routed);
	buf_fini(&s->reason);
	buf_fini(&s->rule);
	free(s);
}

static void
keep(struct buf *b, const char *text)
{
	buf_cut(b, 0);
	buf_append(b, text, strlen(text) + 1);
	if (!buf_failed(b))
		b->len--;
}

/*
 * The words of a failure into s->reason, and a line in the log, not too often. rule NULL: no rule
 * had its turn.
 */
static void
report(struct script *s, const struct rule *rule, const char *message)
{
	int64_t now = clock_steady();
	struct tally *t;

	fault_text(&s->reason, message, s->policy->run.own_words);
	if (rule == NULL) {
		log_warn("document_failed", log_b("reason", buf_view(&s->reason)));
		return;
	}
	log_debug("rule_words", log_s("rule", rule->name), log_s("words", message));
	t = &s->tallies[rule - s->policy->rules];
	t->failed++;
	t->unlogged++;
	if (t->logged != 0 && now - t->logged < LOG_EVERY)
		return;
	log_warn("rule_failed", log_s("rule", rule->name), log_s("phase", phase_names[rule->phase]),
	    log_i("times", (int64_t)t->unlogged), log_b("reason", buf_view(&s->reason)));
	t->logged = now;
	t->unlogged = 0;
}

/*
 * After a record that met the cap: what Lua holds must go down again to what the rules need, else
 * somebody hoards, and the state is built anew from the same files. Records that wait begin anew
 * in it, when they are told.
 */
static void
mend_heap(struct script *s)
{
	struct policy *p = s->policy, *fresh;
	struct err *e;

	p->heap.refused = 0;
	ask_forget(p->L);
	waits_trim(&s->waits, p);
	lua_gc(p->L, LUA_GCCOLLECT);
	if (p->heap.used <= p->heap_after_load + (p->heap.most - p->heap_after_load) / 4)
		return;
	log_warn("rules_hoard", log_i("bytes", (int64_t)p->heap.used),
	    log_i("limit", (int64_t)p->heap.most), log_i("waiting", (int64_t)s->waits.waiting));
	if ((e = policy_open(&fresh, &s->sources, &s->waits, s->max_heap, door_enter)) != NULL) {
		/*
		 * Not even room for a second state: the first one stays, and the next breach
		 * tries again.
		 */
		log_error("rules_not_rebuilt", log_e(e));
		err_free(e);
		return;
	}
	waits_new_state(&s->waits);
	policy_close(p);
	s->policy = s->door.policy = fresh;
	s->rebuilt++;
}

/* Ends a record whose document must not be seen. The reason stands in s->reason. */
static void
withhold(struct script *s, const struct record *record, const struct origin *origin,
    const char *rule, struct script_result *result)
{
	buf_cut(s->door.out, s->door.start);
	stub_write(record, origin, rule, s->door.out);
	result->verdict = SCRIPT_WITHHELD;
	keep(&s->rule, rule);
	result->rule = s->rule.at;
	result->reason = s->reason.at;
}

static void
add_tag(struct script *s, const char *rule)
{
	struct buf *tags = &s->policy->encoder.tags;

	stub_failed_tag(tags, rule);
	buf_byte(tags, ENCODE_STOP);
}

/*
 * Runs the rules that want the record, in as many calls as it takes: after a fault, from the next
 * rule on, with time of its own, for a rule that redacts must have its turn whatever those before
 * it did. The first call has been made already, and answered so.
 */
static void
run_rules(struct script *s, enum door_answer answer, struct script_result *result)
{
	struct policy *p = s->policy;
	struct run *run = &p->run;
	struct door *d = &s->door;
	const struct rule *rule;

	for (; answer == DOOR_FAULT && !buf_failed(d->out); answer = door_call(d, s->time_limit)) {
		rule = p->rule_count > 0 ? &p->rules[run->rule] : NULL;
		buf_cut(d->out, d->start);
		if (run->stage == RUN_WRITE && !run->careful) {
			/*
			 * Some rule left what cannot be written. Once more, with a look after
			 * each.
			 */
			door_reset(d);
			run->careful = true;
			run->next = 0;
			run->asked = false;
			if (p->rule_count > 0)
				when_select(p->when, run, 0, NULL);
			continue;
		}
		report(s, rule, d->message);
		/* What a bomb left behind is not the next rule's to clear away in its time. */
		if (p->heap.refused > 0) {
			lua_settop(p->L, 0);
			lua_gc(p->L, LUA_GCCOLLECT);
		}
		if (rule == NULL || run->stage == RUN_WRITE || run->stage == RUN_ENTER ||
		    rule->phase == PHASE_REDACT) {
			withhold(
			    s, run->record, run->origin, rule != NULL ? rule->name : "-", result);
			return;
		}
		run->failed[run->rule / 64] |= UINT64_C(1) << (run->rule % 64);
		if (rule->phase != PHASE_ROUTE)
			add_tag(s, rule->name);
		run->next = run->rule + 1;
	}
	if (answer == DOOR_WAITS) {
		result->verdict = SCRIPT_WAITS;
		result->wait = &waits_park(&s->waits, p, d->used)->face;
	} else if (d->dropped) {
		result->verdict = SCRIPT_DROP;
		keep(&s->rule, p->rules[d->by].name);
		result->rule = s->rule.at;
		result->reason = s->reason.at;
	} else if (d->routed)
		result->index = buf_view(&s->routed);
}

/* Each rule's share of what happened. */
static void
count(struct script *s, const struct script_result *result)
{
	struct policy *p = s->policy;

	for (size_t w = 0; w < when_words(p->when); w++)
		for (uint64_t left = p->run.applied[w]; left != 0; left &= left - 1)
			s->tallies[w * 64 + (size_t)__builtin_ctzll(left)].matched++;
	if (result->verdict == SCRIPT_DROP)
		s->tallies[s->door.by].dropped++;
	else if (result->verdict == SCRIPT_INDEX && s->door.routed)
		s->tallies[s->door.by].routed++;
}

/* The first rule whose conditions hold, as far as C can tell; false: none. */
static bool
is_wanted(struct script *s)
{
	struct policy *p = s->policy;
	struct run *run = &p->run;

	if (p->rule_count == 0)
		return false;
	when_select(p->when, run, 0, NULL);
	for (size_t i = door_next(p); i < p->rule_count; i = door_next(p)) {
		if ((run->answer = when_ask(p->when, run, i, NULL)) != WHEN_NO) {
			run->asked = true;
			run->next = i;
			return true;
		}
		run->next = i + 1;
	}
	return false;
}

/* The event's time, when there is one to be trusted, else that of its receipt. */
static int64_t
index_time(const struct record *record, const struct origin *origin)
{
	bool odd = !record->decodable;

	for (unsigned i = 0; i < record->damages; i++)
		odd = odd || record->damage[i].kind == DAMAGE_TIME;
	if (!odd)
		return record->header.seconds;
	return origin->present ? origin->received / CLOCK_SECOND : 0;
}

static void
write_plain(const struct record *record, const struct origin *origin, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	if (!document_walk(record, origin, &sink_json, &j))
		out->failed = true;
}

/* The record is at its end, or waits. Of the policy nothing is kept across this. */
static void
leave(struct script *s, struct script_result *result)
{
	struct policy *p = s->policy;

	if (result->verdict != SCRIPT_WAITS) {
		result->incomplete = p->run.incomplete;
		door_end(&s->door);
		count(s, result);
		p->run.record = NULL;
	}
	if (s->waits.current != NULL && result->verdict != SCRIPT_WAITS)
		wait_end(s->waits.current, p);
	s->waits.current = NULL;
	if (UNLIKELY(p->heap.refused > 0))
		mend_heap(s);
}

/* A record from the beginning. False: no rule wants it, and it is written already. */
static bool
begin(struct script *s, const struct record *record, const struct origin *origin, struct buf *out,
    struct script_result *result)
{
	struct run *run = &s->policy->run;

	*result = (struct script_result){ .verdict = SCRIPT_INDEX };
	result->index = result->default_index =
	    template_name(&s->index, index_time(record, origin));
	run->record = record;
	run->origin = origin;
	s->door.out = out;
	s->door.start = out->len;
	run->next = 0;
	run->careful = run->asked = false;
	if (!is_wanted(s) && !s->eager) {
		write_plain(record, origin, out);
		run->record = NULL;
		return false;
	}
	door_reset(&s->door);
	return true;
}

bool
script_run(struct script *s, const struct record *record, const struct origin *origin,
    struct buf *out, struct script_result *result)
{
	s->records++;
	if (begin(s, record, origin, out, result)) {
		s->entered++;
		run_rules(s, door_call(&s->door, s->time_limit), result);
		leave(s, result);
	}
	return !buf_failed(out);
}

/* Goes on with the coroutine of a record. */
static enum door_answer
go_on(struct script *s, struct wait *w, struct buf *out, struct script_result *result)
{
	struct door *d = &s->door;

	*result = (struct script_result){ .verdict = SCRIPT_INDEX };
	result->index = result->default_index =
	    template_name(&s->index, index_time(w->record, w->origin));
	d->out = out;
	d->start = out->len;
	d->dropped = d->routed = false;
	d->message = NULL;
	d->used = w->used;
	wait_swap(w, s->policy);
	return door_resume(d, s->time_limit);
}

bool
script_resume(struct script_wait *wait, struct buf *out, struct script_result *result)
{
	struct wait *w = container_of(wait, struct wait, face);
	struct script *s = container_of(w->waits, struct script, waits);

	if (w->state != WAIT_TOLD) {
		*result = (struct script_result){ .verdict = SCRIPT_WAITS, .wait = wait };
		return true;
	}
	w->state = WAIT_RUNS;
	s->waits.waiting--;
	s->waits.current = w;
	if (wait_is_current(w))
		run_rules(s, go_on(s, w, out, result), result);
	else {
		s->waits.restarted++;
		if (!begin(s, w->record, w->origin, out, result)) {
			s->waits.current = NULL;
			wait_end(w, s->policy);
			return !buf_failed(out);
		}
		run_rules(s, door_call(&s->door, s->time_limit), result);
	}
	leave(s, result);
	return !buf_failed(out);
}

void
script_abandon(struct script_wait *wait)
{
	struct wait *w = container_of(wait, struct wait, face);

	if (w->state == WAIT_ASKED || w->state == WAIT_TOLD)
		wait_end(w, container_of(w->waits, struct script, waits)->policy);
}

size_t
script_waiting(const struct script *s)
{
	return s->waits.waiting;
}

size_t
script_rules(const struct script *s)
{
	return s->tally_count;
}

void
script_rule(const struct script *s, size_t i, struct script_rule *out)
{
	const struct rule *r = &s->policy->rules[i];
	const struct tally *t = &s->tallies[i];

	*out = (struct script_rule){ r->name, r->about, r->file, phase_names[r->phase], t->matched,
		t->dropped, t->routed, t->failed };
}

const char *
script_hash(const struct script *s)
{
	return s->sources.hash;
}

size_t
script_heap(const struct script *s)
{
	return s->policy->heap.used;
}

void
script_work(const struct script *s, struct script_work *out)
{
	const struct when_work *w = when_work(s->policy->when);

	*out = (struct script_work){ s->records, s->entered, w->probes, w->conditions,
		s->policy->heap.allocations, s->rebuilt, s->waits.waited, s->waits.restarted };
}
