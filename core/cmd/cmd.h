/*
 * cmd: the subcommands. Each takes its own arguments (argv[0] is its name) and returns the exit
 * status of the program.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/compiler.h"

#define CMD_FINE   0
#define CMD_FAILED 1
#define CMD_USAGE  2

int cmd_serve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_journal(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_template(int argc, char **argv);

/* Prints "auditrecv NAME: REASON", and how to get help; returns CMD_USAGE. */
int cmd_misused(const char *name, const char *reason, ...) PRINTF_LIKE(2, 3);
/*
 * The same for an option that getopt_long() has answered with '?' or, where its short options begin
 * with ':', with ':'. Needs opterr = 0, so that it is not said twice.
 */
int cmd_bad_option(int answer, char **argv);

#define AUDITRECV_VERSION "0.1.0"

#endif
