/*
 * journal_dead: the dead letters: `auditrecv journal dead list|show|replay|delete`. They are a
 * journal of their own, whose entries have the reason in their note.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/journal_replay.h"

#define TEXT_MOST 40 /* of a column */

/* A text of the note without its quotes; "-" where there is none. */
static int
note_text(const struct journal_entry *entry, const char *key, const char **at)
{
	struct str text = selection_note(entry->note, key);

	if (text.len < 2 || text.at[0] != '"') {
		*at = "-";
		return 1;
	}
	*at = text.at + 1;
	return text.len - 2 > TEXT_MOST ? TEXT_MOST : (int)text.len - 2;
}

static struct err *
list_letter(void *ctx, const struct journal_entry *entry, bool *enough)
{
	struct journal_command *c = ctx;
	char received[CLOCK_TEXT_SIZE];
	const char *reason, *rule;
	int reason_len = note_text(entry, "reason", &reason),
	    rule_len = note_text(entry, "rule", &rule);

	(void)enough;
	clock_text_ms(entry->received, received);
	printf("%10" PRIu64 "  %-24s  %-24.*s  %12" PRIu64 "  %-18.*s  %-20.*s  %.*s\n",
	    entry->number, received, (int)entry->sender->name.len, entry->sender->name.at,
	    entry->sequence, (int)c->record.event.len, c->record.event.at, reason_len, reason,
	    rule_len, rule);
	return NULL;
}

static struct err *
dead_list(struct journal_command *c)
{
	printf("%10s  %-24s  %-24s  %12s  %-18s  %-20s  %s\n", "number", "received", "sender",
	    "sequence", "event", "reason", "rule");
	return journal_walk(c, list_letter, c);
}

static struct err *
dead_show(struct journal_command *c)
{
	c->raw = true;
	c->pretty = true;
	return journal_cat(c);
}

/* Numbers that are to be forgotten. */
struct numbers {
	uint64_t *at;
	size_t len, room;
	bool failed; /* memory is out */
};

static void
note_number(struct numbers *n, uint64_t number)
{
	uint64_t *more;

	if (n->len == n->room) {
		n->room = n->room == 0 ? 256 : n->room * 2;
		if ((more = reallocarray(n->at, n->room, sizeof(*more))) == NULL) {
			n->failed = true;
			return;
		}
		n->at = more;
	}
	n->at[n->len++] = number;
}

static struct err *
forget(struct journal_command *c, struct numbers *n, const char *what)
{
	struct err *e = n->len > 0 ? journal_forget(c->directory, n->at, n->len) : NULL;

	if (e == NULL && n->failed)
		e = err_new("out of memory: not all of them were deleted");
	if (e == NULL)
		printf("%zu dead letters %s\n", n->len, what);
	free(n->at);
	return e;
}

static void
letter_settled(void *ctx, uint64_t number, bool stored)
{
	if (stored)
		note_number(ctx, number);
}

/*
 * A letter that became a document is no dead letter any more. A stub that stands for a withheld
 * document is written over.
 */
static struct err *
dead_replay(struct journal_command *c)
{
	struct numbers done = { 0 };
	struct err *e = journal_replay_to(c, true, letter_settled, &done), *other;

	if (c->dry) {
		free(done.at);
		return e;
	}
	other = forget(c, &done, "became documents");
	if (e == NULL)
		return other;
	err_free(other);
	return e;
}

static struct err *
take_number(void *ctx, const struct journal_entry *entry, bool *enough)
{
	(void)enough;
	note_number(ctx, entry->number);
	return NULL;
}

static bool
selects_anything(const struct selection *s)
{
	return s->sender_count + s->event_count > 0 || s->has_since || s->has_until ||
	       s->reason != NULL || s->from > 0;
}

static struct err *
dead_delete(struct journal_command *c)
{
	struct numbers all = { 0 };
	struct err *e;

	if (!c->all && !selects_anything(&c->select))
		return err_new(
		    "say which letters to delete (--numbers, --reason, --sender …), or --all");
	if ((e = journal_walk(c, take_number, &all)) != NULL) {
		free(all.at);
		return e;
	}
	return forget(c, &all, "deleted");
}

int
journal_dead(struct journal_command *c, struct err **why)
{
	static const struct {
		const char *name;
		struct err *(*run)(struct journal_command *c);
	} verbs[] = {
		{ "list", dead_list },
		{ "show", dead_show },
		{ "replay", dead_replay },
		{ "delete", dead_delete },
	};

	for (size_t i = 0; i < ARRAY_LEN(verbs) && c->argc == 1; i++)
		if (strcmp(c->argv[0], verbs[i].name) == 0) {
			*why = verbs[i].run(c);
			return *why == NULL ? CMD_FINE : CMD_FAILED;
		}
	return cmd_misused("journal", "say dead list, dead show, dead replay or dead delete");
}
