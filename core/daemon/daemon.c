#include "daemon/daemon.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/pool.h"
#include "daemon/build.h"
#include "daemon/pipeline.h"

#define DESCRIPTORS_BESIDE 128 /* for listeners, files, nodes */
#define TICK               1.0 /* seconds between looks at things that have no event of their own */

struct daemon {
	const struct daemon_source *source;
	struct settings *settings;
	struct ev_loop *loop;
	struct pool *pool;
	struct pipeline *pipeline;
	struct script *script;
	struct output *output;
	struct dead *dead;
	struct wire *wire;
	struct build_wire wire_parts;
	struct build_output output_parts;
	struct ev_signal term, interrupt, hangup, user1;
	struct ev_timer tick, stop_limit;
	struct ev_prepare rest; /* at the end of a stop */
	bool stopping, in_a_hurry;
};

/* The cure belongs into the message: who reads it has a host that loses its audit trail. */
static void
sender_missing(const struct sender *s, double away)
{
	log_warn("sender_missing", log_s("sender", s->name), log_s("from", s->from),
	    log_i("seconds", (int64_t)away),
	    log_s("cure", "if the host is up, its window was full when the connection was "
			  "lost: set another queue size with "
			  "auditconfig -setplugin audit_remote active \"\" QSIZE, then audit "
			  "-s (keeps its queue)"));
}

static void
log_counts(const char *event, const struct daemon *d)
{
	const struct ledger *l = &pipeline_senders(d->pipeline)->ledger;
	struct wire_counters w = { 0 };

	wire_counters(d->wire, &w);
	log_answer(event, log_i("connections", w.connections),
	    log_i("received", (int64_t)l->received),
	    log_i("indexed", (int64_t)l->fates[FATE_INDEXED]),
	    log_i("existed", (int64_t)l->fates[FATE_EXISTS]),
	    log_i("dropped", (int64_t)l->fates[FATE_DROPPED]),
	    log_i("dead", (int64_t)l->fates[FATE_DEAD]),
	    log_i("waiting", (int64_t)ledger_waiting(l)),
	    log_i("acknowledged", (int64_t)w.acknowledged), log_i("too_long", (int64_t)w.too_long));
}

void
daemon_status(const struct daemon *d, char *out, size_t size)
{
	const struct ledger *l = &pipeline_senders(d->pipeline)->ledger;
	struct wire_counters w = { 0 };

	wire_counters(d->wire, &w);
	snprintf(out, size, "%s%u connections, %llu records received, %llu of them not settled yet",
	    d->stopping ? "stopping; " : "", w.connections, (unsigned long long)l->received,
	    (unsigned long long)ledger_waiting(l));
}

static struct err *
moment(const struct daemon *d, enum daemon_moment m)
{
	const struct daemon_source *s = d->source;

	return s->moment != NULL ? s->moment(s->ctx, m, d->settings) : NULL;
}

/* A moment at which an error stops nothing. */
static void
moment_passes(const struct daemon *d, enum daemon_moment m)
{
	struct err *e = moment(d, m);

	if (e != NULL)
		log_warn("unheard", log_e(e));
	err_free(e);
}

static void
log_sender(const struct sender *s)
{
	const struct ledger *l = &s->ledger;

	log_answer("sender_counts", log_s("sender", s->name), log_i("connections", s->connections),
	    log_i("received", (int64_t)l->received),
	    log_i("indexed", (int64_t)l->fates[FATE_INDEXED]),
	    log_i("existed", (int64_t)l->fates[FATE_EXISTS]),
	    log_i("dropped", (int64_t)l->fates[FATE_DROPPED]),
	    log_i("dead", (int64_t)l->fates[FATE_DEAD]),
	    log_i("waiting", (int64_t)ledger_waiting(l)));
}

static void
log_rules(const struct script *script)
{
	struct script_rule r;

	for (size_t i = 0; i < script_rules(script); i++) {
		script_rule(script, i, &r);
		log_answer("rule_counts", log_s("rule", r.name), log_s("phase", r.phase),
		    log_i("matched", (int64_t)r.matched), log_i("dropped", (int64_t)r.dropped),
		    log_i("routed", (int64_t)r.routed), log_i("failed", (int64_t)r.failed));
	}
}

static void
tell_counts(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	struct daemon *d = container_of(w, struct daemon, user1);

	(void)loop;
	(void)revents;
	log_counts("counts", d);
	senders_each(pipeline_senders(d->pipeline), log_sender);
	log_rules(d->script);
}

static void
on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct daemon *d = container_of(w, struct daemon, tick);
	struct senders *all = pipeline_senders(d->pipeline);
	size_t forgotten;

	(void)loop;
	(void)revents;
	log_tick(0);
	moment_passes(d, DAEMON_ALIVE);
	dead_tick(d->dead);
	senders_missing(all, d->settings->senders.alarm_after, sender_missing);
	if ((forgotten = senders_forget(all, (size_t)d->settings->senders.most)) > 0)
		log_warn("senders_forgotten", log_i("senders", (int64_t)forgotten),
		    log_s(
			"meaning", "they are gone and were named before; senders.most is reached"));
}

/* The last connection is gone; what it brought may still be on its way to the output. */
static void
settle_rest(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct daemon *d = container_of(w, struct daemon, rest);

	(void)revents;
	if (pipeline_waiting(d->pipeline) == 0)
		ev_break(loop, EVBREAK_ALL);
}

static void
connections_gone(void *ctx)
{
	struct daemon *d = ctx;

	ev_prepare_start(d->loop, &d->rest);
	if (d->in_a_hurry || pipeline_waiting(d->pipeline) == 0)
		ev_break(d->loop, EVBREAK_ALL);
}

/*
 * Nothing is waited for any more but the orderly end of the connections: a reset would destroy
 * acknowledgements that are on their way. Called again, not even for that.
 */
static void
hurry(struct daemon *d)
{
	if (d->in_a_hurry) {
		ev_break(d->loop, EVBREAK_ALL);
		return;
	}
	d->in_a_hurry = true;
	pipeline_give_up(d->pipeline);
	ev_timer_stop(d->loop, &d->stop_limit);
	ev_timer_set(&d->stop_limit, d->settings->stop.linger, 0.);
	ev_timer_start(d->loop, &d->stop_limit);
	if (ev_is_active(&d->rest)) /* the connections have gone before */
		ev_break(d->loop, EVBREAK_ALL);
}

static void
stop_takes_too_long(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	hurry(container_of(w, struct daemon, stop_limit));
}

static void
stop(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	struct daemon *d = w->data;

	(void)revents;
	if (d->stopping) { /* asked twice: somebody is in a hurry */
		hurry(d);
		return;
	}
	d->stopping = true;
	log_info("stopping", log_s("signal", w->signum == SIGTERM ? "TERM" : "INT"),
	    log_i("waiting", (int64_t)pipeline_waiting(d->pipeline)));
	ev_timer_set(&d->stop_limit, d->settings->stop.time_limit, 0.);
	ev_timer_start(loop, &d->stop_limit);
	moment_passes(d, DAEMON_STOPPING);
	wire_stop(d->wire, connections_gone, d);
}

/* Nothing will settle any more; what is not acknowledged the senders keep. */
static void
output_broken(void *ctx, const char *reason)
{
	struct daemon *d = ctx;

	log_error("output_gone", log_s("reason", reason));
	ev_break(d->loop, EVBREAK_ALL);
}

/*
 * What a reload changes: rules, index name, log level, the content of secret files. The rest is
 * compared and said to need a restart.
 */
static struct err *
reload(struct daemon *d)
{
	struct settings *fresh = NULL;
	struct script *script = NULL;
	struct err *e;

	if ((e = settings_read(&fresh, d->source->file, d->source->assignments,
		 d->source->assignment_count)) != NULL)
		return e;
	if ((e = build_script(&script, fresh)) != NULL) {
		settings_free(fresh);
		return e;
	}
	build_tell_restart(d->settings, fresh);
	log_set_level((enum log_level)log_level_named(fresh->log.level));
	pipeline_rules(d->pipeline, script);
	output_reopen(d->output);
	log_rules(d->script); /* the new ones count from nothing */
	script_close(d->script);
	d->script = script;
	settings_free(fresh);
	return NULL;
}

static void
on_hangup(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	struct daemon *d = w->data;
	struct err *e;

	(void)loop;
	(void)revents;
	moment_passes(d, DAEMON_RELOADING);
	e = reload(d);
	moment_passes(d, DAEMON_RELOADED);
	if (e != NULL) {
		LOG_AT(LOG_ERROR, false, "reload_failed", log_e(e),
		    log_s("meaning", "the old rules and settings stay in force"));
		err_free(e);
	} else
		log_answer("reloaded", log_i("rules", (int64_t)script_rules(d->script)),
		    log_s("hash", script_hash(d->script)));
}

static void
watch_signal(struct daemon *d, struct ev_signal *w, int signum,
    void (*cb)(struct ev_loop *, struct ev_signal *, int))
{
	ev_signal_init(w, cb, signum);
	w->data = d;
	ev_signal_start(d->loop, w);
}

struct err *
daemon_open(struct daemon **out, const struct daemon_source *source, bool dry)
{
	struct pipeline_config pipeline_config = {
		.quantum = 64, .budget = 65536, .broken = output_broken
	};
	struct daemon *d = calloc(1, sizeof(*d));
	struct err *e;

	if (d == NULL)
		return err_sys("daemon");
	pipeline_config.ctx = d;
	d->source = source;
	if ((e = settings_read(&d->settings, source->file, source->assignments,
		 source->assignment_count)) != NULL)
		goto fail;
	log_set_level((enum log_level)log_level_named(d->settings->log.level));
	if ((e = moment(d, DAEMON_SET)) != NULL)
		goto fail;
	if ((d->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV)) == NULL) {
		e = err_new("no event loop could be made");
		goto fail;
	}
	if ((e = build_wire(&d->wire_parts, d->settings)) != NULL ||
	    (e = build_dialect(&pipeline_config.dialect, d->settings)) != NULL ||
	    (e = build_script(&d->script, d->settings)) != NULL ||
	    (e = pool_open(&d->pool, d->loop, 1)) != NULL ||
	    (e = pipeline_new(&d->pipeline, d->loop, &pipeline_config)) != NULL)
		goto fail;
	pipeline_rules(d->pipeline, d->script);
	if (dry)
		e = dead_check(d->settings->dead_letters.file);
	else
		e = dead_open(&d->dead, d->pool, d->settings->dead_letters.file,
		    (uint64_t)d->settings->dead_letters.max_bytes, pipeline_kept, d->pipeline);
	if (e != NULL || (e = build_output(&d->output_parts, d->settings, d->pool)) != NULL)
		goto fail;
	d->output_parts.config.dry = dry;
	e = output_open(
	    &d->output, d->loop, &d->output_parts.config, pipeline_output_handler(d->pipeline));
	if (e != NULL)
		goto fail;
	*out = d;
	return NULL;
fail:
	daemon_close(d);
	return settings_blame(e, source->file);
}

const struct settings *
daemon_settings(const struct daemon *d)
{
	return d->settings;
}

const struct script *
daemon_rules(const struct daemon *d)
{
	return d->script;
}

static void
log_unsettled(const struct sender *s)
{
	if (ledger_waiting(&s->ledger) > 0)
		log_error("sender_unacknowledged", log_s("sender", s->name),
		    log_i("waiting", (int64_t)ledger_waiting(&s->ledger)),
		    log_s("cure", "the host keeps these records and sends them again; if it does "
				  "not come back, change its queue size with auditconfig, then "
				  "audit -s"));
}

/*
 * A stop that ran out of time: those whose records are unsettled may sit in the trap of a full
 * window.
 */
static struct err *
tell_unsettled(const struct daemon *d)
{
	uint64_t waiting = pipeline_waiting(d->pipeline);

	if (waiting == 0)
		return NULL;
	senders_each(pipeline_senders(d->pipeline), log_unsettled);
	return err_new("%llu records were not settled before the end", (unsigned long long)waiting);
}

/* A descriptor for each connection, as far as we may; the wire pauses accepting near the limit. */
static void
raise_descriptors(const struct daemon *d)
{
	rlim_t wanted = (rlim_t)d->settings->limits.max_connections + DESCRIPTORS_BESIDE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
		log_warn("descriptors_few", log_i("descriptors", (int64_t)limit.rlim_cur),
		    log_i("wanted", (int64_t)wanted),
		    log_s("cure", "raise the limit of open files of the service"));
}

struct err *
daemon_run(struct daemon *d)
{
	struct err *e;

	raise_descriptors(d);
	e = wire_open(&d->wire, d->loop, &d->wire_parts.config, pipeline_wire_handler(d->pipeline));
	if (e != NULL)
		return e;
	pipeline_use(d->pipeline, d->wire, d->output, d->dead);
	signal(SIGPIPE, SIG_IGN);
	watch_signal(d, &d->term, SIGTERM, stop);
	watch_signal(d, &d->interrupt, SIGINT, stop);
	watch_signal(d, &d->hangup, SIGHUP, on_hangup);
	watch_signal(d, &d->user1, SIGUSR1, tell_counts);
	ev_init(&d->stop_limit, stop_takes_too_long);
	ev_prepare_init(&d->rest, settle_rest);
	ev_timer_init(&d->tick, on_tick, TICK, TICK);
	ev_timer_start(d->loop, &d->tick);
	if ((e = moment(d, DAEMON_READY)) != NULL)
		return e;
	log_info("ready", log_i("listeners", (int64_t)d->settings->listen_count),
	    log_s("output", d->settings->output.type),
	    log_i("rules", (int64_t)script_rules(d->script)),
	    log_s("rules_hash", script_hash(d->script)));
	ev_run(d->loop, 0);
	e = tell_unsettled(d);
	log_tick(1);
	log_rules(d->script);
	log_counts("stopped", d);
	return e;
}

void
daemon_close(struct daemon *d)
{
	if (d == NULL)
		return;
	wire_close(d->wire);
	output_close(d->output);
	dead_close(d->dead);
	pipeline_free(d->pipeline);
	script_close(d->script);
	pool_close(d->pool);
	build_free(&d->wire_parts, &d->output_parts);
	if (d->loop != NULL)
		ev_loop_destroy(d->loop);
	settings_free(d->settings);
	log_tick(1);
	free(d);
}
