#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cmd/cmd.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{ "serve", cmd_serve, "receive audit trails and index them" },
	{ "check", cmd_check, "check settings and rules, and print them" },
	{ "decode", cmd_decode, "turn trail files into documents" },
	{ "send", cmd_send, "send trail files to a receiver" },
	{ "template", cmd_template, "show, check or install the index template" },
};

static void
usage(FILE *to)
{
	fputs("usage: auditrecv COMMAND [OPTION...]\n\n"
	      "Receives the audit trails of illumos and Solaris hosts, and makes documents of "
	      "them.\n\n",
	    to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].about);
	fputs("\nauditrecv COMMAND --help tells the options of each.\n"
	      "Exit status: 0 fine, 1 failed, 2 wrong usage.\n",
	    to);
}

int
cmd_misused(const char *name, const char *reason)
{
	fprintf(stderr, "auditrecv %s: %s\nauditrecv %s --help tells how to use it\n", name, reason,
	    name);
	return CMD_USAGE;
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return CMD_USAGE;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return CMD_FINE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("auditrecv " AUDITRECV_VERSION);
		return CMD_FINE;
	}
	fprintf(stderr, "auditrecv: there is no command \"%s\"\n\n", argv[1]);
	usage(stderr);
	return CMD_USAGE;
}
