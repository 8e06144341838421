#include "cmd/source.h"

#include <getopt.h>
#include <stdlib.h>

#include "cmd/cmd.h"

const char source_help[] = "  -c, --config FILE    settings file (see auditrecv.conf(5))\n"
			   "      --set KEY=VALUE  one setting, in the syntax of the file; may be given again\n"
			   "  -h, --help           this help\n";

int
source_options(struct source *out, int argc, char **argv, const char *usage)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*out = (struct source){ 0 };
	if ((out->assignments = calloc((size_t)argc + 1, sizeof(*out->assignments))) == NULL) {
		perror("auditrecv");
		return CMD_FAILED;
	}
	optind = 1;
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
		switch (c) {
		case 'c': out->daemon.file = optarg; break;
		case 's': out->assignments[out->daemon.assignment_count++] = optarg; break;
		case 'h':
			printf("%s\n%s", usage, source_help);
			source_free(out);
			return CMD_FINE;
		default:
			source_free(out);
			return cmd_misused(argv[0], "wrong usage");
		}
	out->daemon.assignments = (const char *const *)out->assignments;
	out->first = optind;
	return -1;
}

void
source_free(struct source *s)
{
	free(s->assignments);
	*s = (struct source){ 0 };
}
