/*
 * load: many senders at once, for benches. Each connection behaves like the plugin, with its own
 * window; all records come from one trail, again and again. At full speed a sender waits for its
 * window; at a rate, a record that finds the window full is dropped, as auditd does with the
 * policy `cnt`.
 *
 *	cc -O2 -Icore -o load spec/bench/load.c libwire.a libbsm.a libbase.a -lev -lcrypto -lm
 *	load --to HOST:PORT [--mech NAME] [--keytab FILE] [--connections N] [--window N] [--rate N]
 *	    [--records N] TRAIL
 *
 * Prints one line of key=value: what was sent and acknowledged, seconds, records a second, our
 * own CPU time, and the time from sending to acknowledgement (microseconds: median, 99th
 * percentile, most).
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <ev.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bsm/trail.h"
#include "wire/sender.h"

#define TICK        0.001 /* seconds between two helpings at a given rate */
#define RECORD_MOST (64u << 20)
#define SUB_BITS    7 /* a histogram's bucket is this many bits wide at most: below one per cent */
#define SUB_BUCKETS (1u << SUB_BITS)
#define BUCKETS     ((64 - SUB_BITS + 1) * SUB_BUCKETS)
#define DESCRIPTORS 64 /* beside those of the connections */

/* Waiting times in nanoseconds. */
struct histogram {
	uint64_t counts[BUCKETS];
	uint64_t total;
	int64_t most;
};

struct load;

struct connection {
	struct load *load;
	struct sender *sender;
	uint64_t left; /* records that it has still to put */
	size_t at;     /* in the trail */
};

struct load {
	struct ev_loop *loop;
	struct sender_config config;
	char host[256];
	unsigned count;
	uint64_t records; /* in all */
	double rate;      /* in all, a second; 0: full speed */
	struct connection *connections;
	struct str *trail;
	size_t trail_count;
	double credit;
	int64_t began, last_tick;
	unsigned turn; /* whose turn it is at a rate */
	uint64_t acknowledged, dropped, lost;
	unsigned failed;
	struct histogram waits;
};

static _Noreturn void
die(const char *what, struct err *e)
{
	fprintf(
	    stderr, "load: %s%s%s\n", what, e != NULL ? ": " : "", e != NULL ? err_text(e) : "");
	exit(1);
}

static size_t
bucket_of(int64_t v)
{
	uint64_t n = v > 0 ? (uint64_t)v : 0;
	unsigned shift;

	if (n < SUB_BUCKETS)
		return (size_t)n;
	shift = 63u - (unsigned)__builtin_clzll(n) - (SUB_BITS - 1);
	return (size_t)shift * (SUB_BUCKETS / 2) + (size_t)(n >> shift);
}

/* The upper end of a bucket. */
static double
bucket_value(size_t bucket)
{
	size_t shift;

	if (bucket < SUB_BUCKETS)
		return (double)bucket;
	shift = bucket / (SUB_BUCKETS / 2) - 1;
	return (double)(bucket - shift * (SUB_BUCKETS / 2) + 1) * (double)(UINT64_C(1) << shift);
}

static void
histogram_add(struct histogram *h, int64_t v)
{
	h->counts[bucket_of(v)]++;
	h->total++;
	if (v > h->most)
		h->most = v;
}

static double
histogram_quantile(const struct histogram *h, double share)
{
	uint64_t seen = 0, wanted = (uint64_t)((double)h->total * share);

	for (size_t i = 0; i < BUCKETS; i++)
		if ((seen += h->counts[i]) > wanted)
			return bucket_value(i) < (double)h->most ? bucket_value(i)
								 : (double)h->most;
	return (double)h->most;
}

static void
check_end(struct load *l)
{
	if (l->acknowledged + l->dropped + l->lost >= l->records)
		ev_break(l->loop, EVBREAK_ALL);
}

static struct str
next_of(struct connection *c)
{
	struct str record = c->load->trail[c->at];

	c->at = c->at + 1 < c->load->trail_count ? c->at + 1 : 0;
	return record;
}

/* At full speed: as many as the window has room for. */
static void
on_ready(void *ctx)
{
	struct connection *c = ctx;

	if (c->load->rate > 0. || c->load->began == 0)
		return;
	while (c->left > 0 && sender_put(c->sender, c->load->trail[c->at])) {
		(void)next_of(c);
		c->left--;
	}
}

static void
on_acknowledged(void *ctx, uint64_t sequence, int64_t waited)
{
	struct connection *c = ctx;

	(void)sequence;
	histogram_add(&c->load->waits, waited);
	c->load->acknowledged++;
	check_end(c->load);
}

static void
on_ended(void *ctx, struct err *why)
{
	struct connection *c = ctx;

	if (c->load->failed++ == 0)
		fprintf(stderr, "load: %s\n", err_text(why));
	err_free(why);
	c->load->lost += c->left + sender_pending(c->sender);
	c->left = 0;
	check_end(c->load);
}

/* At a rate: what the time since the last tick is worth, one record to each connection in turn. */
static void
on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct load *l = watcher->data;
	int64_t now = clock_steady();

	(void)loop;
	(void)events;
	l->credit += l->rate * (double)(now - l->last_tick) / (double)CLOCK_SECOND;
	l->last_tick = now;
	for (unsigned idle = 0; l->credit >= 1. && idle < l->count;) {
		struct connection *c = &l->connections[l->turn];

		l->turn = l->turn + 1 < l->count ? l->turn + 1 : 0;
		if (c->left == 0) {
			idle++;
			continue;
		}
		idle = 0;
		c->left--;
		l->credit -= 1.;
		if (!sender_put(c->sender, next_of(c)))
			l->dropped++;
	}
	check_end(l);
}

static void
read_trail(struct load *l, const char *name)
{
	int fd = open(name, O_RDONLY);
	struct trail_item item;
	struct trail t;
	struct stat st;
	size_t room = 0;
	uint8_t *at;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		die(name, err_sys("open"));
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		die(name, err_sys("map"));
	trail_init(&t, RECORD_MOST);
	for (;;) {
		enum trail_status status = trail_next(
		    &t, at + t.offset, (size_t)st.st_size - (size_t)t.offset, true, &item);

		if (status == TRAIL_END || status == TRAIL_MORE)
			break;
		if (status == TRAIL_DAMAGE || status == TRAIL_CUT)
			die(name, err_new("offset %llu: %s", (unsigned long long)item.offset,
				      item.reason));
		if (status != TRAIL_RECORD)
			continue;
		if (l->trail_count == room) {
			room = room == 0 ? 1024 : room * 2;
			if ((l->trail = realloc(l->trail, room * sizeof(*l->trail))) == NULL)
				die(name, err_sys("memory"));
		}
		l->trail[l->trail_count++] = (struct str){ (const char *)item.at, item.len };
	}
	if (l->trail_count == 0)
		die(name, err_new("no record in it"));
	close(fd);
}

static void
open_connections(struct load *l)
{
	struct rlimit limit;
	struct err *e;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < l->count + DESCRIPTORS) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if ((l->connections = calloc(l->count, sizeof(*l->connections))) == NULL)
		die("connections", err_sys("memory"));
	for (unsigned i = 0; i < l->count; i++) {
		struct connection *c = &l->connections[i];
		struct sender_handler handler = { on_ready, on_acknowledged, on_ended, c };

		c->load = l;
		c->left = l->records / l->count + (i < l->records % l->count ? 1 : 0);
		c->at = l->trail_count * i / l->count;
		if ((e = sender_open(&c->sender, l->loop, &l->config, &handler)) != NULL)
			die("connect", e);
	}
}

/* Connects everybody before the clock starts. */
static void
wait_connected(struct load *l)
{
	for (unsigned i = 0; i < l->count && l->failed == 0;)
		if (sender_is_connected(l->connections[i].sender))
			i++;
		else
			ev_run(l->loop, EVRUN_ONCE);
}

static void
run(struct load *l)
{
	ev_timer tick;

	l->began = l->last_tick = clock_steady();
	ev_timer_init(&tick, on_tick, TICK, TICK);
	tick.data = l;
	if (l->rate > 0.)
		ev_timer_start(l->loop, &tick);
	for (unsigned i = 0; i < l->count; i++)
		on_ready(&l->connections[i]);
	ev_run(l->loop, 0);
}

static void
tell(const struct load *l)
{
	double seconds = (double)(clock_steady() - l->began) / (double)CLOCK_SECOND;
	struct sender_counters c, all = { 0 };
	struct rusage used;

	for (unsigned i = 0; i < l->count; i++) {
		sender_counters(l->connections[i].sender, &c);
		all.connections += c.connections;
		all.sent += c.sent;
		all.bytes += c.bytes;
	}
	getrusage(RUSAGE_SELF, &used);
	printf(
	    "connections=%u window=%u records=%llu acknowledged=%llu dropped=%llu lost=%llu sent=%llu "
	    "reconnected=%llu bytes=%llu seconds=%.3f rate=%.0f cpu=%.3f p50=%.1f p99=%.1f max=%.1f\n",
	    l->count, l->config.window, (unsigned long long)l->records,
	    (unsigned long long)l->acknowledged, (unsigned long long)l->dropped,
	    (unsigned long long)l->lost, (unsigned long long)all.sent,
	    (unsigned long long)(all.connections > l->count ? all.connections - l->count : 0),
	    (unsigned long long)all.bytes, seconds, (double)l->acknowledged / seconds,
	    (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
	    histogram_quantile(&l->waits, .5) / 1e3, histogram_quantile(&l->waits, .99) / 1e3,
	    (double)l->waits.most / 1e3);
}

static void
read_target(struct load *l, const char *text)
{
	const char *colon = strrchr(text, ':');

	snprintf(l->host, sizeof(l->host), "%.*s",
	    colon != NULL ? (int)(colon - text) : (int)strlen(text), text);
	l->config.host = l->host;
	l->config.port = (uint16_t)(colon != NULL ? atoi(colon + 1) : SENDER_PORT);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "mech", required_argument, NULL, 'm' },
		{ "keytab", required_argument, NULL, 'k' },
		{ "connections", required_argument, NULL, 'c' },
		{ "window", required_argument, NULL, 'w' },
		{ "rate", required_argument, NULL, 'r' },
		{ "records", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	static struct load l = {
		.config = { .mech = &mech_dummy,
		    .window = 8192,
		    .sequence = 1,
		    .timeout = 30.,
		    .attempts = 10 },
		.count = 1,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 't': read_target(&l, optarg); break;
		case 'm': l.config.mech = mech_named(optarg); break;
		case 'k': l.config.keytab = optarg; break;
		case 'c': l.count = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'w': l.config.window = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'r': l.rate = strtod(optarg, NULL); break;
		case 'n': l.records = strtoull(optarg, NULL, 10); break;
		default: return 2;
		}
	if (l.config.host == NULL || l.config.mech == NULL || optind + 1 != argc || l.count == 0 ||
	    l.config.window == 0) {
		fputs(
		    "usage: load --to HOST:PORT [--mech NAME] [--keytab FILE] [--connections N] [--window N] [--rate N] "
		    "[--records N] TRAIL\n",
		    stderr);
		return 2;
	}
	log_set_level(LOG_ERROR);
	read_trail(&l, argv[optind]);
	if (l.records == 0)
		l.records = l.trail_count;
	l.loop = ev_default_loop(0);
	open_connections(&l);
	wait_connected(&l);
	run(&l);
	tell(&l);
	return l.lost > 0 || l.failed > 0;
}
