/* check: all that serve does at its start, short of listening; prints settings and rules. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/source.h"
#include "daemon/group.h"
#include "daemon/privileges.h"
#include "script/script.h"

static const char usage[] =
    "usage: auditrecv check [-c FILE] [--set KEY=VALUE]...\n"
    "       auditrecv check --sample\n\n"
    "Does what serve does at its start, short of listening. Prints the settings in force and the "
    "rules in the order\n"
    "in which they run. With --sample it prints a settings file with every setting and its help.\n";

static void
print_rules(const struct group *g, bool alone)
{
	const struct script *s = g->script;
	struct script_rule r;
	const char *phase = "";

	printf("\n-- %s%s%s%zu rule%s, in the order in which they run (hash %.16s)\n",
	    alone ? "" : "group ", alone ? "" : g->name, alone ? "" : ": ", script_rules(s),
	    script_rules(s) == 1 ? "" : "s", script_hash(s));
	for (size_t i = 0; i < script_rules(s); i++) {
		script_rule(s, i, &r);
		printf("-- %-7s %-24s %s (%s)\n", strcmp(phase, r.phase) == 0 ? "" : r.phase,
		    r.name, r.about != NULL ? r.about : "", r.file);
		phase = r.phase;
	}
}

/* Groups that share the rules of "default" are not told again. */
static void
print_groups(struct groups *groups)
{
	const struct group *g;

	for (size_t i = 0; i < groups_count(groups); i++) {
		g = groups_at(groups, i);
		if (i == 0 || g->script != groups_at(groups, 0)->script)
			print_rules(g, groups_count(groups) == 1);
		else
			printf("\n-- group %s: the rules of default\n", g->name);
	}
}

static int
print_sample(void)
{
	struct buf out = { 0 };

	settings_sample(&out);
	fwrite(out.at, 1, out.len, stdout);
	buf_fini(&out);
	return CMD_FINE;
}

/* Checked by root, it is to be right for the user that serve becomes. */
static struct err *
become_user(void *ctx, enum daemon_moment moment, const struct settings *s)
{
	struct privileges p = privileges_wanted(s);

	(void)ctx;
	return moment == DAEMON_SET && p.user != NULL ? privileges_lower(&p) : NULL;
}

int
cmd_check(int argc, char **argv)
{
	struct source source;
	struct daemon *d = NULL;
	struct buf text = { 0 };
	struct err *e;
	int status;

	if (argc == 2 && strcmp(argv[1], "--sample") == 0)
		return print_sample();
	if ((status = source_only(&source, argc, argv, usage)) >= 0)
		return status;
	source.daemon.moment = become_user;
	if ((e = daemon_open(&d, &source.daemon, true)) == NULL) {
		settings_print(daemon_settings(d), &text);
		fwrite(text.at, 1, text.len, stdout);
		print_groups(daemon_groups(d));
	} else
		fprintf(stderr, "%s\n", err_text(e));
	buf_fini(&text);
	daemon_close(d);
	source_free(&source);
	status = e != NULL ? CMD_FAILED : CMD_FINE;
	err_free(e);
	return status;
}
