#include "daemon/build.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "daemon/item.h"

/* An address that nobody can listen on is told now, with its place, and not when we listen. */
static struct err *
check_address(const struct settings_listener *in, size_t number)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int rc;

	if (in->address == NULL)
		return NULL;
	if ((rc = getaddrinfo(in->address, NULL, &hints, &list)) != 0)
		return err_new(
		    "listen.%zu.address: \"%s\": %s", number, in->address, gai_strerror(rc));
	freeaddrinfo(list);
	return NULL;
}

/* "listen.N: " goes in front of what is wrong with a listener. */
static struct err *
build_listener(struct wire_listener *out, const struct settings_listener *in, size_t number)
{
	struct addr_net *nets;
	struct err *e;

	if ((e = check_address(in, number)) != NULL)
		return e;
	out->address = in->address;
	out->port = (uint16_t)in->port;
	for (size_t i = 0; i < in->mechanisms.count; i++) {
		if (strcmp(in->mechanisms.items[i], "dummy") != 0)
			return err_new("listen.%zu.mechanisms: \"%s\" is not a mechanism that this "
				       "program has; it has \"dummy\"",
			    number, in->mechanisms.items[i]);
		out->dummy = true;
	}
	if (!out->dummy)
		return err_new(
		    "listen.%zu: no mechanism is allowed, so nobody could send; set mechanisms",
		    number);
	if (in->dummy_from.count == 0)
		return err_new("listen.%zu: \"dummy\" is allowed, but for nobody: list the "
			       "senders' networks in dummy_from",
		    number);
	if ((nets = calloc(in->dummy_from.count, sizeof(*nets))) == NULL)
		return err_sys("listen");
	out->dummy_from = nets;
	out->dummy_from_count = in->dummy_from.count;
	for (size_t i = 0; i < in->dummy_from.count; i++)
		if ((e = addr_net_parse(in->dummy_from.items[i], &nets[i])) != NULL)
			return err_wrap(e, "listen.%zu.dummy_from.%zu", number, i + 1);
	return NULL;
}

/* A number of at most `most` at *at, which moves behind it; false when there is none. */
static bool
take_number(const char **at, unsigned long most, unsigned *out)
{
	unsigned long n;
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	n = strtoul(*at, &end, 10);
	*at = end;
	*out = (unsigned)n;
	return n <= most;
}

/* "begin:rate:full", or "full". */
static struct err *
build_startups(struct wire_config *out, const char *text)
{
	const char *at = text;
	bool parts = strchr(text, ':') != NULL;

	out->startups_begin = out->startups_rate = 0;
	if ((!parts || (take_number(&at, 1000000, &out->startups_begin) && *at++ == ':' &&
			   take_number(&at, 100, &out->startups_rate) && *at++ == ':')) &&
	    take_number(&at, 1000000, &out->max_logins) && *at == '\0' && out->max_logins > 0 &&
	    out->startups_begin <= out->max_logins)
		return NULL;
	return err_new("limits.startups: \"%s\" is not begin:rate:full, as in \"256:30:1024\": "
		       "connections, percent, connections",
	    text);
}

struct err *
build_wire(struct build_wire *out, const struct settings *s)
{
	struct err *e;

	if (s->listen_count == 0)
		return err_new("listen: no listener is set; for a first try: "
			       "--set 'listen = { { mechanisms = { \"dummy\" }, dummy_from = { "
			       "\"127.0.0.0/8\", \"::1\" } } }'");
	if ((out->listeners = calloc(s->listen_count, sizeof(*out->listeners))) == NULL)
		return err_sys("listen");
	out->config = (struct wire_config){
		.listeners = out->listeners,
		.listener_count = s->listen_count,
		.max_frame_login = (uint32_t)s->limits.max_frame_login,
		.max_frame = (uint32_t)s->limits.max_frame,
		.kept_head = (uint32_t)s->limits.kept_head,
		.max_connections = (unsigned)s->limits.max_connections,
		.max_rate = (unsigned)s->limits.max_rate,
		.login_grace_time = s->limits.login_grace_time,
		.max_in_flight_sender = (uint64_t)s->limits.max_in_flight_sender,
		.max_in_flight = (uint64_t)s->limits.max_in_flight,
		.record_cost = ITEM_COST,
		.linger = s->stop.linger,
	};
	if ((e = build_startups(&out->config, s->limits.startups)) != NULL)
		return e;
	for (size_t i = 0; i < s->listen_count; i++)
		if ((e = build_listener(&out->listeners[i], &s->listen[i], i + 1)) != NULL)
			return e;
	return NULL;
}

struct err *
build_output(struct build_output *out, const struct settings *s, struct pool *pool)
{
	struct output_config *c = &out->config;

	*c = (struct output_config){
		.pool = pool,
		.urls = (const char *const *)s->output.urls.items,
		.url_count = s->output.urls.count,
		.username = s->output.username,
		.password_file = s->output.password_file,
		.api_key_file = s->output.api_key_file,
		.ca_file = s->output.ca_file,
		.plain_credentials = s->output.plain_credentials,
		.gzip = s->output.gzip,
		.max_documents = (size_t)s->output.max_documents,
		.max_bytes = (size_t)s->output.max_bytes,
		.max_in_flight = (unsigned)s->output.max_in_flight,
		.max_held_bytes = (size_t)s->output.max_held_bytes,
		.request_timeout = s->output.request_timeout,
		.retry_for = s->output.retry_for,
		.template_name = s->output.template_name,
		.template_pattern = s->output.template_pattern,
		.path = s->output.path,
		.rotate_bytes = (uint64_t)s->output.rotate_bytes,
		.rotate_keep = (unsigned)s->output.rotate_keep,
	};
	if (strcmp(s->output.type, "elasticsearch") == 0) {
		c->kind = OUTPUT_ELASTICSEARCH;
		if (c->url_count == 0)
			return err_new(
			    "output.urls: no node is set: urls = { \"https://host:9200\" }");
		if ((c->username != NULL) != (c->password_file != NULL))
			return err_new("output: username and password_file go together");
		if (c->username != NULL && c->api_key_file != NULL)
			return err_new(
			    "output: either username and password_file, or api_key_file");
	} else if (strcmp(s->output.type, "file") == 0) {
		c->kind = OUTPUT_FILE;
		if (c->path == NULL)
			return err_new("output.path: the file for the documents is not set");
	} else
		c->kind = OUTPUT_STDOUT;
	return NULL;
}

struct err *
build_dialect(struct dialect *out, const struct settings *s)
{
	char *end;
	unsigned long port;

	*out = (struct dialect){
		.natural_ports = !s->decoder.swapped_ports,
		.events =
		    strcmp(s->decoder.events, "smartos") == 0 ? EVENTS_SMARTOS : EVENTS_ILLUMOS,
		.record_max = (uint32_t)s->limits.max_frame,
	};
	if (s->decoder.service_ports.count > DIALECT_SERVICES)
		return err_new("decoder.service_ports: at most %d", DIALECT_SERVICES);
	for (size_t i = 0; i < s->decoder.service_ports.count; i++) {
		port = strtoul(s->decoder.service_ports.items[i], &end, 10);
		if (*end != '\0' || port == 0 || port > 65535)
			return err_new("decoder.service_ports.%zu: \"%s\" is not a port", i + 1,
			    s->decoder.service_ports.items[i]);
		out->services[out->service_count++] = (uint16_t)port;
	}
	return NULL;
}

struct err *
build_script(struct script **out, const struct settings *s)
{
	struct script_config config = {
		.directory = s->rules.directory,
		.index = s->index,
		.max_heap = (size_t)s->rules.max_heap,
		.time_limit = (unsigned)s->rules.time_limit,
	};

	return script_open(out, &config);
}

void
build_free(struct build_wire *wire, struct build_output *output)
{
	(void)output;
	for (size_t i = 0; i < wire->config.listener_count; i++)
		free((void *)(uintptr_t)wire->listeners[i].dummy_from);
	free(wire->listeners);
	*wire = (struct build_wire){ 0 };
}

/* The settings as text, without those that a reload changes. */
static void
fixed_text(const struct settings *s, struct buf *out)
{
	struct settings kept = *s;

	kept.rules = (typeof(kept.rules)){ 0 };
	kept.index = "";
	kept.log.level = "";
	settings_print(&kept, out);
}

void
build_tell_restart(const struct settings *old, const struct settings *fresh)
{
	struct buf before = { 0 }, after = { 0 };

	fixed_text(old, &before);
	fixed_text(fresh, &after);
	if (!str_equal(buf_view(&before), buf_view(&after)))
		log_warn("restart_needed",
		    log_s("reloaded",
			"rules, index and log; the others stay as they were at the start"));
	buf_fini(&before);
	buf_fini(&after);
}
