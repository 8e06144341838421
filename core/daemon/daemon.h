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
struct groups;

/* What whoever runs a daemon hears of its life. */
enum daemon_moment {
	DAEMON_SET, /* settings are read, nothing is opened yet: the time to become another user */
	DAEMON_READY,     /* it listens, the rules are loaded; no record was taken yet */
	DAEMON_RELOADING, /* a reload begins … */
	DAEMON_RELOADED,  /* … and has ended, well or not */
	DAEMON_ALIVE,     /* each second, from the loop */
	DAEMON_STOPPING,  /* a stop begins; DAEMON_ALIVE goes on until its end */
};

/* Where settings come from; they are read again at each reload. Borrowed for the daemon's life. */
struct daemon_source {
	const char *file; /* NULL: none */
	const char *const *assignments;
	size_t assignment_count;
	/*
	 * NULL: nobody listens. An error at DAEMON_SET or DAEMON_READY ends the start with it; later
	 * ones are logged.
	 */
	struct err *(*moment)(
	    void *ctx, enum daemon_moment moment, const struct settings *settings);
	void *ctx;
};

/*
 * Reads the settings, loads the rules, opens output and dead letters. With `dry` everything is
 * checked the same way, but no file is made, locked or changed and no server asked; such a daemon
 * cannot run.
 */
struct err *daemon_open(struct daemon **out, const struct daemon_source *source, bool dry) MUST_USE;
const struct settings *daemon_settings(const struct daemon *d);
struct groups *daemon_groups(struct daemon *d);
/* One line about a daemon that runs, for people: connections, records. NUL-terminated. */
void daemon_status(const struct daemon *d, char *out, size_t size);
/*
 * Listens and runs until a signal ends it; NULL when everything that had arrived was settled and
 * acknowledged.
 */
struct err *daemon_run(struct daemon *d) MUST_USE;
/* NULL is fine. */
void daemon_close(struct daemon *d);

#endif
