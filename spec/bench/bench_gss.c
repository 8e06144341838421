/*
 * bench_gss: what kerberos_v5 costs at the receiver, on the records of a trail.
 *
 *	bench_gss loop TRAIL                     the library alone: gss_unwrap + gss_get_mic
 *	bench_gss wire TRAIL WORKERS CONNECTIONS core/wire as a receiver that acknowledges at once
 *
 * What senders wrap is made before the clock starts. Prints CPU time (of the receiver's threads) and
 * wall time a record. The realm comes by the environment: KRB5_CONFIG, and in KEYTAB_AUDIT and
 * KEYTAB_SENDER the keys of audit/localhost and of a sender.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <ev.h>
#include <fcntl.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/log.h"
#include "bsm/trail.h"
#include "wire/frame.h"
#include "wire/mech.h"
#include "wire/wire.h"

#define RECORD_MOST     (64u << 20)
#define CONNECTIONS_MAX 256
#define RECORDS_MOST    400000

struct sender {
	int fd;
	void *context;
	struct buf frames; /* all that it will send */
	size_t sent;
};

static struct str *trail;
static size_t trail_count;
static unsigned connections;
static struct sender senders[CONNECTIONS_MAX];
static uint16_t port;
static atomic_bool ready, go;
static uint64_t taken;
static clockid_t feeder_clock;

static _Noreturn void
die(const char *what, const char *why)
{
	fprintf(stderr, "bench_gss: %s: %s\n", what, why);
	exit(1);
}

static double
clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
read_trail(const char *name)
{
	int fd = open(name, O_RDONLY);
	struct trail_item item;
	struct trail t;
	struct stat st;
	uint8_t *bytes;

	if (fd < 0 || fstat(fd, &st) != 0 ||
	    (bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED ||
	    (trail = calloc(RECORDS_MOST, sizeof(*trail))) == NULL)
		die(name, "cannot be read");
	trail_init(&t, RECORD_MOST);
	for (size_t at = 0; at < (size_t)st.st_size && trail_count < RECORDS_MOST; at += item.len) {
		enum trail_status status =
		    trail_next(&t, bytes + at, (size_t)st.st_size - at, true, &item);

		if (status == TRAIL_RECORD)
			trail[trail_count++] = (struct str){ (const char *)item.at, item.len };
		else if (status != TRAIL_FILE)
			break;
	}
	if (trail_count == 0)
		die(name, "no record in it");
}

static void *
initiator(void)
{
	struct mech_initiate how = {
		.host = "localhost", .binding = STR("0101"), .keytab = getenv("KEYTAB_SENDER")
	};
	struct err *e;
	void *context;

	if ((e = mech_kerberos.initiate_open(&context, &how)) != NULL)
		die("context", err_text(e));
	return context;
}

static enum mech_step
step(void *context, struct str token, struct buf *answer)
{
	struct err *why;
	enum mech_step next = mech_kerberos.initiate(context, token, answer, &why);

	if (next == MECH_FAILED)
		die("context", err_text(why));
	return next;
}

static void
wrap_record(void *context, uint64_t sequence, struct str record, struct buf *out)
{
	static struct buf plain;
	struct err *why;
	char number[8];

	buf_cut(&plain, 0);
	put_be64(number, sequence);
	buf_append(&plain, number, sizeof(number));
	buf_str(&plain, record);
	if (!mech_kerberos.wrap(context, buf_view(&plain), out, &why))
		die("wrap", err_text(why));
}

/* The library alone; its acceptor is opened with what it has itself. */
static void
run_loop(void)
{
	gss_key_value_element_desc element = { "keytab", getenv("KEYTAB_AUDIT") };
	gss_key_value_set_desc store = { 1, &element };
	gss_cred_id_t credential;
	gss_ctx_id_t acceptor = GSS_C_NO_CONTEXT;
	gss_buffer_desc in, out, *tokens = calloc(trail_count, sizeof(*tokens));
	struct gss_channel_bindings_struct binding = { .initiator_addrtype = GSS_C_AF_NULLADDR,
		.acceptor_addrtype = GSS_C_AF_NULLADDR,
		.application_data = { 4, "0101" } };
	struct buf answer = { 0 };
	OM_uint32 major, minor;
	void *context = initiator();
	double cpu, wall;
	int encrypted;

	(void)step(context, (struct str){ "", 0 }, &answer);
	in = (gss_buffer_desc){ answer.len, answer.at };
	if (GSS_ERROR(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
		GSS_C_NO_OID_SET, GSS_C_ACCEPT, &store, &credential, NULL, NULL)) ||
	    GSS_ERROR(gss_accept_sec_context(
		&minor, &acceptor, credential, &in, &binding, NULL, NULL, &out, NULL, NULL, NULL)))
		die("accept", "refused");
	buf_cut(&answer, 0);
	(void)step(context, (struct str){ out.value, out.length }, &answer);
	for (size_t i = 0; i < trail_count; i++) {
		struct buf token = { 0 };

		wrap_record(context, i + 1, trail[i], &token);
		tokens[i] = (gss_buffer_desc){ token.len, token.at };
	}
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	wall = clock_of(CLOCK_MONOTONIC);
	for (size_t i = 0; i < trail_count; i++) {
		gss_buffer_desc plain, mic;

		major = gss_unwrap(&minor, acceptor, &tokens[i], &plain, &encrypted, NULL);
		if (major != GSS_S_COMPLETE || !encrypted)
			die("gss_unwrap", "refused");
		if (gss_get_mic(&minor, acceptor, 0, &plain, &mic) != GSS_S_COMPLETE)
			die("gss_get_mic", "refused");
		gss_release_buffer(&minor, &mic);
		gss_release_buffer(&minor, &plain);
	}
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = clock_of(CLOCK_MONOTONIC) - wall;
	printf("cpu=%.3f wall=%.3f\n", cpu * 1e6 / (double)trail_count,
	    wall * 1e6 / (double)trail_count);
}

static void
read_frame(int fd, struct buf *body)
{
	char head[FRAME_HEAD];
	size_t size;

	if (recv(fd, head, sizeof(head), MSG_WAITALL) != sizeof(head))
		die("handshake", "the receiver closed");
	size = be32(head);
	buf_cut(body, 0);
	if (!buf_need(body, size) || recv(fd, body->at, size, MSG_WAITALL) != (ssize_t)size)
		die("handshake", "the receiver closed");
	body->len = size;
}

static void
log_in(struct sender *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct buf out = { 0 }, in = { 0 }, token = { 0 };

	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect", "refused");
	s->context = initiator();
	(void)step(s->context, (struct str){ "", 0 }, &token);
	frame_put(&out, STR("01"));
	frame_put(&out, buf_view(&token));
	if (send(s->fd, out.at, out.len, 0) != (ssize_t)out.len)
		die("handshake", "send");
	read_frame(s->fd, &in);
	read_frame(s->fd, &in);
	buf_cut(&token, 0);
	(void)step(s->context, buf_view(&in), &token);
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
}

static void
prepare(void)
{
	for (unsigned i = 0; i < connections; i++)
		log_in(&senders[i]);
	for (size_t i = 0; i < trail_count; i++) {
		struct sender *s = &senders[i % connections];
		size_t at = s->frames.len;

		buf_append(&s->frames, "\0\0\0\0", FRAME_HEAD);
		wrap_record(s->context, i + 1, trail[i], &s->frames);
		put_be32(s->frames.at + at, (uint32_t)(s->frames.len - at - FRAME_HEAD));
	}
}

/* Sends as fast as the receiver takes it, and reads acknowledgements to forget them. */
static void *
feed(void *arg)
{
	static char rubbish[1 << 16];
	struct pollfd polls[CONNECTIONS_MAX];

	(void)arg;
	prepare();
	pthread_getcpuclockid(pthread_self(), &feeder_clock);
	atomic_store(&ready, true);
	while (!atomic_load(&go))
		usleep(1000);
	for (;;) {
		for (unsigned i = 0; i < connections; i++)
			polls[i] = (struct pollfd){ senders[i].fd,
				(short)(POLLIN |
					(senders[i].sent < senders[i].frames.len ? POLLOUT : 0)),
				0 };
		if (poll(polls, connections, 1000) < 0)
			continue;
		for (unsigned i = 0; i < connections; i++) {
			struct sender *s = &senders[i];
			ssize_t n;

			if ((polls[i].revents & POLLIN) != 0)
				(void)!recv(s->fd, rubbish, sizeof(rubbish), 0);
			if ((polls[i].revents & POLLOUT) == 0)
				continue;
			n = send(
			    s->fd, s->frames.at + s->sent, s->frames.len - s->sent, MSG_NOSIGNAL);
			if (n > 0)
				s->sent += (size_t)n;
		}
	}
	return NULL;
}

static bool
on_record(void *ctx, struct peer *p, const struct wire_record *record)
{
	peer_settle(p, record->receipt, true);
	if (++taken == trail_count)
		ev_break(ctx, EVBREAK_ALL);
	return true;
}

static void
on_arrived(void *ctx, struct peer *p)
{
	(void)ctx;
	(void)p;
}

static void
on_left(void *ctx, struct peer *p, const char *reason)
{
	(void)ctx;
	(void)p;
	die("a sender left", reason);
}

static void
on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)watcher;
	(void)events;
	if (atomic_load(&ready))
		ev_break(loop, EVBREAK_ALL);
}

static void
run_wire(unsigned workers)
{
	struct ev_loop *loop = ev_default_loop(0);
	struct wire_listener listener = { .address = "127.0.0.1", .kerberos = true };
	struct wire_config config = { .listeners = &listener,
		.listener_count = 1,
		.max_frame_login = 65536,
		.max_frame = 8 << 20,
		.max_connections = 1024,
		.max_logins = 1024,
		.login_grace_time = 60.,
		.workers = workers,
		.kerberos = { .keytab = getenv("KEYTAB_AUDIT") },
		.max_in_flight_sender = 64 << 20,
		.max_in_flight = 256 << 20,
		.linger = 1. };
	struct wire_handler handler = {
		.arrived = on_arrived, .record = on_record, .left = on_left, .ctx = loop
	};
	struct wire *wire;
	pthread_t feeder;
	ev_timer tick;
	struct err *e;
	double cpu, wall;

	if ((e = wire_open(&wire, loop, &config, &handler)) != NULL)
		die("open", err_text(e));
	port = wire_port(wire, 0);
	pthread_create(&feeder, NULL, feed, NULL);
	ev_timer_init(&tick, on_tick, 0.01, 0.01);
	ev_timer_start(loop, &tick);
	ev_run(loop, 0);
	ev_timer_stop(loop, &tick);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - clock_of(feeder_clock);
	wall = clock_of(CLOCK_MONOTONIC);
	atomic_store(&go, true);
	ev_run(loop, 0);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - clock_of(feeder_clock) - cpu;
	wall = clock_of(CLOCK_MONOTONIC) - wall;
	printf("cpu=%.3f wall=%.3f\n", cpu * 1e6 / (double)trail_count,
	    wall * 1e6 / (double)trail_count);
	exit(0);
}

int
main(int argc, char **argv)
{
	if (argc < 3 || getenv("KEYTAB_AUDIT") == NULL || getenv("KEYTAB_SENDER") == NULL)
		die("usage",
		    "bench_gss loop|wire TRAIL [WORKERS CONNECTIONS], with KEYTAB_AUDIT and "
		    "KEYTAB_SENDER");
	log_set_level(LOG_ERROR);
	read_trail(argv[2]);
	if (strcmp(argv[1], "loop") == 0 || argc < 5) {
		run_loop();
		return 0;
	}
	connections = (unsigned)strtoul(argv[4], NULL, 10);
	if (connections == 0 || connections > CONNECTIONS_MAX)
		die("connections", "1 to 256");
	run_wire((unsigned)strtoul(argv[3], NULL, 10));
}
