/* main: the choice of command, and what is the same for all of them. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	{ "journal", cmd_journal, "look at the journal and its dead letters, replay, export" },
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
cmd_misused(const char *name, const char *reason, ...)
{
	va_list args;

	va_start(args, reason);
	fprintf(stderr, "auditrecv %s: ", name);
	vfprintf(stderr, reason, args);
	fprintf(stderr, "\nauditrecv %s --help tells how to use it\n", name);
	va_end(args);
	return CMD_USAGE;
}

int
cmd_bad_option(int answer, char **argv)
{
	const char *word = argv[optind - 1];
	int name = (int)strcspn(word, "=");

	if (strncmp(word, "--", 2) != 0 || (optopt != 0 && answer != ':' && word[name] == '\0'))
		return cmd_misused(argv[0],
		    answer == ':' ? "-%c wants a value" : "there is no option -%c", optopt);
	return cmd_misused(argv[0],
	    answer == ':' ? "%.*s wants a value"
	    : optopt == 0 ? "there is no option %.*s, or several begin like this"
			  : "%.*s takes no value",
	    name, word);
}

/*
 * A file opened where a standard descriptor is missing would take its number: the log would be
 * written among documents. Each gets a place where nothing is read or written; what is asked of
 * standard input or output still fails.
 */
static void
fill_standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) != fd)
			_exit(CMD_FAILED);
}

/* What was printed has to arrive: a full disk makes a settings file that ends in its middle. */
static int
print_all(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fputs("auditrecv: standard output cannot be written\n", stderr);
	return status == CMD_FINE ? CMD_FAILED : status;
}

int
main(int argc, char **argv)
{
	fill_standard_descriptors();
	if (argc < 2) {
		usage(stderr);
		return CMD_USAGE;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return print_all(commands[i].run(argc - 1, argv + 1));
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return print_all(CMD_FINE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("auditrecv " AUDITRECV_VERSION);
		return print_all(CMD_FINE);
	}
	fprintf(stderr, "auditrecv: there is no command \"%s\"\n\n", argv[1]);
	usage(stderr);
	return CMD_USAGE;
}
