/* daemon: opens all rooms in their order, runs the loop, and stops them. */
#include "daemon/daemon.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/pool.h"
#include "daemon/asker.h"
#include "daemon/build.h"
#include "daemon/counts.h"
#include "daemon/pipeline.h"

#define DESCRIPTORS_BESIDE 128 /* for listeners, files, nodes */
#define TICK               1.0 /* seconds between looks at things that have no event of their own */

struct daemon {
	const struct daemon_source *source;
	struct settings *settings;
	struct ev_loop *loop;
	struct pool *pool;
	struct lookup *lookup;
	struct asker asker;
	struct pipeline *pipeline;
	struct pipeline_rooms rooms;
	struct counts counts;
	struct build_wire wire_parts;
	struct build_output output_parts;
	struct build_lookup lookup_parts;
	struct journal_config journal_config;
	struct ev_signal term, interrupt, hangup, user1;
	struct ev_timer tick, stop_limit;
	struct ev_prepare rest; /* at the end of a stop */
	bool stopping, in_a_hurry;
	bool output_gone;
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

void
daemon_status(const struct daemon *d, char *out, size_t size)
{
	const struct ledger *l = &pipeline_senders(d->pipeline)->ledger;
	struct wire_counters w = { 0 };

	wire_counters(d->rooms.wire, &w);
	snprintf(out, size, "%s%u connections, %llu records received, %llu without a fate yet",
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
tell_counts(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	struct daemon *d = container_of(w, struct daemon, user1);

	(void)loop;
	(void)revents;
	pipeline_check_ledger(d->pipeline);
	counts_tell(&d->counts, "counts");
	counts_tell_rooms(&d->counts);
	counts_tell_senders(&d->counts);
	counts_tell_rules(d->rooms.groups);
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
	dead_tick(d->rooms.dead);
	groups_tick(d->rooms.groups);
	pipeline_tick(d->pipeline);
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

/* What has arrived is settled, as far as it can be in so many seconds. */
static void
begin_stop(struct daemon *d, double limit)
{
	d->stopping = true;
	ev_timer_set(&d->stop_limit, limit, 0.);
	ev_timer_start(d->loop, &d->stop_limit);
	moment_passes(d, DAEMON_STOPPING);
	if (d->rooms.journal != NULL)
		journal_finish(d->rooms.journal);
	wire_stop(d->rooms.wire, connections_gone, d);
}

static void
stop(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	struct daemon *d = w->data;

	(void)loop;
	(void)revents;
	if (d->stopping) { /* asked twice: somebody is in a hurry */
		hurry(d);
		return;
	}
	log_info("stopping", log_s("signal", w->signum == SIGTERM ? "TERM" : "INT"),
	    log_i("waiting", (int64_t)pipeline_waiting(d->pipeline)));
	begin_stop(d, d->settings->stop.time_limit);
}

/*
 * Nothing will be indexed any more. What goes to the journal is still acknowledged; the rest the
 * senders keep.
 */
static void
output_broken(void *ctx, const char *reason)
{
	struct daemon *d = ctx;

	log_error("output_gone", log_s("reason", reason));
	d->output_gone = true;
	if (d->stopping)
		hurry(d);
	else
		begin_stop(d, d->settings->stop.linger);
}

/*
 * What a reload changes: groups with their rules, index names and allow-lists, log level, the
 * content of secret files. The rest is compared and said to need a restart.
 */
static struct err *
reload(struct daemon *d)
{
	struct settings *fresh = NULL;
	struct err *e;

	if ((e = settings_read(&fresh, d->source->file, d->source->assignments,
		 d->source->assignment_count)) != NULL)
		return e;
	counts_tell_rules(d->rooms.groups); /* the new ones count from nothing */
	asker_begin(&d->asker);
	e = groups_reload(d->rooms.groups, fresh);
	asker_end(&d->asker, e == NULL);
	if (e == NULL) {
		build_tell_restart(d->settings, fresh);
		wire_admit_again(d->rooms.wire);
		log_set_level((enum log_level)log_level_named(fresh->log.level));
		lookup_reopen(d->lookup);
		output_reopen(d->rooms.output);
	}
	settings_free(fresh);
	return settings_blame(e, d->source->file);
}

static const struct script *
rules(const struct daemon *d)
{
	return groups_at(d->rooms.groups, 0)->script;
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
		log_answer("reloaded", log_i("rules", (int64_t)script_rules(rules(d))),
		    log_s("hash", script_hash(rules(d))));
}

static void
watch_signal(struct daemon *d, struct ev_signal *w, int signum,
    void (*cb)(struct ev_loop *, struct ev_signal *, int))
{
	ev_signal_init(w, cb, signum);
	w->data = d;
	ev_signal_start(d->loop, w);
}

/* The journals: nobody else may write to them, and what they hold comes first. */
static struct err *
open_journals(struct daemon *d, bool dry)
{
	struct dead_config dead;
	struct err *e;

	build_dead(&dead, d->settings);
	e = dry ? dead_check(&dead)
		: dead_open(&d->rooms.dead, d->loop, &dead, pipeline_kept, d->pipeline);
	if (e != NULL)
		return err_wrap(e, "dead_letters.directory");
	if (d->settings->journal.directory == NULL)
		return NULL;
	build_journal(&d->journal_config, d->settings);
	e = dry ? journal_check(&d->journal_config)
		: journal_open(&d->rooms.journal, d->loop, &d->journal_config,
		      pipeline_journal_handler(d->pipeline));
	return e != NULL ? err_wrap(e, "journal.directory") : NULL;
}

static struct err *
open_output(struct daemon *d, bool dry)
{
	struct err *e = build_output(&d->output_parts, d->settings, d->pool);

	if (e != NULL)
		return e;
	d->output_parts.config.dry = dry;
	return output_open(&d->rooms.output, d->loop, &d->output_parts.config,
	    pipeline_output_handler(d->pipeline));
}

/* Lookups, and the groups with the rules that ask them. */
static struct err *
open_groups(struct daemon *d, bool dry)
{
	struct err *e = build_lookup(&d->lookup_parts, d->settings);

	if (e != NULL)
		return e;
	if (dry)
		d->lookup_parts.config.cache_file = NULL; /* it is written at the end */
	if ((e = lookup_open(&d->lookup, d->loop, &d->lookup_parts.config)) != NULL)
		return e;
	asker_init(&d->asker, d->lookup);
	return groups_open(
	    &d->rooms.groups, d->settings, &d->asker.door, pipeline_wake, d->pipeline);
}

static struct err *
open_wire_parts(struct daemon *d, bool dry)
{
	struct err *e = build_wire(&d->wire_parts, d->settings);

	if (e != NULL || !dry)
		return e;
	for (size_t i = 0; i < d->wire_parts.config.listener_count; i++)
		if (d->wire_parts.listeners[i].kerberos) {
			e = wire_kerberos_check(&d->wire_parts.config.kerberos);
			return e != NULL ? err_wrap(e, "kerberos.keytab") : NULL;
		}
	return NULL;
}

struct err *
daemon_open(struct daemon **out, const struct daemon_source *source, bool dry)
{
	struct pipeline_config pipeline;
	struct daemon *d = calloc(1, sizeof(*d));
	struct err *e;

	if (d == NULL)
		return err_sys("daemon");
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
	if ((e = build_pipeline(&pipeline, d->settings)) != NULL)
		goto fail;
	pipeline.broken = output_broken;
	pipeline.ctx = d;
	if ((e = open_wire_parts(d, dry)) != NULL ||
	    (e = pool_open(&d->pool, d->loop, 1)) != NULL ||
	    (e = pipeline_new(&d->pipeline, d->loop, &pipeline)) != NULL ||
	    (e = open_groups(d, dry)) != NULL || (e = open_journals(d, dry)) != NULL ||
	    (e = open_output(d, dry)) != NULL)
		goto fail;
	d->counts = (struct counts){ d->pipeline, &d->rooms, d->lookup };
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

struct groups *
daemon_groups(struct daemon *d)
{
	return d->rooms.groups;
}

static void
log_unsettled(const struct sender *s)
{
	if (s->owed > 0)
		log_error("sender_unacknowledged", log_s("sender", s->name),
		    log_i("waiting", (int64_t)s->owed),
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
		return d->output_gone ? err_new("the output takes nothing any more") : NULL;
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
		log_warn("descriptors_low", log_i("limit", (int64_t)limit.rlim_cur),
		    log_i("wanted", (int64_t)wanted),
		    log_s("cure", "raise the limit of open files of the service"));
}

struct err *
daemon_run(struct daemon *d)
{
	struct err *e;

	raise_descriptors(d);
	e = wire_open(&d->rooms.wire, d->loop, &d->wire_parts.config,
	    pipeline_wire_handler(d->pipeline, d->rooms.groups));
	if (e != NULL)
		return e;
	pipeline_use(d->pipeline, &d->rooms);
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
	    log_i("groups", (int64_t)groups_count(d->rooms.groups)),
	    log_i("rules", (int64_t)script_rules(rules(d))),
	    log_s("rules_hash", script_hash(rules(d))));
	ev_run(d->loop, 0);
	e = tell_unsettled(d);
	log_tick(1);
	counts_tell_rules(d->rooms.groups);
	counts_tell_rooms(&d->counts);
	pipeline_check_ledger(d->pipeline);
	counts_tell(&d->counts, "stopped");
	return e;
}

void
daemon_close(struct daemon *d)
{
	if (d == NULL)
		return;
	wire_close(d->rooms.wire);
	output_close(d->rooms.output);
	journal_close(d->rooms.journal);
	dead_close(d->rooms.dead);
	pipeline_free(d->pipeline);
	groups_close(d->rooms.groups);
	asker_fini(&d->asker);
	lookup_close(d->lookup);
	pool_close(d->pool);
	build_wire_free(&d->wire_parts);
	build_lookup_free(&d->lookup_parts);
	if (d->loop != NULL)
		ev_loop_destroy(d->loop);
	settings_free(d->settings);
	log_tick(1);
	free(d);
}
