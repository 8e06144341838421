/*
 * privileges_system: the steps of privileges.c that each system has its own way for. Exactly one of
 * privileges_linux.c, privileges_illumos.c and privileges_other.c has a body.
 */
#ifndef DAEMON_PRIVILEGES_SYSTEM_H
#define DAEMON_PRIVILEGES_SYSTEM_H

#include <stdbool.h>

#include "base/err.h"

/* As root, just before the change of user: what the start still needs is to survive it. */
struct err *privileges_keep(bool low_port) MUST_USE;
/* As the user, just after: takes up what survived, and only that. */
struct err *privileges_resume(bool low_port) MUST_USE;
/* Gives everything up that a receiver does not need, and no program or file can give back. */
struct err *privileges_drop_rest(void) MUST_USE;
/* No core, and no debugger of the same user, where not asked for. */
struct err *privileges_hide(bool core_dumps) MUST_USE;

#endif
