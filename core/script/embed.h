/* embed: the Lua library that is part of the program. The table is made by embed.lua from lua/. */
#ifndef SCRIPT_EMBED_H
#define SCRIPT_EMBED_H

#include <stddef.h>

struct embedded {
	const char *module; /* "auditrecv.rule" */
	const char *bytes;
	size_t size;
};

extern const struct embedded embedded_modules[];
extern const size_t embedded_count;

#endif
