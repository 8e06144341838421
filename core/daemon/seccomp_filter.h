/*
 * seccomp_filter: on Linux, the system calls that a receiver uses while it runs, and no others. A
 * call that is not on the list is refused by the kernel (ENOSYS, so that libraries fall back to an
 * older one; EPERM for those that nobody but an intruder would make), on every thread, for good.
 */
#ifndef DAEMON_SECCOMP_FILTER_H
#define DAEMON_SECCOMP_FILTER_H

#include <stdbool.h>

#include "base/err.h"

/* Was the program built with it? */
bool seccomp_filter_is_built_in(void);
/*
 * From here on. Takes no_new_privs for granted. Where it is not built in, nothing happens; a kernel
 * that has no filters is a warning, since the receiver is worth more than its armour.
 */
struct err *seccomp_filter_enter(void) MUST_USE;

#endif
