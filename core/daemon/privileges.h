/*
 * privileges: what the process may do, given up in two steps.
 *
 * A start may need root: to bind a port below 1024, to read keys that only root may read. Nothing
 * that comes from a peer needs any of it. So the start happens as the unprivileged user already,
 * with as much of root's power left as these two take, and before the first record even that goes.
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <stdbool.h>

#include "base/err.h"

struct settings;

struct privileges {
	const char *user, *group; /* NULL: stay who we are; group NULL: the user's own */
	bool core_dumps;          /* a core holds records, and may hold keys */
	bool seccomp;             /* Linux: only the system calls that we use */
	bool low_port;            /* a port below 1024 is to be bound */
};

/* What the settings ask for; borrows their texts. */
struct privileges privileges_wanted(const struct settings *s);

/*
 * Step one, before anything is opened and before the first thread: files that we make are for
 * nobody else, no core dumps, and from root to the user with all its groups.
 */
struct err *privileges_lower(const struct privileges *p) MUST_USE;
/*
 * Step two, when everything is opened and bound: the rest. Fails when something of it could still
 * be had back. From here on no program can be started.
 */
struct err *privileges_drop(const struct privileges *p) MUST_USE;

#endif
