/* journal: options and choice of subcommand of `auditrecv journal`. */
#include "cmd/journal.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"

static const char usage[] =
    "usage: auditrecv journal ls [--senders] [OPTION...]\n"
    "       auditrecv journal verify [OPTION...]\n"
    "       auditrecv journal cat [--raw] [--pretty] [SELECTION...] [OPTION...]\n"
    "       auditrecv journal export [--out FILE] [SELECTION...] [OPTION...]\n"
    "       auditrecv journal replay [--fill | --overwrite] [--dry-run] [SELECTION...] [OPTION...]\n"
    "       auditrecv journal dead list|show|replay|delete [SELECTION...] [OPTION...]\n\n"
    "Looks at the journal, also while the daemon runs. ls: its segments, the cursor, what waits. verify: is every\n"
    "byte whole? cat: its records as documents, by today's rules. export: as a trail file for praudit and\n"
    "auditreduce. replay: sends them to the output once more, by the same ids. dead: records that were set aside.\n"
    "Exit status: 0 fine, 1 something failed, was damaged or refused, 2 wrong usage.\n\n"
    "Selection:\n"
    "      --sender NAME    of this sender; may be given again\n"
    "      --event NAME     of this event; may be given again\n"
    "      --since TIME     whose event is not older: 2026-03-01, 2026-03-01T12:34:56 (UTC)\n"
    "      --until TIME     whose event is older\n"
    "      --index PREFIX   that go to an index whose name begins so\n"
    "      --reason WORDS   dead letters with this reason\n"
    "      --numbers N-M    by their numbers, as ls and cat --raw show them\n"
    "Options:\n"
    "      --senders        ls: what there is of each sender; reads everything\n"
    "      --raw            cat: the entries themselves, records in hex\n"
    "      --pretty         documents over several lines\n"
    "      --out FILE       export: to this file, which must not be there yet\n"
    "      --fill           replay: documents that are there stay as they are (the default)\n"
    "      --overwrite      replay: documents that are there are written over\n"
    "      --dry-run        replay: only count\n"
    "      --all            dead delete: without any selection, all of them\n"
    "      --journal DIR    the journal's directory, instead of the setting journal.directory\n";

enum {
	OPTION_RAW = 0x100,
	OPTION_PRETTY,
	OPTION_SENDERS,
	OPTION_OUT,
	OPTION_FILL,
	OPTION_OVERWRITE,
	OPTION_DRY,
	OPTION_ALL,
	OPTION_JOURNAL
};

static const struct option more[] = {
	{ "raw", no_argument, NULL, OPTION_RAW },
	{ "pretty", no_argument, NULL, OPTION_PRETTY },
	{ "senders", no_argument, NULL, OPTION_SENDERS },
	{ "out", required_argument, NULL, OPTION_OUT },
	{ "fill", no_argument, NULL, OPTION_FILL },
	{ "overwrite", no_argument, NULL, OPTION_OVERWRITE },
	{ "dry-run", no_argument, NULL, OPTION_DRY },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "journal", required_argument, NULL, OPTION_JOURNAL },
	{ "sender", required_argument, NULL, SELECT_SENDER },
	{ "event", required_argument, NULL, SELECT_EVENT },
	{ "since", required_argument, NULL, SELECT_SINCE },
	{ "until", required_argument, NULL, SELECT_UNTIL },
	{ "index", required_argument, NULL, SELECT_INDEX },
	{ "reason", required_argument, NULL, SELECT_REASON },
	{ "numbers", required_argument, NULL, SELECT_NUMBERS },
	{ NULL, 0, NULL, 0 },
};

static const struct {
	const char *name;
	struct err *(*run)(struct journal_command *c);
} verbs[] = {
	{ "ls", journal_ls },
	{ "verify", journal_verify },
	{ "cat", journal_cat },
	{ "export", journal_export },
	{ "replay", journal_replay },
};

static int
take_option(struct journal_command *c, int option)
{
	const char *why;
	bool ours;

	switch (option) {
	case OPTION_RAW: c->raw = true; return -1;
	case OPTION_PRETTY: c->pretty = true; return -1;
	case OPTION_SENDERS: c->senders = true; return -1;
	case OPTION_OUT: c->out = optarg; return -1;
	case OPTION_FILL: c->fill = true; return -1;
	case OPTION_OVERWRITE: c->overwrite = true; return -1;
	case OPTION_DRY: c->dry = true; return -1;
	case OPTION_ALL: c->all = true; return -1;
	case OPTION_JOURNAL: c->directory = optarg; return -1;
	}
	if ((why = selection_option(&c->select, option, optarg, &ours)) != NULL)
		return cmd_misused("journal", "%s: %s", optarg, why);
	return -1;
}

/* The settings, and where the journal is. */
static struct err *
prepare(struct journal_command *c, bool dead)
{
	const struct daemon_source *from = &c->source.daemon;
	struct err *e =
	    settings_read(&c->settings, from->file, from->assignments, from->assignment_count);

	if (e != NULL || c->directory != NULL)
		return e;
	c->directory = dead ? c->settings->dead_letters.directory : c->settings->journal.directory;
	if (c->directory == NULL)
		return err_new(
		    "there is no journal: the setting journal.directory is not set; name "
		    "its directory with --journal");
	return NULL;
}

static int
run(struct journal_command *c, struct err *(*verb)(struct journal_command *c))
{
	struct err *e = prepare(c, verb == NULL);
	int status = CMD_FINE;

	if (e == NULL && verb != NULL)
		e = verb(c);
	else if (e == NULL)
		status = journal_dead(c, &e);
	if (e != NULL) {
		fprintf(stderr, "auditrecv journal: %s\n", err_text(e));
		err_free(e);
		return CMD_FAILED;
	}
	return c->damaged > 0 && status == CMD_FINE ? CMD_FAILED : status;
}

static int
run_verb(struct journal_command *c, int argc, char **argv)
{
	c->argc = argc - 1;
	c->argv = argv + 1;
	if (argc > 0 && strcmp(argv[0], "dead") == 0)
		return run(c, NULL);
	for (size_t i = 0; i < ARRAY_LEN(verbs) && argc > 0; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		if (argc > 1)
			return cmd_misused(
			    "journal", "%s takes no argument %s", verbs[i].name, argv[1]);
		return run(c, verbs[i].run);
	}
	return cmd_misused("journal", "say ls, verify, cat, export, replay or dead");
}

static void
finish(struct journal_command *c)
{
	groups_close(c->groups);
	asking_close(&c->asking);
	if (c->record_made)
		record_fini(&c->record);
	buf_fini(&c->document);
	buf_fini(&c->name);
	settings_free(c->settings);
	source_free(&c->source);
	log_tick(1);
}

int
cmd_journal(int argc, char **argv)
{
	struct journal_command c = { 0 };
	int status = -1, option;

	signal(SIGPIPE, SIG_IGN);
	while (status < 0 &&
	       (option = source_option(&c.source, argc, argv, more, usage, &status)) != -1)
		status = take_option(&c, option);
	if (status < 0)
		status = run_verb(&c, argc - optind, argv + optind);
	finish(&c);
	return status;
}
