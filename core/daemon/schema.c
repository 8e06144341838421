/* schema: every setting with its type, range, default and help. */
#include "daemon/settings.h"

#define HERE(member)    offsetof(struct settings, member)
#define IN(member)      offsetof(struct settings_listener, member)
#define GROUP(member)   offsetof(struct settings_group, member)
#define SERVICE(member) offsetof(struct settings_service, member)
#define KIB             1024.0
#define MIB             (1024.0 * 1024)
#define GIB             (1024.0 * 1024 * 1024)
#define INTEGER(n, o, i, lo, hi, h)                                                         \
	{                                                                                   \
		.name = n, .type = SETTING_INTEGER, .offset = o, .initial = i, .least = lo, \
		.most = hi, .help = h                                                       \
	}
#define SECONDS(n, o, i, lo, hi, h)                                                         \
	{                                                                                   \
		.name = n, .type = SETTING_SECONDS, .offset = o, .initial = i, .least = lo, \
		.most = hi, .help = h                                                       \
	}
#define TEXT(n, o, i, h)                                                              \
	{                                                                             \
		.name = n, .type = SETTING_TEXT, .offset = o, .initial = i, .help = h \
	}
#define CHOICE(n, o, i, c, h)                                                               \
	{                                                                                   \
		.name = n, .type = SETTING_CHOICE, .offset = o, .initial = i, .choices = c, \
		.help = h                                                                   \
	}
#define BOOL(n, o, i, h)                                                              \
	{                                                                             \
		.name = n, .type = SETTING_BOOL, .offset = o, .initial = i, .help = h \
	}
#define SWITCH(n, o, h)                                                   \
	{                                                                 \
		.name = n, .type = SETTING_SWITCH, .offset = o, .help = h \
	}
#define LIST(n, o, i, h)                                                                   \
	{                                                                                  \
		.name = n, .type = SETTING_TEXT_LIST, .offset = o, .initial = i, .help = h \
	}
#define TABLE(n, t, h)                                                  \
	{                                                               \
		.name = n, .type = SETTING_TABLE, .inner = t, .help = h \
	}
#define END                  \
	{                    \
		.name = NULL \
	}

static const char *const output_types[] = { "stdout", "file", "elasticsearch", NULL };
static const char *const event_tables[] = { "illumos", "smartos", NULL };
static const char *const acks[] = { "journaled", "indexed", NULL };
static const char *const full_policies[] = { "withhold", "shed", NULL };
static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };

static const struct setting listener_schema[] = {
	TEXT("address", IN(address), NULL,
	    "Address or name to listen on. Not set: every address of the machine, IPv4 and IPv6."),
	INTEGER("port", IN(port), "16162", 0, 65535,
	    "TCP port; 0 takes any free one, which the log names."),
	LIST("mechanisms", IN(mechanisms), "{}",
	    "GSS mechanisms that senders may use here: \"kerberos_v5\"; or \"dummy\", which has "
	    "no security at all and is for isolated networks."),
	LIST("dummy_from", IN(dummy_from), "{}",
	    "Addresses and networks whose senders may use the mechanism \"dummy\"; nobody else "
	    "may."),
	LIST("principals", IN(principals), "{}",
	    "Kerberos principals that may send here, beside those that groups name; nobody "
	    "else may. Each is exact, host/db1.example.net@EXAMPLE.NET, or a pattern of hosts, "
	    "host/*.example.net@EXAMPLE.NET, where * stands for one or more characters. The "
	    "realm is always given, and compared exactly; case does not matter in host names."),
	END,
};

static const struct setting kerberos_schema[] = {
	TEXT("keytab", HERE(kerberos.keytab), NULL,
	    "File with the keys of audit/HOST@REALM, for every name by which senders know this "
	    "receiver. It must belong to us or to root, and nobody else may read it. It is read "
	    "again when it changes."),
	BOOL("weak_encryption", HERE(kerberos.weak_encryption), "false",
	    "Let senders use encryption types that are broken (DES, 3DES, RC4)."),
	INTEGER("workers", HERE(kerberos.workers), NULL, 0, 64,
	    "Threads that decrypt and sign; 0: none, the event loop does it. Not set: one a "
	    "core, four at most."),
	END,
};

static const struct setting group_schema[] = {
	TEXT("name", GROUP(name), NULL,
	    "Name of the group: small letters, digits, - and _. The group of everybody who is "
	    "in no other one is called \"default\"."),
	LIST("principals", GROUP(principals), "{}",
	    "Kerberos principals of its senders, as in listen.principals; they may send to any "
	    "listener that has \"kerberos_v5\"."),
	LIST("addresses", GROUP(addresses), "{}",
	    "Addresses and networks of its senders with the mechanism \"dummy\". They have to "
	    "be allowed by dummy_from of a listener, too."),
	TEXT("index", GROUP(index), NULL, "As the setting index, for this group."),
	TEXT("rules", GROUP(rules), NULL, "As the setting rules.directory, for this group."),
	CHOICE("events", GROUP(events), NULL, event_tables,
	    "As the setting decoder.events, for this group."),
	SWITCH("swapped_ports", GROUP(swapped_ports),
	    "As the setting decoder.swapped_ports, for this group."),
	LIST("service_ports", GROUP(service_ports), NULL,
	    "As the setting decoder.service_ports, for this group."),
	INTEGER("max_in_flight", GROUP(max_in_flight), NULL, 64 * KIB, 64 * GIB,
	    "As the setting limits.max_in_flight_sender, for each sender of this group."),
	CHOICE("ack", GROUP(ack), NULL, acks, "As the setting ack, for this group."),
	END,
};

static const struct setting limits_schema[] = {
	INTEGER("max_frame_login", HERE(limits.max_frame_login), "16 * 1024", 64, MIB,
	    "Bytes of a frame before its sender is authenticated."),
	INTEGER("max_frame", HERE(limits.max_frame), "8 * 1024 * 1024", 64 * KIB, GIB,
	    "Bytes of a frame, and so of a record. A longer one is read past, its head is set "
	    "aside in the dead letters, and it is acknowledged."),
	INTEGER("kept_head", HERE(limits.kept_head), "64 * 1024", KIB, 64 * MIB,
	    "Bytes that are kept of a record longer than max_frame."),
	INTEGER("max_connections", HERE(limits.max_connections), "4096", 1, 1000000,
	    "Connections at the same time."),
	TEXT("startups", HERE(limits.startups), "\"256:30:1024\"",
	    "Connections at the same time whose senders are not authenticated yet, as "
	    "begin:rate:full. From begin on, a new one is refused with a probability of rate "
	    "percent, which grows to 100 at full. A number alone is full without refusals: there, "
	    "a new one costs the oldest of them."),
	INTEGER("max_rate", HERE(limits.max_rate), "1200", 0, 1e9,
	    "Connections that one address (with IPv6: one /64 network) may open in a minute; 0: "
	    "any number."),
	SECONDS("login_grace_time", HERE(limits.login_grace_time), "10", 0.1, 3600,
	    "Seconds that a connection has to authenticate before it is closed."),
	INTEGER("max_in_flight_sender", HERE(limits.max_in_flight_sender), "64 * 1024 * 1024",
	    64 * KIB, 64 * GIB,
	    "Bytes received over one connection of a sender and not settled. At this cap reading "
	    "from it stops; the connection stays."),
	INTEGER("max_in_flight", HERE(limits.max_in_flight), "256 * 1024 * 1024", 64 * KIB,
	    1024 * GIB,
	    "Bytes received and not settled, of all senders. At this cap reading stops, from "
	    "those first that hold more than their share."),
	END,
};

static const struct setting rules_schema[] = {
	TEXT("directory", HERE(rules.directory), NULL,
	    "Directory of the rules: every file *.lua in it, in file-name order. Not set: no "
	    "rules run."),
	INTEGER("max_heap", HERE(rules.max_heap), "64 * 1024 * 1024", MIB, 64 * GIB,
	    "Bytes that the rules may hold in memory."),
	INTEGER("time_limit", HERE(rules.time_limit), "100", 10, 60000,
	    "Milliseconds that the rules of one record may run; a rule that runs longer is "
	    "stopped and counted as failed."),
	END,
};

static const struct setting decoder_schema[] = {
	CHOICE("events", HERE(decoder.events), "\"illumos\"", event_tables,
	    "Numbers of the events 313 to 318: as illumos has them, or as SmartOS had them "
	    "about 2019."),
	BOOL("swapped_ports", HERE(decoder.swapped_ports), "true",
	    "Senders are little-endian (x86), so that ports in terminal ids and socket tokens "
	    "arrive with swapped bytes."),
	LIST("service_ports", HERE(decoder.service_ports), "{}",
	    "Ports of login services beyond the usual ones (21 22 23 79 512 513 514 543 544); "
	    "they tell a network login from a device."),
	END,
};

static const struct setting output_schema[] = {
	CHOICE("type", HERE(output.type), "\"stdout\"", output_types, "Where documents go."),
	LIST("urls", HERE(output.urls), "{}",
	    "Elasticsearch or OpenSearch nodes, each \"http://host:9200\" or "
	    "\"https://host:9200\"; requests go to those that are well."),
	TEXT("username", HERE(output.username), NULL,
	    "User for basic authentication; with password_file."),
	TEXT("password_file", HERE(output.password_file), NULL,
	    "File that holds the password. It must belong to us or to root, and nobody else may "
	    "read it."),
	TEXT("api_key_file", HERE(output.api_key_file), NULL,
	    "File that holds an API key in its encoded form, instead of user and password."),
	TEXT("ca_file", HERE(output.ca_file), NULL,
	    "CA certificates (PEM) for https. Not set: those of the system."),
	BOOL("plain_credentials", HERE(output.plain_credentials), "false",
	    "Let credentials travel over plain http to another machine, where anybody on the way "
	    "can read them."),
	BOOL("gzip", HERE(output.gzip), "false",
	    "Compress requests: a tenth of the bytes for some processor time."),
	INTEGER("max_documents", HERE(output.max_documents), "2000", 1, 100000,
	    "Documents in one bulk request."),
	INTEGER("max_bytes", HERE(output.max_bytes), "5 * 1024 * 1024", 16 * KIB, 100 * MIB,
	    "Bytes of one bulk request, before compression."),
	INTEGER("max_in_flight", HERE(output.max_in_flight), "4", 1, 64,
	    "Bulk requests at the same time."),
	INTEGER("max_held_bytes", HERE(output.max_held_bytes), "32 * 1024 * 1024", MIB, 64 * GIB,
	    "Bytes of documents that wait, are in flight or are to be tried again. At this cap "
	    "no further record is taken up. Those of an index that takes nothing may fill half "
	    "of it; what is more goes back to the journal, if there is one."),
	SECONDS("request_timeout", HERE(output.request_timeout), "75", 1, 3600,
	    "Seconds until a request without answer is sent again. Keep it above 60: a server "
	    "whose neighbour hangs answers after half a minute."),
	SECONDS("retry_for", HERE(output.retry_for), "600", 1, 1e9,
	    "Seconds that a document with an unknown server error (5xx) is tried again before "
	    "it goes to the dead letters."),
	TEXT("template_name", HERE(output.template_name), "\"auditrecv\"",
	    "Name of our index template on the server."),
	TEXT("template_pattern", HERE(output.template_pattern), "\"audit-*\"",
	    "Index names that our index template is for."),
	TEXT("path", HERE(output.path), NULL,
	    "File that documents are written to, one JSON line each (type \"file\")."),
	INTEGER("rotate_bytes", HERE(output.rotate_bytes), "0", 0, 1024 * GIB,
	    "Begin a new file at this size; 0: never."),
	INTEGER("rotate_keep", HERE(output.rotate_keep), "0", 0, 10000,
	    "Older files that are kept; 0: all."),
	END,
};

static const struct setting journal_schema[] = {
	TEXT("directory", HERE(journal.directory), NULL,
	    "Directory of the journal; it is made when it is not there, and nobody else may "
	    "read it. Not set: there is no journal, and records are acknowledged when they are "
	    "indexed."),
	INTEGER("segment_bytes", HERE(journal.segment_bytes), "64 * 1024 * 1024", MIB, 4 * GIB,
	    "A new file of the journal begins at this size."),
	INTEGER("max_bytes", HERE(journal.max_bytes), "16 * 1024 * 1024 * 1024", 4 * MIB,
	    1024 * 1024 * GIB,
	    "Bytes of the whole journal. When records without a fate fill it, what happens "
	    "is said by when_full."),
	INTEGER("reserve", HERE(journal.reserve), "1024 * 1024 * 1024", 0, 1024 * GIB,
	    "Free bytes that are left to the other users of the file system; below, the "
	    "journal counts as full."),
	SECONDS("keep_for", HERE(journal.keep_for), "0", 0, 1e10,
	    "Seconds for which records are kept after their fate is known: the archive; 0: not "
	    "at all."),
	INTEGER("keep_bytes", HERE(journal.keep_bytes), "0", 0, 1024 * 1024 * GIB,
	    "Bytes of the archive; 0: up to max_bytes."),
	INTEGER("max_memory", HERE(journal.max_memory), "64 * 1024 * 1024", MIB, 64 * GIB,
	    "Bytes of records that wait for the disk, or were read from it."),
	CHOICE("when_full", HERE(journal.when_full), "\"withhold\"", full_policies,
	    "What happens when the journal is full: \"withhold\" acknowledgements, so that the "
	    "senders keep their records; or \"shed\" records of the events in shed first, "
	    "counted."),
	LIST("shed", HERE(journal.shed), "{}",
	    "Names of events that may be shed, such as \"fchown\"."),
	END,
};

static const struct setting service_schema[] = {
	TEXT("name", SERVICE(name), NULL, "Name by which sources in rule files speak of it."),
	TEXT("url", SERVICE(url), NULL,
	    "Where it answers, \"http://host\" or \"https://host\"; either this or file."),
	TEXT("file", SERVICE(file), NULL,
	    "A table in JSON or CSV (told by its first character) instead of a service, of 16 MiB "
	    "at most; read again when it changes."),
	TEXT("ca_file", SERVICE(ca_file), NULL,
	    "CA certificates (PEM) for https. Not set: those of the system."),
	TEXT("cert_file", SERVICE(cert_file), NULL,
	    "Our certificate (PEM), when the service asks for one; with key_file."),
	TEXT("key_file", SERVICE(key_file), NULL,
	    "Its key (PEM). The file must belong to us or to root, and nobody else may read "
	    "it."),
	TEXT("headers_file", SERVICE(headers_file), NULL,
	    "File of lines \"Name: value\", which go with each request. It must belong to us or "
	    "to root, and nobody else may read it."),
	END,
};

static const struct setting lookups_schema[] = {
	{ .name = "services",
	    .type = SETTING_TABLE_LIST,
	    .offset = HERE(lookups.services),
	    .initial = "{}",
	    .inner = service_schema,
	    .inner_size = sizeof(struct settings_service),
	    .count_offset = HERE(lookups.service_count),
	    .help = "Services and files that rules may ask." },
	SECONDS("deadline", HERE(lookups.deadline), "0.5", 0.001, 60,
	    "Seconds that a record waits at most for an answer; then it goes on without, and "
	    "says so in its tags."),
	INTEGER("max_requests", HERE(lookups.max_requests), "8", 1, 1000,
	    "Requests at the same time to one service."),
	INTEGER("max_waiting", HERE(lookups.max_waiting), "10000", 0, 1e7,
	    "Records that may wait for answers at the same time; one more goes on without."),
	INTEGER("max_bytes", HERE(lookups.max_bytes), "64 * 1024 * 1024", MIB, 64 * GIB,
	    "Bytes of answers that are remembered."),
	TEXT("cache_file", HERE(lookups.cache_file), NULL,
	    "File that keeps the answers from one start to the next; written at the stop. What a "
	    "crash loses is asked for again."),
	SECONDS("complete_within", HERE(lookups.complete_within), "0", 0, 86400,
	    "Seconds in which a document that went on without an answer is completed when the "
	    "answer comes: rules see its record again, and it is written over; 0: it is not. At "
	    "most max_waiting documents wait for that. Writing over takes the privilege "
	    "\"index\" on the server."),
	END,
};

static const struct setting dead_letters_schema[] = {
	TEXT("directory", HERE(dead_letters.directory), "\"dead-letters\"",
	    "Directory for records that were set aside, each with its reason; it is made when "
	    "it is not there, and nobody else may read it. `auditrecv journal dead` shows, "
	    "replays and deletes them."),
	INTEGER("max_bytes", HERE(dead_letters.max_bytes), "1024 * 1024 * 1024", 4 * MIB,
	    1024 * GIB,
	    "Size of that directory at which nothing more is set aside: such records stay "
	    "without a fate, with an alarm."),
	SECONDS("keep_for", HERE(dead_letters.keep_for), "0", 0, 1e10,
	    "Seconds for which dead letters are kept; 0: until they are deleted."),
	END,
};

static const struct setting senders_schema[] = {
	SECONDS("alarm_after", HERE(senders.alarm_after), "900", 1, 1e9,
	    "Seconds after which a sender that was connected and has not come back is named in "
	    "an alarm line, with the cure."),
	INTEGER("most", HERE(senders.most), "16384", 1, 1e7,
	    "Senders that are remembered. Beyond, those are forgotten that are gone, were named and have nothing waiting."),
	END,
};

static const struct setting stop_schema[] = {
	SECONDS("time_limit", HERE(stop.time_limit), "45", 0, 3600,
	    "Seconds that a stop may take to settle and acknowledge what has arrived."),
	SECONDS("linger", HERE(stop.linger), "5", 0, 600,
	    "Seconds to read on after our half-close, so that no reset destroys acknowledgements."),
	END,
};

static const struct setting process_schema[] = {
	TEXT("user", HERE(service.user), NULL,
	    "User to become when started as root, once ports are bound and keys are read. Not "
	    "set: we stay who we are."),
	TEXT("group", HERE(service.group), NULL,
	    "Group to become with it. Not set: the first one of that user."),
	BOOL("core_dumps", HERE(service.core_dumps), "false",
	    "Let a crash leave a core file, which holds records and keys."),
	BOOL("seccomp", HERE(service.seccomp), "true",
	    "On Linux, have the kernel refuse every system call that the program has no use for."),
	END,
};

static const struct setting log_schema[] = {
	CHOICE("level", HERE(log.level), "\"info\"", log_levels,
	    "Lines above this level are not written."),
	END,
};

const struct setting settings_schema[] = {
	{ .name = "listen",
	    .type = SETTING_TABLE_LIST,
	    .offset = HERE(listen),
	    .inner = listener_schema,
	    .inner_size = sizeof(struct settings_listener),
	    .count_offset = HERE(listen_count),
	    .help = "Where senders connect to: a list of listeners." },
	TABLE("kerberos", kerberos_schema, "The mechanism \"kerberos_v5\"."),
	{ .name = "groups",
	    .type = SETTING_TABLE_LIST,
	    .offset = HERE(groups),
	    .initial = "{}",
	    .inner = group_schema,
	    .inner_size = sizeof(struct settings_group),
	    .count_offset = HERE(group_count),
	    .help = "Named sets of senders with settings of their own. A sender is in the first "
		    "group that names it; what a group does not set is as for everybody." },
	TEXT("index", HERE(index), "\"audit-%Y-%m-%d\"",
	    "Index of a document that no rule routes, from the event's own UTC time (%Y %m %d "
	    "%H)."),
	CHOICE("ack", HERE(ack), NULL, acks,
	    "When a record is acknowledged, after which its sender forgets it: when it is in "
	    "the journal, or when it is indexed. Not set: \"journaled\" when there is a "
	    "journal."),
	TABLE("limits", limits_schema, "What one peer, and all together, may cost."),
	TABLE("rules", rules_schema, "The rules, and what they may cost."),
	TABLE("decoder", decoder_schema, "What the records themselves do not tell."),
	TABLE("output", output_schema, "Where documents go."),
	TABLE("journal", journal_schema, "Where records are safe until their fate is known."),
	TABLE("lookups", lookups_schema, "Whom rules may ask."),
	TABLE(
	    "dead_letters", dead_letters_schema, "Where records go that cannot become documents."),
	TABLE("senders", senders_schema, "What we expect of senders."),
	TABLE("stop", stop_schema, "How a stop goes."),
	TABLE("service", process_schema, "What the running program may do."),
	TABLE("log", log_schema, "What is said on stderr."),
	END,
};
