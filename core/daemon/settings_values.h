/*
 * settings_values: from Lua values to settings, by the schema. Internal to the reading of settings.
 */
#ifndef DAEMON_SETTINGS_VALUES_H
#define DAEMON_SETTINGS_VALUES_H

#include <lua.h>

#include "daemon/settings.h"

#define SETTINGS_PATH_SIZE 256 /* of the dotted path of a setting */

/* Everything that settings hold, so that one call frees it. */
struct settings_memory {
	struct settings_memory *next;
	char bytes[] __attribute__((aligned(16)));
};

/* One reading: where it comes from, for errors, and where it goes. */
struct reading {
	lua_State *L;
	struct settings *into;
	const char *file; /* NULL: no file */
	struct buf text;  /* of the file */
	size_t heap;      /* bytes that Lua holds */
};

/*
 * The table on top of the stack into a struct; what it leaves out gets its default. path is where the
 * table stands, "" for the whole. May raise for want of memory.
 */
struct err *settings_values(
    struct reading *r, const struct setting *table, void *into, const char *path) MUST_USE;
/* Appends the text of a settings file; an error when it cannot be read or is too large. */
struct err *settings_text(const char *file, struct buf *out) MUST_USE;

#endif
