/* source: the options -c FILE and --set KEY=VALUE, which several commands share. */
#ifndef CMD_SOURCE_H
#define CMD_SOURCE_H

#include "daemon/daemon.h"

struct option;

struct source {
	struct daemon_source daemon;
	const char **assignments;
};

/*
 * The next option of a command, as getopt_long() gives it: one of the command's own in `more`
 * (NULL: none), or -1 behind the last; arguments then begin at optind. Shared options are taken
 * into out, which begins zeroed. When the command is to end here (--help, wrong usage), *status
 * becomes its exit status and the answer is -1.
 */
int source_option(struct source *out, int argc, char **argv, const struct option *more,
    const char *usage, int *status);
/*
 * The same for a command without options of its own and without arguments: -1 to go on, or the exit
 * status.
 */
int source_only(struct source *out, int argc, char **argv, const char *usage);
void source_free(struct source *s);

#endif
