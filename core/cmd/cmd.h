/*
 * cmd: the subcommands. Each takes its own arguments (argv[0] is its name) and returns the exit
 * status of the program.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#define CMD_FINE   0
#define CMD_FAILED 1
#define CMD_USAGE  2

int cmd_serve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_template(int argc, char **argv);

/* Prints "auditrecv NAME: REASON", and how to get help; returns CMD_USAGE. */
int cmd_misused(const char *name, const char *reason);

#define AUDITRECV_VERSION "0.1.0"

#endif
