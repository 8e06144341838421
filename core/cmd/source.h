/* source: the options -c FILE and --set KEY=VALUE, which several commands share. */
#ifndef CMD_SOURCE_H
#define CMD_SOURCE_H

#include <stdio.h>

#include "daemon/daemon.h"

struct source {
	struct daemon_source daemon;
	const char	   **assignments;
	int		     first; /* argv index of the first argument that is no option */
};

/* The lines of --help that tell the shared options. */
extern const char source_help[];

/*
 * Reads the options of a command that has no others than these, --help among them, which prints usage. The answer is -1 to go on, or
 * the exit status.
 */
int source_options(struct source *out, int argc, char **argv, const char *usage);
void source_free(struct source *s);

#endif
