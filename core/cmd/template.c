/*
 * template: the index template that refuses nothing: show it, compare it with a server's, install
 * it there.
 */
#include "output/template.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/source.h"
#include "daemon/build.h"

static const char usage[] =
    "usage: auditrecv template show [--family NAME] [-c FILE] [--set KEY=VALUE]...\n"
    "       auditrecv template check [-c FILE] [--set KEY=VALUE]...\n"
    "       auditrecv template install [--family NAME] [-c FILE] [--set KEY=VALUE]...\n\n"
    "The index template makes Elasticsearch or OpenSearch take every document. show prints it, check compares it with\n"
    "the one on the server of the settings (exit status 1 when they differ), install puts it there.\n\n"
    "      --family NAME    elasticsearch (7 to 9), opensearch (2, 3) or opensearch-1; check and install ask the\n"
    "                       server, show takes elasticsearch where it is not given\n";

static const struct option more[] = {
	{ "family", required_argument, NULL, 'f' },
	{ 0 },
};

static int
show(const struct settings *s, enum server_family family)
{
	struct buf out = { 0 };
	bool good = template_render(&out, family != SERVER_UNKNOWN ? family : SERVER_ELASTICSEARCH,
	    s->output.template_pattern);

	if (good) {
		fwrite(out.at, 1, out.len, stdout);
		if (out.at[out.len - 1] != '\n')
			putchar('\n');
	}
	buf_fini(&out);
	return good && fflush(stdout) == 0 ? CMD_FINE : CMD_FAILED;
}

static int
failed(struct err *e)
{
	fprintf(stderr, "auditrecv template: %s\n", err_text(e));
	err_free(e);
	return CMD_FAILED;
}

static int
check(const struct output_config *config)
{
	struct template_report report;
	struct err *e;

	if ((e = template_check(config, &report)) != NULL)
		return failed(e);
	printf("server: %s\ntemplate %s: %s\n", report.server, config->template_name,
	    template_state_text(report.state));
	return report.state == TEMPLATE_FINE ? CMD_FINE : CMD_FAILED;
}

static int
install(const struct output_config *config, enum server_family family)
{
	struct template_report report;
	struct err *e;

	if ((e = template_install(config, family, &report)) != NULL)
		return failed(e);
	printf("server: %s\ntemplate %s: installed (%s), for new indices that match %s\n",
	    report.server, config->template_name, template_family_name(report.family),
	    config->template_pattern != NULL ? config->template_pattern : "the shipped pattern");
	return CMD_FINE;
}

static int
run(const char *verb, const struct source *source, enum server_family family)
{
	const struct daemon_source *from = &source->daemon;
	struct build_output parts = { 0 };
	struct settings *s;
	struct err *e;
	int status;

	if ((e = settings_read(&s, from->file, from->assignments, from->assignment_count)) != NULL)
		return failed(e);
	if (strcmp(verb, "show") == 0)
		status = show(s, family);
	else if ((e = build_output(&parts, s, NULL)) != NULL)
		status = failed(e);
	else if (parts.config.url_count == 0)
		status = failed(err_new(
		    "output.urls: no server is set: --set 'output.urls={\"https://host:9200\"}'"));
	else if (strcmp(verb, "check") == 0)
		status = check(&parts.config);
	else
		status = install(&parts.config, family);
	settings_free(s);
	return status;
}

int
cmd_template(int argc, char **argv)
{
	struct source source = { 0 };
	enum server_family family = SERVER_UNKNOWN;
	const char *verb = NULL;
	int status = -1, c;

	while ((c = source_option(&source, argc, argv, more, usage, &status)) != -1)
		if (c == 'f' && (family = template_family_named(optarg)) == SERVER_UNKNOWN) {
			status = cmd_misused(
			    argv[0], "--family is elasticsearch, opensearch or opensearch-1");
			break;
		}
	if (status < 0) {
		verb = optind + 1 == argc ? argv[optind] : "";
		if (strcmp(verb, "show") == 0 || strcmp(verb, "check") == 0 ||
		    strcmp(verb, "install") == 0)
			status = run(verb, &source, family);
		else
			status = cmd_misused(argv[0], "say show, check or install");
	}
	source_free(&source);
	return status;
}
