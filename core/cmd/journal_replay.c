/*
 * journal_replay: records once more, through today's rules, to the output of the settings. Ids are
 * the same as ever, so that what is there already stays as it is (--fill), or is written over
 * (--overwrite).
 */
#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/journal_replay.h"
#include "daemon/build.h"
#include "daemon/identity.h"
#include "output/output.h"

struct replaying {
	struct journal_command *c;
	struct ev_loop *loop;
	struct output *output;
	struct build_output parts;
	const char *broken; /* why the output takes nothing any more */
	bool overwrite;
	void (*settled)(void *ctx, uint64_t number, bool stored);
	void *ctx;
	uint64_t asked, written, existed, dropped, refused, withheld, failed;
};

static void
on_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	struct replaying *r = ctx;
	uint64_t number = (uint64_t)(uintptr_t)cookie;

	switch (settled->fate) {
	case OUTPUT_INDEXED: r->written++; break;
	case OUTPUT_EXISTS: r->existed++; break;
	case OUTPUT_REFUSED:
		r->refused++;
		fprintf(stderr, "auditrecv journal: entry %" PRIu64 ": refused: %s\n", number,
		    settled->reason != NULL ? settled->reason : "-");
		break;
	case OUTPUT_GIVEN_BACK: break; /* only where it is asked for */
	}
	if (r->settled != NULL)
		r->settled(r->ctx, number, settled->fate != OUTPUT_REFUSED);
}

static void
on_ready(void *ctx)
{
	(void)ctx; /* the loop is looked at in turns */
}

static void
on_broken(void *ctx, const char *reason)
{
	struct replaying *r = ctx;

	r->broken = reason;
}

/* Sends what has come together, and takes answers; waits for one when `wait`. */
static void
turn(struct replaying *r, bool wait)
{
	output_flush(r->output);
	ev_run(r->loop, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
}

static struct err *
put(struct replaying *r, const struct journal_entry *entry, const struct script_result *result)
{
	char id[IDENTITY_SIZE];
	struct output_document document = {
		.index = result->index,
		.fallback_index = result->default_index,
		.id = { id, sizeof(id) },
		.json = buf_view(&r->c->document),
		.overwrite = r->overwrite,
	};

	if (!journal_identity(r->c, entry, id))
		return err_new("out of memory");
	while (!output_ready(r->output) && r->broken == NULL)
		turn(r, true);
	if (r->broken != NULL)
		return err_new("the output takes nothing any more: %s", r->broken);
	if (!output_put(r->output, &document, (void *)(uintptr_t)entry->number))
		return err_new("out of memory");
	if (++r->asked % 256 == 0)
		turn(r, false);
	return NULL;
}

static struct err *
take(void *ctx, const struct journal_entry *entry, bool *enough)
{
	struct replaying *r = ctx;
	struct script_result result;

	(void)enough;
	if (entry->full_size > entry->bytes.len) {
		r->refused++;
		fprintf(stderr,
		    "auditrecv journal: entry %" PRIu64 ": only the head of the record was kept\n",
		    entry->number);
		return NULL;
	}
	if (!journal_document(r->c, entry, &result))
		return err_new("out of memory");
	if (!selection_has_index(&r->c->select, result.index))
		return NULL;
	if (result.verdict == SCRIPT_DROP) {
		r->dropped++;
		if (r->settled != NULL)
			r->settled(r->ctx, entry->number, true);
		return NULL;
	}
	if (result.verdict == SCRIPT_WITHHELD) { /* the rule that redacts failed again */
		r->withheld++;
		return NULL;
	}
	if (r->c->dry) {
		r->asked++;
		return NULL;
	}
	return put(r, entry, &result);
}

static struct err *
open_output(struct replaying *r)
{
	static struct output_handler handler = {
		.settled = on_settled,
		.ready = on_ready,
		.broken = on_broken,
	};
	struct err *e;

	handler.ctx = r;
	if ((r->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV)) == NULL)
		return err_new("no event loop could be made");
	if ((e = build_output(&r->parts, r->c->settings, NULL)) != NULL)
		return e;
	return output_open(&r->output, r->loop, &r->parts.config, &handler);
}

static void
tell(const struct replaying *r)
{
	if (r->c->dry) {
		printf("%" PRIu64 " documents would be sent, %" PRIu64
		       " records dropped by rules\n",
		    r->asked, r->dropped);
		return;
	}
	printf("%" PRIu64 " documents written, %" PRIu64 " were there already, %" PRIu64
	       " records dropped by rules\n",
	    r->written, r->existed, r->dropped);
	if (r->refused + r->withheld > 0)
		printf("%" PRIu64 " refused, %" PRIu64
		       " withheld because a rule that redacts failed\n",
		    r->refused, r->withheld);
}

struct err *
journal_replay_to(struct journal_command *c, bool overwrite,
    void (*settled)(void *ctx, uint64_t number, bool stored), void *ctx)
{
	struct replaying r = { .c = c, .overwrite = overwrite, .settled = settled, .ctx = ctx };
	struct err *e = c->dry ? NULL : open_output(&r);

	if (e == NULL)
		e = journal_walk(c, take, &r);
	while (r.output != NULL && output_pending(r.output) > 0 && r.broken == NULL)
		turn(&r, true);
	if (e == NULL && r.broken != NULL)
		e = err_new("the output takes nothing any more: %s", r.broken);
	tell(&r);
	if (e == NULL && r.refused + r.withheld > 0)
		e = err_new("not everything could be replayed");
	output_close(r.output);
	if (r.loop != NULL)
		ev_loop_destroy(r.loop);
	return e;
}

struct err *
journal_replay(struct journal_command *c)
{
	if (c->fill && c->overwrite)
		return err_new("--fill and --overwrite exclude each other");
	return journal_replay_to(c, c->overwrite, NULL, NULL);
}
