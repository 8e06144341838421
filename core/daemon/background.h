/*
 * background: a daemon that leaves its terminal. The parent stays until the child says that it is
 * ready, or why it never will be: whoever starts the program knows from its exit status.
 */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

#include <stdbool.h>

#include "base/err.h"

/* The child's end of the line to its parent. Zeroed by background_stay(); fd -1: no parent waits. */
struct background {
	int fd;
};

/* For a daemon that stays in the foreground: everything below then does nothing. */
void background_stay(struct background *b);
/*
 * Forks. In the child it returns NULL; standard input and output are then /dev/null, stderr stays
 * for the log, and so does the working directory. In the parent it returns only where no child
 * could be made (an error): else it waits, prints the reason for a start that failed, and ends the
 * process with 0 or with the child's exit status. Call it before anything is opened, and before
 * the first thread.
 */
struct err *background_start(struct background *b) MUST_USE;
/* Lets the parent go, with success. */
void background_ready(struct background *b);
/*
 * Hands the reason of a failed start to the parent, which prints it; false when no parent waits,
 * and the reason is the caller's to print.
 */
bool background_failed(struct background *b, const struct err *e);

#endif
