/*
 * scratch: memory that walks over one record use, kept from record to record. Internal to the room.
 */
#ifndef BSM_SCRATCH_H
#define BSM_SCRATCH_H

#include "base/buf.h"
#include "bsm/record.h"

/* One named thing of an object whose names come from the record. */
struct keyed {
	struct str key;   /* as the document shows it */
	struct str value; /* of what has a text for a value; raw */
	uint32_t token;   /* index of the token */
	uint32_t order;   /* its place among all of its kind, for those with equal names */
	bool odd;         /* key or value is not UTF-8: both are spelled */
};

struct record_scratch {
	struct buf text; /* what is being spelled or put together now */
	struct buf keys; /* spelled keys */
	struct keyed *keyed;
	size_t room;

	struct keyed *env; /* exec_env sorted, once it was asked for (env_ready) */
	size_t env_count, env_room;
	struct buf env_keys;
	bool env_ready, env_has_more;

	struct buf paths; /* escaped.c */
	enum { ESCAPED_UNKNOWN, ESCAPED_NONE, ESCAPED_SOME } escaped;
	bool no_memory; /* something above could not grow during this walk */
};

#endif
