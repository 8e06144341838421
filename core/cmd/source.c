/* source: shared options and those of one command, taken in one go. */
#include "cmd/source.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"

#define OPTIONS_MOST 32

static const char help[] =
    "  -c, --config FILE    settings file, see auditrecv.conf(5)\n"
    "      --set KEY=VALUE  one setting, in the syntax of the file; may be given again\n"
    "  -h, --help           this help\n";

static const struct option shared[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "set", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
};

static int
next_option(int argc, char **argv, const struct option *more)
{
	struct option all[OPTIONS_MOST] = { { 0 } };
	size_t n;

	for (n = 0; n < ARRAY_LEN(shared); n++)
		all[n] = shared[n];
	for (; more != NULL && more->name != NULL && n < OPTIONS_MOST - 1; more++)
		all[n++] = *more;
	return getopt_long(argc, argv, ":c:h", all, NULL);
}

/* Called with the first option, when nothing is there yet. */
static bool
begin(struct source *out, int argc)
{
	if (out->assignments != NULL)
		return true;
	optind = 1;
	opterr = 0;
	out->assignments = calloc((size_t)argc + 1, sizeof(*out->assignments));
	out->daemon.assignments = (const char *const *)out->assignments;
	return out->assignments != NULL;
}

int
source_option(struct source *out, int argc, char **argv, const struct option *more,
    const char *usage, int *status)
{
	int c;

	if (!begin(out, argc)) {
		perror("auditrecv");
		*status = CMD_FAILED;
		return -1;
	}
	while ((c = next_option(argc, argv, more)) != -1)
		switch (c) {
		case 'c': out->daemon.file = optarg; break;
		case 's': out->assignments[out->daemon.assignment_count++] = optarg; break;
		case 'h':
			printf("%s%s%s", usage, more == NULL ? "\n" : "", help);
			*status = CMD_FINE;
			return -1;
		case '?':
		case ':': *status = cmd_bad_option(c, argv); return -1;
		default: return c;
		}
	return -1;
}

int
source_only(struct source *out, int argc, char **argv, const char *usage)
{
	int status = -1;

	*out = (struct source){ 0 };
	while (source_option(out, argc, argv, NULL, usage, &status) != -1)
		;
	if (status < 0 && optind < argc)
		status = cmd_misused(argv[0], "it takes no arguments");
	if (status >= 0)
		source_free(out);
	return status;
}

void
source_free(struct source *s)
{
	free(s->assignments);
	*s = (struct source){ 0 };
}
