/*
 * settings: what the operator decides, as data.
 *
 * A settings file is a Lua table (`return { … }`), read in an empty environment: comments and
 * arithmetic, no code. The schema (schema.c) is closed: it names every setting with its type,
 * range, default and help, and is the one place from which the manual and the sample file are kept
 * true.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SETTINGS_FILE_MOST (1024 * 1024) /* bytes of a settings file */

struct settings_list {
	const char **items; /* NULL-terminated */
	size_t count;
};

#define SETTINGS_NOT_SET (-1) /* a number or a switch without default, when nobody sets it */

struct settings_listener {
	const char *address;
	int64_t port;
	struct settings_list mechanisms;
	struct settings_list dummy_from;
	struct settings_list principals;
};

/* What is not set (NULL, no items, SETTINGS_NOT_SET) is as at the top level. */
struct settings_group {
	const char *name;
	struct settings_list principals, addresses;
	const char *index;
	const char *rules; /* directory */
	const char *events;
	int64_t swapped_ports; /* 0, 1 or SETTINGS_NOT_SET */
	struct settings_list service_ports;
	int64_t max_in_flight;
	const char *ack;
};

/* Of lookups: a service or a file. */
struct settings_service {
	const char *name, *url, *file;
	const char *ca_file, *cert_file, *key_file, *headers_file;
};

struct settings {
	struct settings_listener *listen;
	size_t listen_count;
	struct {
		const char *keytab;
		bool weak_encryption;
		int64_t workers; /* SETTINGS_NOT_SET: one a core, four at most */
	} kerberos;
	struct settings_group *groups;
	size_t group_count;
	const char *index;
	const char *ack; /* NULL: "journaled" with a journal, else "indexed" */
	struct {
		int64_t max_frame_login, max_frame, kept_head;
		int64_t max_connections, max_rate;
		const char *startups; /* begin:rate:full */
		double login_grace_time;
		int64_t max_in_flight_sender, max_in_flight;
	} limits;
	struct {
		const char *directory;
		int64_t max_heap, time_limit;
	} rules;
	struct {
		const char *events;
		bool swapped_ports;
		struct settings_list service_ports;
	} decoder;
	struct {
		const char *type;
		struct settings_list urls;
		const char *username, *password_file, *api_key_file, *ca_file;
		bool plain_credentials, gzip;
		int64_t max_documents, max_bytes, max_in_flight, max_held_bytes;
		double request_timeout, retry_for;
		const char *template_name, *template_pattern;
		const char *path;
		int64_t rotate_bytes, rotate_keep;
	} output;
	struct {
		const char *directory;
		int64_t segment_bytes, max_bytes, reserve;
		double keep_for;
		int64_t keep_bytes, max_memory;
		const char *when_full;
		struct settings_list shed;
	} journal;
	struct {
		struct settings_service *services;
		size_t service_count;
		double deadline;
		int64_t max_requests, max_waiting, max_bytes;
		const char *cache_file;
		double complete_within;
	} lookups;
	struct {
		const char *directory;
		int64_t max_bytes;
		double keep_for;
	} dead_letters;
	struct {
		double alarm_after;
		int64_t most;
	} senders;
	struct {
		double time_limit, linger;
	} stop;
	struct {
		const char *user, *group;
		bool core_dumps, seccomp;
	} service;
	struct {
		const char *level;
	} log;
	struct settings_memory *memory; /* everything above that is not static */
};

enum setting_type {
	SETTING_BOOL,
	SETTING_SWITCH, /* true, false or not set; int64_t */
	SETTING_INTEGER,
	SETTING_SECONDS,   /* a number, double */
	SETTING_TEXT,      /* NULL when not set */
	SETTING_CHOICE,    /* a text from a list */
	SETTING_TEXT_LIST, /* of texts or integers; items is NULL when not set */
	SETTING_TABLE,     /* of settings */
	SETTING_TABLE_LIST,
};

/* One row of the schema. A list of rows ends with one without name. */
struct setting {
	const char *name;
	enum setting_type type;
	size_t offset;               /* in the struct that holds the table */
	const char *initial;         /* the default, in the file's own syntax; NULL: not set */
	double least, most;          /* of numbers */
	const char *const *choices;  /* NULL-terminated */
	const char *help;            /* one or two sentences, without markup */
	const struct setting *inner; /* of tables */
	size_t inner_size;           /* SETTING_TABLE_LIST: of one element */
	size_t count_offset; /* SETTING_TABLE_LIST: where the number of elements goes (size_t) */
};

extern const struct setting settings_schema[];

/*
 * Reads a file (NULL: none, defaults only), then applies assignments "key.inner=VALUE" in the
 * file's syntax, in their order. Errors name file and line, or the assignment. The result is the
 * caller's: settings_free().
 */
struct err *settings_read(struct settings **out, const char *file, const char *const *assignments,
    size_t assignment_count) MUST_USE;
/*
 * Puts "FILE:LINE: " in front of an error whose text begins with the path of a setting and a colon,
 * if that setting stands in the file (NULL: none). Takes the error over; NULL stays NULL.
 */
struct err *settings_blame(struct err *e, const char *file) MUST_USE;
/* NULL is fine. */
void settings_free(struct settings *s);

/* Appends the settings in force as a file that settings_read() takes. */
void settings_print(const struct settings *s, struct buf *out);
/* Appends a sample file: every setting with its help, commented out at its default. */
void settings_sample(struct buf *out);

/*
 * The line of the setting with this dotted path ("output.urls", "listen.1.port") in the text of a
 * settings file; 0 when it cannot be told.
 */
unsigned settings_line(const char *text, size_t len, const char *path);

#endif
