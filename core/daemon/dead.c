/* dead: the note of a letter as JSON, and the journal behind it. */
#include "daemon/dead.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/jsonread.h"
#include "base/log.h"
#include "daemon/pledge.h"

#define SEGMENT_LEAST (1u << 20)
#define SEGMENTS      16  /* at least so many in max_bytes: what expires goes by segments */
#define KEEP_MOST     1e9 /* seconds; more is no time of a clock in nanoseconds */
#define LOOK_TICKS    60
#define LOOK_BYTES    (1u << 18) /* read at a time to find what has expired */

struct dead {
	struct journal *journal;
	struct dead_config config;
	void (*kept)(void *ctx, void *cookie);
	void *ctx;
	struct pledges pledges;
	struct buf note; /* reused */
	bool stalled;
	bool looks_on; /* there may be more to let go */
	int64_t due;   /* when the oldest letter is too old; 0: not known */
	unsigned ticks;
};

static void
on_stored(void *ctx, uint64_t below)
{
	struct dead *d = ctx;
	struct pledge pledge;

	while (pledges_take(&d->pledges, below, &pledge))
		d->kept(d->ctx, pledge.to);
}

static void
on_stalled(void *ctx, const char *reason)
{
	struct dead *d = ctx;

	d->stalled = reason != NULL;
	d->looks_on = true;
	if (reason != NULL)
		log_error("dead_letters_not_written", log_s("reason", reason),
		    log_i("letters", (int64_t)dead_pending(d)),
		    log_s("cure", "replay and delete letters (auditrecv journal dead), raise their "
				  "limit, or make room on the disk"));
	else
		log_info("dead_letters_written", log_i("letters", (int64_t)dead_pending(d)));
}

static struct journal_config
journal_config(const struct dead_config *c)
{
	uint64_t segment = c->max_bytes / SEGMENTS;

	return (struct journal_config){
		.directory = c->directory,
		.segment_bytes = segment > SEGMENT_LEAST ? segment : SEGMENT_LEAST,
		.max_bytes = c->max_bytes,
		.max_memory = c->max_memory,
	};
}

struct err *
dead_open(struct dead **out, struct ev_loop *loop, const struct dead_config *config,
    void (*kept)(void *ctx, void *cookie), void *ctx)
{
	struct journal_config inner = journal_config(config);
	struct dead *d = calloc(1, sizeof(*d));
	struct journal_handler handler = { .stored = on_stored, .stalled = on_stalled, .ctx = d };
	struct err *e;

	if (d == NULL)
		return err_sys("dead letters");
	d->config = *config;
	d->kept = kept;
	d->ctx = ctx;
	if ((e = journal_open(&d->journal, loop, &inner, &handler)) != NULL) {
		dead_close(d);
		return err_wrap(e, "dead letters");
	}
	*out = d;
	return NULL;
}

struct err *
dead_check(const struct dead_config *config)
{
	struct journal_config inner = journal_config(config);
	struct err *e = journal_check(&inner);

	return e != NULL ? err_wrap(e, "dead letters") : NULL;
}

/* The answer is the server's word, whatever it is; as a text it can never break the note. */
static void
put_note(struct buf *out, const struct dead_letter *l)
{
	char time[CLOCK_TEXT_SIZE];
	int64_t now = clock_now();
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	clock_text(now / CLOCK_SECOND, (uint32_t)(now % CLOCK_SECOND), time);
	json_member(&j, "time", str_of(time));
	json_member(&j, "reason", str_of(l->reason));
	json_member(&j, "rule", str_of(l->rule));
	json_member(&j, "rules", str_of(l->rules));
	json_member(&j, "id", l->id);
	json_member(&j, "answer", l->answer);
	json_close(&j, '}');
}

bool
dead_put(struct dead *d, const struct dead_letter *letter, void *cookie)
{
	struct journal_entry entry = {
		.sender = letter->sender,
		.sequence = letter->sequence,
		.received = letter->received,
		.full_size = letter->full_size,
		.bytes = letter->record,
	};
	struct pledge pledge = { .to = cookie };

	buf_cut(&d->note, 0);
	put_note(&d->note, letter);
	if (buf_failed(&d->note) || !pledges_reserve(&d->pledges))
		return false;
	entry.note = buf_view(&d->note);
	if ((pledge.place = journal_append(d->journal, &entry)) == 0)
		return false;
	pledges_add(&d->pledges, &pledge);
	return true;
}

size_t
dead_pending(const struct dead *d)
{
	return pledges_count(&d->pledges);
}

static int64_t
keep_for(const struct dead *d)
{
	double seconds = d->config.keep_for < KEEP_MOST ? d->config.keep_for : KEEP_MOST;

	return (int64_t)(seconds * (double)CLOCK_SECOND);
}

/* When it was set aside. A note of somebody else may not say it. */
static int64_t
letter_time(const struct journal_entry *entry)
{
	struct jsonread json;
	char text[CLOCK_TEXT_SIZE];
	int64_t time;

	jsonread_init(&json, entry->note);
	if (jsonread_next(&json) == JSONREAD_OBJECT && jsonread_next(&json) == JSONREAD_KEY &&
	    jsonread_is(&json, STR("time")) && jsonread_next(&json) == JSONREAD_TEXT &&
	    json.text.len < sizeof(text)) {
		memcpy(text, json.text.at, json.text.len);
		text[json.text.len] = '\0';
		if (clock_parse(text, &time))
			return time;
	}
	return entry->received;
}

/* The cursor goes to the first letter that is there and not too old. */
static void
looked(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after)
{
	struct dead *d = ctx;
	int64_t now = clock_now(), due = INT64_MAX;

	for (size_t i = 0; i < count; i++) {
		if (d->config.keep_for > 0.)
			due = letter_time(&entries[i]) + keep_for(d);
		if (due > now) {
			d->due = due;
			journal_move_cursor(d->journal, entries[i].number);
			return;
		}
	}
	journal_move_cursor(d->journal, after);
	d->looks_on = count > 0;
	d->due = now + keep_for(d); /* of one that comes from now on */
}

static bool
has_expired(const struct dead *d)
{
	return d->config.keep_for > 0. && clock_now() >= d->due;
}

void
dead_tick(struct dead *d)
{
	/* What somebody has deleted is only seen by looking; that matters when there is no room. */
	if (!d->stalled && !d->looks_on && !has_expired(d) && ++d->ticks % LOOK_TICKS != 0)
		return;
	d->looks_on = false;
	if (journal_cursor(d->journal) < journal_stored(d->journal) &&
	    !journal_fetch(d->journal, journal_cursor(d->journal), LOOK_BYTES, looked, d))
		d->looks_on = true; /* it looks already */
}

void
dead_close(struct dead *d)
{
	if (d == NULL)
		return;
	journal_close(d->journal);
	pledges_fini(&d->pledges);
	buf_fini(&d->note);
	free(d);
}
