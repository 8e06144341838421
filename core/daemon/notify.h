/*
 * notify: tells systemd how the service is, by the protocol of sd_notify(3): one datagram, lines of
 * NAME=VALUE, to the socket that NOTIFY_SOCKET names. Without that variable nothing is sent.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

#include "base/err.h"

struct notify;

/*
 * From the environment. *out is NULL when no service manager listens; everything below takes that.
 */
struct err *notify_open(struct notify **out) MUST_USE;
/* A start begins, which takes at most that long. */
void notify_starting(const struct notify *n, double seconds);
void notify_ready(const struct notify *n, const char *status);
/* A reload begins; notify_ready() ends it, well or not. */
void notify_reloading(const struct notify *n);
/* A stop begins, which takes at most that long. */
void notify_stopping(const struct notify *n, double seconds);
/*
 * We live, and this is how: call it each second from what has to be alive. Feeds the watchdog where
 * one watches us, and tells the status when it is another than before.
 */
void notify_alive(struct notify *n, const char *status);
void notify_close(struct notify *n);

#endif
