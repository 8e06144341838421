/*
 * daemon: everything that `auditrecv serve` runs, put together from settings; `auditrecv check`
 * builds the same and stops short of listening.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>

#include "base/err.h"
#include "daemon/settings.h"

struct daemon;
struct script;

/* Where settings come from; they are read again at each reload. Borrowed for the daemon's life. */
struct daemon_source {
	const char *file; /* NULL: none */
	const char *const *assignments;
	size_t assignment_count;
};

/*
 * Reads the settings, loads the rules, opens output and dead letters. With `dry` everything is
 * checked the same way, but no file is made, locked or changed and no server asked; such a daemon
 * cannot run.
 */
struct err *daemon_open(struct daemon **out, const struct daemon_source *source, bool dry) MUST_USE;
const struct settings *daemon_settings(const struct daemon *d);
const struct script *daemon_rules(const struct daemon *d);
/*
 * Listens and runs until a signal ends it; NULL when everything that had arrived was settled and
 * acknowledged.
 */
struct err *daemon_run(struct daemon *d) MUST_USE;
/* NULL is fine. */
void daemon_close(struct daemon *d);

#endif
