/*
 * journal: what the subcommands of `auditrecv journal` share: where the journal is, which of its
 * entries are asked for, and the walk over them. All of them only read, so that they may run beside
 * the daemon; only dead letters are deleted.
 */
#ifndef CMD_JOURNAL_H
#define CMD_JOURNAL_H

#include "base/buf.h"
#include "cmd/asking.h"
#include "cmd/selection.h"
#include "cmd/source.h"
#include "daemon/group.h"
#include "daemon/identity.h"
#include "journal/journal_read.h"

struct journal_command {
	struct source source;
	struct settings *settings;
	const char *directory; /* of the journal, or of its dead letters */
	struct selection select;
	/* options of single subcommands */
	bool raw, pretty, senders, overwrite, fill, dry, all;
	const char *out;
	int argc; /* arguments behind the subcommand's name */
	char **argv;

	struct asking asking;
	struct groups *groups; /* made when documents are */
	struct record record;
	bool record_made;
	struct buf document, name;
	uint64_t damaged; /* stretches that the walk met */
};

/*
 * Calls take() for each selected entry, decoded into c->record, in order, with a line of progress;
 * damage is told on stderr and counted. Ends early when take() gives an error, which it returns, or
 * sets *enough.
 */
struct err *journal_walk(struct journal_command *c,
    struct err *(*take)(void *ctx, const struct journal_entry *entry, bool *enough),
    void *ctx) MUST_USE;

/*
 * The document of an entry that the walk gave, in c->document, by today's rules of its sender's
 * group. False: memory is out.
 */
bool journal_document(struct journal_command *c, const struct journal_entry *entry,
    struct script_result *result) MUST_USE;
/* Its _id, the same as when it came. False: memory is out. */
bool journal_identity(
    struct journal_command *c, const struct journal_entry *entry, char out[IDENTITY_SIZE]) MUST_USE;

/* The subcommands; an error ends the program with 1, as do damage and refusals. */
struct err *journal_ls(struct journal_command *c) MUST_USE;
struct err *journal_verify(struct journal_command *c) MUST_USE;
struct err *journal_cat(struct journal_command *c) MUST_USE;
struct err *journal_export(struct journal_command *c) MUST_USE;
struct err *journal_replay(struct journal_command *c) MUST_USE;
/* Its own subcommands; returns the exit status, and *why where there is something to tell. */
int journal_dead(struct journal_command *c, struct err **why) MUST_USE;

#endif
