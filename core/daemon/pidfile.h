/*
 * pidfile: the file that holds the number of our process, for as long as it runs. It is locked, so
 * that one left behind by a crash stops nobody, and a second instance is refused.
 */
#ifndef DAEMON_PIDFILE_H
#define DAEMON_PIDFILE_H

#include "base/err.h"

struct pidfile;

/* Makes the file (0644), or takes one over that nobody has locked. The path is copied. */
struct err *pidfile_open(struct pidfile **out, const char *path) MUST_USE;
/* Removes it; where we may not any more, it becomes empty. NULL is fine. */
void pidfile_close(struct pidfile *p);

#endif
