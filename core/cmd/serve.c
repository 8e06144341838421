/* serve: the daemon as its surroundings see it: user, background, pid file, service manager. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/source.h"
#include "daemon/background.h"
#include "daemon/notify.h"
#include "daemon/pidfile.h"
#include "daemon/privileges.h"

#define SLOW_DISK 8e6 /* bytes a second that any disk can read */

static const char usage[] =
    "usage: auditrecv serve [-c FILE] [--set KEY=VALUE]... [--background] [--pid-file FILE]\n\n"
    "Receives audit trails, in the foreground unless told otherwise, and logs to stderr.\n"
    "SIGTERM and SIGINT settle and acknowledge what has arrived, then end it; SIGHUP reloads the "
    "rules;\n"
    "SIGUSR1 logs the counts.\n\n"
    "      --background     return once it listens and its rules are loaded, or fail with the "
    "reason\n"
    "      --pid-file FILE  write the number of its process there; a second one is refused\n";

static const struct option more[] = {
	{ "background", no_argument, NULL, 'B' },
	{ "pid-file", required_argument, NULL, 'P' },
	{ 0 },
};

/* The program as its surroundings see it. */
struct service {
	struct source source;
	bool background;
	const char *pid_path;
	struct background parent;
	struct pidfile *pidfile;
	struct notify *notify;
	struct privileges privileges;
	struct daemon *daemon;
	bool ready;
};

/* access() asks for the user, not for what is left of root's power: that is how it will be later. */
static void
tell_unreadable(const char *setting, const char *file)
{
	if (file != NULL && access(file, R_OK) < 0 && errno == EACCES)
		log_warn("unreadable_later", log_s("setting", setting), log_s("file", file),
		    log_s("meaning",
			"it is read now, but not again when it changes: only root may read it"),
		    log_s("cure", "make it belong to service.user"));
}

static struct err *
lower(struct service *v, const struct settings *s)
{
	struct err *e;

	v->privileges = privileges_wanted(s);
	if ((e = privileges_lower(&v->privileges)) != NULL || s->service.user == NULL)
		return e;
	tell_unreadable("-c", v->source.daemon.file);
	tell_unreadable("kerberos.keytab", s->kerberos.keytab);
	tell_unreadable("output.password_file", s->output.password_file);
	tell_unreadable("output.api_key_file", s->output.api_key_file);
	return NULL;
}

/*
 * A start reads the journal's last segment to its end, and little else. That is a matter of moments,
 * but where segments are large and the disk is slow.
 */
static double
longest_start(const struct settings *s)
{
	return s->journal.directory != NULL ? (double)s->journal.segment_bytes / SLOW_DISK : 0;
}

static struct err *
begin(struct service *v, const struct settings *s)
{
	notify_starting(v->notify, longest_start(s));
	struct err *e;

	if (v->background && strcmp(s->output.type, "stdout") == 0)
		return err_new("output.type: in the background nobody would see documents on "
			       "standard output; choose another output");
	if (v->pid_path != NULL && (e = pidfile_open(&v->pidfile, v->pid_path)) != NULL)
		return e;
	return lower(v, s);
}

static void
tell_ready(const struct service *v, const struct daemon *d)
{
	char status[128];

	daemon_status(d, status, sizeof(status));
	notify_ready(v->notify, status);
}

static void
tell_alive(const struct service *v, const struct daemon *d)
{
	char status[128];

	daemon_status(d, status, sizeof(status));
	notify_alive(v->notify, status);
}

static struct err *
on_moment(void *ctx, enum daemon_moment moment, const struct settings *s)
{
	struct service *v = ctx;
	struct err *e;

	switch (moment) {
	case DAEMON_SET: return begin(v, s);
	case DAEMON_READY:
		if ((e = privileges_drop(&v->privileges)) != NULL)
			return e;
		v->ready = true;
		background_ready(&v->parent);
		tell_ready(v, v->daemon);
		break;
	case DAEMON_RELOADING: notify_reloading(v->notify); break;
	case DAEMON_RELOADED: tell_ready(v, v->daemon); break;
	case DAEMON_ALIVE: tell_alive(v, v->daemon); break;
	case DAEMON_STOPPING:
		notify_stopping(v->notify, s->stop.time_limit + s->stop.linger);
		break;
	}
	return NULL;
}

static struct err *
run(struct service *v)
{
	struct err *e;

	background_stay(&v->parent);
	if (v->background && (e = background_start(&v->parent)) != NULL)
		return e;
	v->source.daemon.moment = on_moment;
	v->source.daemon.ctx = v;
	if ((e = notify_open(&v->notify)) != NULL ||
	    (e = daemon_open(&v->daemon, &v->source.daemon, false)) != NULL)
		return e;
	return daemon_run(v->daemon);
}

static int
take_options(struct service *v, int argc, char **argv)
{
	int c, status = -1;

	while ((c = source_option(&v->source, argc, argv, more, usage, &status)) != -1)
		if (c == 'B')
			v->background = true;
		else
			v->pid_path = optarg;
	if (status < 0 && optind < argc)
		status = cmd_misused(argv[0], "it takes no arguments");
	return status;
}

int
cmd_serve(int argc, char **argv)
{
	struct service v = { 0 };
	struct err *e;
	int status = take_options(&v, argc, argv);

	if (status < 0) {
		e = run(&v);
		if (e != NULL && !background_failed(&v.parent, e))
			log_error("failed", log_e(e));
		daemon_close(v.daemon);
		pidfile_close(v.pidfile);
		notify_close(v.notify);
		status = e != NULL ? CMD_FAILED : CMD_FINE;
		err_free(e);
	}
	source_free(&v.source);
	return status;
}
