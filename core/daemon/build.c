/* build: the configuration of wire, output, journal, dead letters, pipeline and lookups. */
#include "daemon/build.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "bsm/names.h"
#include "daemon/item.h"

#define WORKERS_MOST   4                   /* threads for Kerberos, when nobody says how many */
#define LETTERS_MEMORY (16u * 1024 * 1024) /* bytes of dead letters that wait for the disk */

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

static struct err *
build_mechanisms(struct wire_listener *out, const struct settings_listener *in, size_t number)
{
	for (size_t i = 0; i < in->mechanisms.count; i++) {
		const char *name = in->mechanisms.items[i];

		if (strcmp(name, "dummy") == 0)
			out->dummy = true;
		else if (strcmp(name, "kerberos_v5") == 0)
			out->kerberos = true;
		else
			return err_new("listen.%zu.mechanisms: \"%s\" is not a mechanism that this "
				       "program has; it has \"kerberos_v5\" and \"dummy\"",
			    number, name);
	}
	if (!out->dummy && !out->kerberos)
		return err_new(
		    "listen.%zu: no mechanism is allowed, so nobody could send; set mechanisms",
		    number);
	return NULL;
}

static struct err *
build_dummy(struct wire_listener *out, const struct settings_listener *in, size_t number)
{
	struct addr_net *nets;
	struct err *e;

	if (!out->dummy)
		return in->dummy_from.count == 0 ? NULL
						 : err_new("listen.%zu.dummy_from: \"dummy\" is "
							   "not among the mechanisms",
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

/* The lists themselves are checked where they are read (admission.h). */
static struct err *
check_principals(const struct wire_listener *l, const struct settings *s, size_t number)
{
	size_t count = s->listen[number - 1].principals.count;

	if (!l->kerberos)
		return count == 0 ? NULL
				  : err_new("listen.%zu.principals: \"kerberos_v5\" is not among "
					    "the mechanisms",
					number);
	for (size_t i = 0; i < s->group_count; i++)
		count += s->groups[i].principals.count;
	if (count == 0)
		return err_new("listen.%zu: \"kerberos_v5\" is allowed, but for nobody: list the "
			       "senders in principals, such as \"host/*.example.net@EXAMPLE.NET\"",
		    number);
	if (s->kerberos.keytab == NULL)
		return err_new(
		    "listen.%zu: \"kerberos_v5\" needs our keys: set kerberos.keytab", number);
	return NULL;
}

static struct err *
build_listener(struct wire_listener *out, const struct settings *s, size_t number)
{
	const struct settings_listener *in = &s->listen[number - 1];
	struct err *e;

	out->address = in->address;
	out->port = (uint16_t)in->port;
	if ((e = check_address(in, number)) != NULL ||
	    (e = build_mechanisms(out, in, number)) != NULL ||
	    (e = build_dummy(out, in, number)) != NULL)
		return e;
	return check_principals(out, s, number);
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

static unsigned
workers(int64_t wanted)
{
	long cores;

	if (wanted != SETTINGS_NOT_SET)
		return (unsigned)wanted;
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 1 ? 1 : cores > WORKERS_MOST ? WORKERS_MOST : (unsigned)cores;
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
		.workers = workers(s->kerberos.workers),
		.kerberos = { .keytab = s->kerberos.keytab,
		    .weak_encryption = s->kerberos.weak_encryption },
		.record_cost = ITEM_COST,
		.linger = s->stop.linger,
	};
	if ((e = build_startups(&out->config, s->limits.startups)) != NULL)
		return e;
	for (size_t i = 0; i < s->listen_count; i++)
		if ((e = build_listener(&out->listeners[i], s, i + 1)) != NULL)
			return e;
	return NULL;
}

/*
 * What paused indices may hold: half of what the output may, and not so much that their records
 * fill the journal's memory.
 */
static size_t
parked_bytes(const struct settings *s)
{
	uint64_t most = (uint64_t)s->output.max_held_bytes / 2;
	uint64_t memory = (uint64_t)s->journal.max_memory / 4;

	return (size_t)(memory < most ? memory : most);
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
		.max_parked_bytes = parked_bytes(s),
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

/*
 * A journal that is full keeps room for what has been received and not acknowledged when we stop:
 * else all those hosts would have full windows, and never come back.
 */
static uint64_t
last_part(const struct settings *s)
{
	uint64_t part = (uint64_t)s->journal.max_bytes / 16;

	return part < (uint64_t)s->journal.max_memory ? part : (uint64_t)s->journal.max_memory;
}

/* What the journal is opened with. */
void
build_journal(struct journal_config *out, const struct settings *s)
{
	*out = (struct journal_config){
		.directory = s->journal.directory,
		.segment_bytes = (uint64_t)s->journal.segment_bytes,
		.max_bytes = (uint64_t)s->journal.max_bytes,
		.reserve = (uint64_t)s->journal.reserve,
		.last_part = last_part(s),
		.keep_for = s->journal.keep_for,
		.keep_bytes = (uint64_t)s->journal.keep_bytes,
		.max_memory = (uint64_t)s->journal.max_memory,
	};
}

void
build_dead(struct dead_config *out, const struct settings *s)
{
	*out = (struct dead_config){
		.directory = s->dead_letters.directory,
		.max_bytes = (uint64_t)s->dead_letters.max_bytes,
		.keep_for = s->dead_letters.keep_for,
		.max_memory = LETTERS_MEMORY,
	};
}

struct err *
build_pipeline(struct pipeline_config *out, const struct settings *s)
{
	bool shed = strcmp(s->journal.when_full, "shed") == 0;

	*out = (struct pipeline_config){ .quantum = 64,
		.budget = 65536,
		.max_memory = (size_t)s->journal.max_memory,
		.complete_within = s->lookups.complete_within,
		.late_most = (size_t)s->lookups.max_waiting,
		.shed = (const char *const *)s->journal.shed.items,
		.shed_count = shed ? s->journal.shed.count : 0 };
	if (s->lookups.complete_within > 0 && strcmp(s->output.type, "elasticsearch") != 0)
		return err_new("lookups.complete_within: only documents in Elasticsearch or "
			       "OpenSearch can be completed; output.type is \"%s\"",
		    s->output.type);
	if (s->journal.directory != NULL && s->journal.segment_bytes > s->journal.max_bytes / 2)
		return err_new("journal.max_bytes: it has to hold two segments at least "
			       "(journal.segment_bytes)");
	if (shed && s->journal.shed.count == 0)
		return err_new("journal.when_full: \"shed\" needs to be told which events: list "
			       "their names in journal.shed");
	if (!shed && s->journal.shed.count > 0)
		return err_new("journal.shed: nothing is shed unless journal.when_full = \"shed\"");
	for (size_t i = 0; i < s->journal.shed.count; i++)
		if (!names_event_exists(str_of(s->journal.shed.items[i])))
			return err_new("journal.shed.%zu: there is no event \"%s\"", i + 1,
			    s->journal.shed.items[i]);
	return NULL;
}

static struct err *
check_service(const struct settings *s, size_t place)
{
	const struct settings_service *in = &s->lookups.services[place];
	size_t number = place + 1;

	if (in->name == NULL || in->name[0] == '\0')
		return err_new("lookups.services.%zu: the service has no name", number);
	for (size_t i = 0; i < place; i++)
		if (strcmp(s->lookups.services[i].name, in->name) == 0)
			return err_new("lookups.services.%zu.name: there is a service \"%s\" "
				       "already",
			    number, in->name);
	if ((in->url != NULL) == (in->file != NULL))
		return err_new("lookups.services.%zu: either url or file has to be set", number);
	if ((in->cert_file != NULL) != (in->key_file != NULL))
		return err_new("lookups.services.%zu: cert_file and key_file go together", number);
	return NULL;
}

struct err *
build_lookup(struct build_lookup *out, const struct settings *s)
{
	size_t count = s->lookups.service_count;
	struct err *e;

	if ((out->services = calloc(count + 1, sizeof(*out->services))) == NULL)
		return err_sys("lookups");
	out->config = (struct lookup_config){
		.services = out->services,
		.service_count = count,
		.deadline = s->lookups.deadline,
		.max_requests = (unsigned)s->lookups.max_requests,
		.max_waiters = (size_t)s->lookups.max_waiting,
		.max_bytes = (size_t)s->lookups.max_bytes,
		.cache_file = s->lookups.cache_file,
	};
	for (size_t i = 0; i < count; i++) {
		const struct settings_service *in = &s->lookups.services[i];

		if ((e = check_service(s, i)) != NULL)
			return e;
		out->services[i] = (struct lookup_service){ in->name, in->url, in->file,
			in->ca_file, in->cert_file, in->key_file, in->headers_file };
	}
	return NULL;
}

void
build_wire_free(struct build_wire *wire)
{
	for (size_t i = 0; i < wire->config.listener_count; i++)
		free((void *)(uintptr_t)wire->listeners[i].dummy_from);
	free(wire->listeners);
	*wire = (struct build_wire){ 0 };
}

void
build_lookup_free(struct build_lookup *lookup)
{
	free(lookup->services);
	*lookup = (struct build_lookup){ 0 };
}

/* The settings as text, without those that a reload changes. */
static struct err *
fixed_text(const struct settings *s, struct buf *out)
{
	struct settings kept = *s;

	if ((kept.listen = calloc(s->listen_count + 1, sizeof(*kept.listen))) == NULL)
		return err_sys("settings");
	for (size_t i = 0; i < s->listen_count; i++) {
		kept.listen[i] = s->listen[i];
		kept.listen[i].principals = (struct settings_list){ 0 };
	}
	kept.rules = (typeof(kept.rules)){ 0 };
	kept.decoder = (typeof(kept.decoder)){ 0 };
	kept.group_count = 0;
	kept.index = kept.ack = NULL;
	kept.log.level = NULL;
	settings_print(&kept, out);
	free(kept.listen);
	return NULL;
}

void
build_tell_restart(const struct settings *old, const struct settings *fresh)
{
	struct buf before = { 0 }, after = { 0 };
	struct err *e = fixed_text(old, &before);

	if (e == NULL)
		e = fixed_text(fresh, &after);
	if (e != NULL || !str_equal(buf_view(&before), buf_view(&after)))
		log_warn("restart_needed",
		    log_s("reloaded",
			"rules, index, groups, principals, decoder, ack and log; the others stay "
			"as they were at the start"));
	err_free(e);
	buf_fini(&before);
	buf_fini(&after);
}
