/*
 * sources: the bytes of rule files and of the modules that they require, read once, so that a
 * state can be built again from them.
 */
#ifndef SCRIPT_SOURCES_H
#define SCRIPT_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SOURCE_MOST ((size_t)4 << 20) /* bytes of one file */

struct source {
	char *name; /* below the directory: "cron_noise.lua", "site/names.lua" */
	char *bytes;
	size_t size;
	bool is_rule; /* stands in the directory itself; the others are modules */
};

struct sources {
	char *directory;      /* as it was given; NULL: no rules */
	int fd;               /* of the directory, while modules may still be read; else -1 */
	struct source **list; /* each stays where it is while more are read */
	size_t count;
	char hash[65]; /* hex SHA-256 over names and bytes, once closed */
};

/*
 * Reads DIRECTORY/ *.lua in the order of their names, hidden files left out. Directory and files
 * have to belong to root or to the user that we run as, and nobody else may be able to write them.
 * NULL: no rules.
 */
struct err *sources_open(struct sources *s, const char *directory) MUST_USE;
/*
 * Module "site.names" is the file site/names.lua. NULL in *out when there is none. It is read on
 * first demand, as long as sources_close() has not been called. The source belongs to s.
 */
struct err *sources_module(
    struct sources *s, const char *module, const struct source **out) MUST_USE;
/* No more files are read from here on. */
void sources_close(struct sources *s);
/* Zeroed with fd -1 is fine. */
void sources_fini(struct sources *s);

#endif
