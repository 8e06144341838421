/* send: streams trail files to a receiver, as the plugin of a host would. */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/records.h"
#include "wire/sender.h"

#define WINDOW_MOST (1u << 24)
#define RATE_TICK   0.001 /* seconds between two helpings at a given rate */
#define DRAW_TICK   0.1

static const char usage[] =
    "usage: auditrecv send --to HOST[:PORT] [OPTION...] FILE...\n\n"
    "Streams the records of trail files (- is standard input) to a receiver, as the plugin of a\n"
    "host does: it keeps a window, verifies acknowledgements, connects again and sends again what\n"
    "was not acknowledged.\n"
    "Exit status: 0 every record was acknowledged, 1 not, or a file was damaged, 2 wrong usage.\n\n"
    "      --to HOST[:PORT]  the receiver; port 16162 where it is not given; [::1]:16162 for IPv6\n"
    "      --mech NAME       security mechanism: dummy (the default) or kerberos_v5\n"
    "      --keytab FILE     kerberos_v5: with our own key; else with the ticket of kinit\n"
    "      --principal NAME  kerberos_v5: as whom; else the first of the keytab or the ticket's\n"
    "      --window N        records that may be outstanding (8192)\n"
    "      --sequence N      number of the first record (1)\n"
    "      --rate N          records a second; as fast as it goes where it is not given\n"
    "      --timeout SECONDS for an answer in the handshake, and for a receiver that does not read (5)\n"
    "      --attempts N      connections that may fail in a row before it gives up (10)\n"
    "      --one-token       mechanism dummy: a context of one token (the default) …\n"
    "      --multi-token     … or of several\n"
    "      --quiet           say nothing when all went well\n"
    "  -v, --verbose         log connections too\n"
    "  -h, --help            this text\n";

struct sending {
	struct sender_config config;
	char host[256];
	double rate; /* 0: no limit */
	bool quiet;
	struct records records;
	struct str waiting; /* a record that the window had no room for */
	bool damaged, no_more, interrupted;
	double credit; /* records that the rate allows now */
	int64_t began, last_tick;
	struct err *failed;
	struct ev_loop *loop;
	struct sender *sender;
	struct progress progress;
};

static void
tell_damage(void *ctx, const char *file, const struct trail_item *item)
{
	struct sending *s = ctx;

	s->damaged = true;
	progress_end(&s->progress);
	fprintf(stderr, "auditrecv send: %s: offset %llu: %s; %zu bytes were not sent\n", file,
	    (unsigned long long)item->offset, item->reason, item->len);
}

/* Hands records over until the window is full, the rate is used up, or there are none. */
static void
feed(struct sending *s)
{
	while (!s->no_more && (s->rate <= 0. || s->credit >= 1.)) {
		if (s->waiting.at == NULL && !records_next(&s->records, &s->waiting)) {
			s->no_more = true;
			break;
		}
		if (!sender_put(s->sender, s->waiting))
			break;
		s->waiting.at = NULL;
		s->credit -= 1.;
	}
	if (s->no_more && sender_pending(s->sender) == 0)
		ev_break(s->loop, EVBREAK_ALL);
}

static void
on_ready(void *ctx)
{
	feed(ctx);
}

static void
on_acknowledged(void *ctx, uint64_t sequence, int64_t waited)
{
	(void)ctx;
	(void)sequence;
	(void)waited;
}

static void
on_ended(void *ctx, struct err *why)
{
	struct sending *s = ctx;

	s->failed = why;
	ev_break(s->loop, EVBREAK_ALL);
}

static void
on_rate(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct sending *s = watcher->data;
	int64_t now = clock_steady();

	(void)loop;
	(void)events;
	s->credit += s->rate * (double)(now - s->last_tick) / (double)CLOCK_SECOND;
	s->last_tick = now;
	/* What the receiver could not take a while ago is not caught up in one burst. */
	if (s->credit > s->rate / 10. + 1.)
		s->credit = s->rate / 10. + 1.;
	feed(s);
}

static void
on_draw(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct sending *s = watcher->data;
	struct sender_counters c;

	(void)loop;
	(void)events;
	sender_counters(s->sender, &c);
	progress_step(&s->progress, c.acknowledged_bytes, c.acknowledged, "records acknowledged");
}

static void
on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct sending *s = watcher->data;

	(void)events;
	s->interrupted = true;
	ev_break(loop, EVBREAK_ALL);
}

static void
tell_unfinished(const struct sender_counters *c)
{
	if (c->acknowledged == 0)
		fprintf(stderr, "auditrecv send: none of %llu records was acknowledged\n",
		    (unsigned long long)c->put);
	else if (c->acknowledged < c->put)
		fprintf(stderr,
		    "auditrecv send: %llu of %llu records were acknowledged; the first that was "
		    "not has the number %llu\n",
		    (unsigned long long)c->acknowledged, (unsigned long long)c->put,
		    (unsigned long long)c->first_outstanding);
	else
		fprintf(stderr,
		    "auditrecv send: %llu records were acknowledged, and no more were sent\n",
		    (unsigned long long)c->put);
}

static void
tell(const struct sending *s)
{
	char size[PROGRESS_SIZE];
	double seconds = (double)(clock_steady() - s->began) / (double)CLOCK_SECOND;
	struct sender_counters c;

	sender_counters(s->sender, &c);
	if (s->failed != NULL)
		fprintf(stderr, "auditrecv send: %s\n", err_text(s->failed));
	if (s->interrupted)
		fputs("auditrecv send: interrupted\n", stderr);
	if (s->failed != NULL || s->interrupted)
		tell_unfinished(&c);
	else if (!s->quiet)
		printf("%llu records, %s, acknowledged in %.2f s (%.0f/s)%s\n",
		    (unsigned long long)c.acknowledged, progress_size(size, c.acknowledged_bytes),
		    seconds, (double)c.acknowledged / (seconds > 1e-6 ? seconds : 1e-6),
		    c.sent > c.put ? ", some of them sent again" : "");
}

/* Runs until everything is acknowledged, given up, or interrupted. */
static int
stream(struct sending *s)
{
	struct sender_handler handler = { on_ready, on_acknowledged, on_ended, s };
	ev_timer rate, draw;
	ev_signal interrupt, terminate;
	struct err *e;

	s->loop = ev_default_loop(0);
	if ((e = sender_open(&s->sender, s->loop, &s->config, &handler)) != NULL) {
		fprintf(stderr, "auditrecv send: %s\n", err_text(e));
		err_free(e);
		return CMD_FAILED;
	}
	ev_timer_init(&rate, on_rate, RATE_TICK, RATE_TICK);
	ev_timer_init(&draw, on_draw, DRAW_TICK, DRAW_TICK);
	ev_signal_init(&interrupt, on_signal, SIGINT);
	ev_signal_init(&terminate, on_signal, SIGTERM);
	rate.data = draw.data = interrupt.data = terminate.data = s;
	ev_signal_start(s->loop, &interrupt);
	ev_signal_start(s->loop, &terminate);
	ev_timer_start(s->loop, &draw);
	s->began = s->last_tick = clock_steady();
	progress_begin(&s->progress, s->records.bytes);
	if (s->rate > 0.)
		ev_timer_start(s->loop, &rate);
	feed(s);
	if (!s->no_more || sender_pending(s->sender) > 0)
		ev_run(s->loop, 0);
	progress_end(&s->progress);
	tell(s);
	sender_close(s->sender);
	return s->failed != NULL || s->interrupted || s->damaged ? CMD_FAILED : CMD_FINE;
}

static bool
read_whole(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char *rest;

	errno = 0;
	*out = strtoull(text, &rest, 10);
	return text[0] >= '0' && text[0] <= '9' && *rest == '\0' && errno == 0 && *out >= least &&
	       *out <= most;
}

/* "host", "host:port", "[address]:port", or an IPv6 address alone. */
static bool
read_target(struct sending *s, const char *text)
{
	const char *colon = strrchr(text, ':'), *end;
	const char *host = text;
	size_t len = strlen(text);
	uint64_t port = SENDER_PORT;

	if (text[0] == '[') {
		if ((end = strchr(text, ']')) == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		host = text + 1;
		len = (size_t)(end - host);
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (colon != NULL && strchr(text, ':') == colon)
		len = (size_t)(colon - text);
	else
		colon = NULL;
	if (colon != NULL && colon[1] != '\0' && !read_whole(colon + 1, 1, 65535, &port))
		return false;
	if (len == 0 || len >= sizeof(s->host))
		return false;
	memcpy(s->host, host, len);
	s->host[len] = '\0';
	s->config.host = s->host;
	s->config.port = (uint16_t)port;
	return true;
}

static bool
read_seconds(const char *text, double *out)
{
	char *rest;

	*out = strtod(text, &rest);
	return rest != text && *rest == '\0' && *out > 0. && *out < 1e6;
}

enum choice {
	TO = 256,
	MECH,
	KEYTAB,
	PRINCIPAL,
	WINDOW,
	SEQUENCE,
	RATE,
	TIMEOUT,
	ATTEMPTS,
	ONE_TOKEN,
	MULTI_TOKEN,
	QUIET
};

static const struct option options[] = {
	{ "to", required_argument, NULL, TO },
	{ "mech", required_argument, NULL, MECH },
	{ "keytab", required_argument, NULL, KEYTAB },
	{ "principal", required_argument, NULL, PRINCIPAL },
	{ "window", required_argument, NULL, WINDOW },
	{ "sequence", required_argument, NULL, SEQUENCE },
	{ "rate", required_argument, NULL, RATE },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "attempts", required_argument, NULL, ATTEMPTS },
	{ "one-token", no_argument, NULL, ONE_TOKEN },
	{ "multi-token", no_argument, NULL, MULTI_TOKEN },
	{ "quiet", no_argument, NULL, QUIET },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* One option; NULL, or what is wrong with it. */
static const char *
take_option(struct sending *s, int option, const char *value)
{
	uint64_t n;

	switch (option) {
	case TO: return read_target(s, value) ? NULL : "--to wants HOST or HOST:PORT";
	case MECH:
		s->config.mech = mech_named(value);
		return s->config.mech != NULL ? NULL
					      : "--mech: the mechanisms are: dummy, kerberos_v5";
	case KEYTAB: s->config.keytab = value; return NULL;
	case PRINCIPAL: s->config.principal = value; return NULL;
	case WINDOW:
		if (!read_whole(value, 1, WINDOW_MOST, &n))
			return "--window wants a number from 1 to 16777216";
		s->config.window = (uint32_t)n;
		return NULL;
	case SEQUENCE:
		return read_whole(value, 0, UINT64_MAX, &s->config.sequence)
			   ? NULL
			   : "--sequence wants a number";
	case RATE:
		if (!read_whole(value, 1, 1000000000, &n))
			return "--rate wants a number of records a second";
		s->rate = (double)n;
		return NULL;
	case TIMEOUT:
		return read_seconds(value, &s->config.timeout) ? NULL : "--timeout wants seconds";
	case ATTEMPTS:
		if (!read_whole(value, 1, 1000000, &n))
			return "--attempts wants a number from 1";
		s->config.attempts = (unsigned)n;
		return NULL;
	case ONE_TOKEN: s->config.multi_token = false; return NULL;
	case MULTI_TOKEN: s->config.multi_token = true; return NULL;
	case QUIET: s->quiet = true; return NULL;
	case 'v': log_set_level(LOG_INFO); return NULL;
	default: return NULL;
	}
}

int
cmd_send(int argc, char **argv)
{
	struct sending s = {
		.config = { .mech = &mech_dummy,
		    .window = 8192,
		    .sequence = 1,
		    .timeout = 5.,
		    .attempts = 10 },
	};
	const char *wrong;
	struct err *e;
	int option, status;

	signal(SIGPIPE, SIG_IGN);
	s.records.damaged = tell_damage;
	s.records.ctx = &s;
	log_set_level(LOG_WARN);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":hv", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return CMD_FINE;
		}
		if (option == '?' || option == ':')
			return cmd_bad_option(option, argv);
		if ((wrong = take_option(&s, option, optarg)) != NULL)
			return cmd_misused(argv[0], "%s", wrong);
	}
	if (s.config.host == NULL)
		return cmd_misused(argv[0], "--to is missing");
	if (optind == argc)
		return cmd_misused(argv[0], "which files?");
	if ((e = records_open(&s.records, argc - optind, argv + optind)) == NULL)
		status = stream(&s);
	else {
		fprintf(stderr, "auditrecv send: %s\n", err_text(e));
		err_free(e);
		status = CMD_FAILED;
	}
	err_free(s.failed);
	records_close(&s.records);
	return status;
}
