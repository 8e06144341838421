/*
 * sink: what a walk over a record feeds: JSON, a Lua table, a search for one value.
 *
 * A value is an integer, a text, an object (keys and values) or a list. Text is always valid UTF-8
 * and valid only during the call. A `word` is a text known to be ASCII without control characters,
 * quote and backslash, for sinks that would otherwise look at every byte. Inside an object each
 * value is preceded by its key; the key of a top-level field is given likewise.
 */
#ifndef BSM_SINK_H
#define BSM_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "bsm/keys.h"

struct sink_ops {
	void (*open_object)(void *sink);
	void (*close_object)(void *sink);
	void (*open_list)(void *sink);
	void (*close_list)(void *sink);
	void (*key)(void *sink, enum key key); /* a name of ours: key_names[key] */
	void (*data_key)(
	    void *sink, const char *name, size_t len); /* a name from the record, valid UTF-8 */
	void (*integer)(void *sink, int64_t value);
	void (*text)(void *sink, const char *at, size_t len);
	void (*word)(void *sink, const char *at, size_t len);
	/* Key and value in one, for a sink that saves by it; may be NULL. */
	void (*key_integer)(void *sink, enum key key, int64_t value);
};

#endif
