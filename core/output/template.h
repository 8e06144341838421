/*
 * template: the index templates that we ship, one for each family of servers, and what is on a
 * server.
 *
 * The templates refuse no document for its content. They are files in etc/template, embedded when
 * the program is built.
 */
#ifndef OUTPUT_TEMPLATE_H
#define OUTPUT_TEMPLATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

struct output_config;

enum server_family {
	SERVER_UNKNOWN,
	SERVER_ELASTICSEARCH, /* 7 to 9 */
	SERVER_OPENSEARCH,    /* 2, 3 */
	SERVER_OPENSEARCH_1,
};

/* As shipped. */
extern const struct str template_elasticsearch, template_opensearch, template_opensearch_1;

/* "elasticsearch", "opensearch", "opensearch-1"; of SERVER_UNKNOWN "unknown". */
const char *template_family_name(enum server_family family);
/* SERVER_UNKNOWN: there is no such name. */
enum server_family template_family_named(const char *name);

/* Appends the template of the family, for the indices of this pattern (NULL: as shipped). */
bool template_render(struct buf *out, enum server_family family, const char *pattern) MUST_USE;

/* How what a server has compares with what we ship. */
enum template_state {
	TEMPLATE_FINE,
	TEMPLATE_MISSING,
	TEMPLATE_FOREIGN,   /* one of that name is there, but it is not ours */
	TEMPLATE_OLD,       /* ours, of another version */
	TEMPLATE_PATTERN,   /* ours, for other indices */
	TEMPLATE_OVERRULED, /* ours, but another of higher priority is in force */
	TEMPLATE_UNKNOWN,   /* the server did not say */
};
/* Reads what GET _index_template/NAME answered. */
enum template_state template_compare(
    unsigned status, struct str answer, enum server_family family, const char *pattern);
/*
 * Reads what _simulate_index answered: is it ours that a new index would get? True also where
 * that cannot be told.
 */
bool template_in_force(unsigned status, struct str answer);
/* In words, with what to do. */
const char *template_state_text(enum template_state state);

/* What was found on a server. */
struct template_report {
	enum server_family family;
	char server[64]; /* "Elasticsearch 8.19.5", as far as it said */
	enum template_state state;
	unsigned status; /* of the answer that decided */
};

/*
 * Asks the first node that answers what it is and what template it has; waits for it, in a loop
 * of its own. For commands. The settings are those of the output; template_name has to be set.
 */
struct err *template_check(
    const struct output_config *config, struct template_report *out) MUST_USE;
/* Puts our template there; family SERVER_UNKNOWN: find it out. */
struct err *template_install(const struct output_config *config, enum server_family family,
    struct template_report *out) MUST_USE;

#endif
