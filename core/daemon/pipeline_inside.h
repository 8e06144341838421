/* pipeline_inside: what the parts of the pipeline share: intake, work, letters, backlog, returned. */
#ifndef DAEMON_PIPELINE_INSIDE_H
#define DAEMON_PIPELINE_INSIDE_H

#include <ev.h>

#include "daemon/item.h"
#include "daemon/late.h"
#include "daemon/pipeline.h"
#include "daemon/pledge.h"
#include "daemon/prefix.h"
#include "daemon/source.h"

/*
 * Records that were in hand and had to go back, as their index takes nothing for now. Once it does,
 * they are read again, in one walk from the first to the last.
 */
struct returned {
	struct places places;
	uint64_t count, below; /* of them; the last one is below this */
	uint64_t at, to;       /* the walk, when at < to */
	bool wanted;           /* another walk, after this one */
};

/*
 * Which records of the journal are in memory. Below fetch_at all of them were taken up; from there
 * to kept_from they have to be read; from kept_from to kept_to they were taken up when they came;
 * what lies beyond has to be read too.
 *
 *	… taken up | to be read | taken up | to be read (or nothing) | next one
 *	        fetch_at    kept_from    kept_to              journal_next()
 */
struct backlog {
	uint64_t fetch_at, kept_from, kept_to;
	uint64_t recovered; /* what lies below was there at the start */
	bool recovering;    /* and not all of it was read */
	bool fetching;
	bool walked;   /* the last reading was for those that were returned */
	bool stuck;    /* nothing of the last reading could be taken up */
	size_t held;   /* bytes of records of the journal in memory */
	uint64_t read; /* records read back, in all */
};

struct pipeline {
	struct ev_loop *loop;
	struct ev_prepare turn; /* before the loop sleeps: whatever waits is taken up */
	struct ev_idle more;    /* keeps the loop from sleeping while more waits */
	struct pipeline_config config;
	struct pipeline_rooms rooms;
	struct wire_handler wire_handler;
	struct output_handler output_handler;
	struct journal_handler journal_handler;
	struct senders senders;
	struct item *in_hand; /* taken up and not settled */
	struct item *letters,
	    **last_letter; /* of these, those that wait for room in the dead letters */
	struct item *woken, **last_woken; /* of these, those whose lookups have been answered */
	struct lates lates;
	struct pledges pledges;
	struct prefix prefix;
	struct backlog backlog;
	struct returned returned;
	struct desk *desk;  /* reused for each record */
	struct desk *desks; /* free ones */
	size_t desk_count;
	struct buf document;
	uint64_t owed;       /* acknowledgements */
	uint64_t unplaced;   /* records without a fate that are not in the journal */
	unsigned homeless;   /* peers whose source could not be made yet */
	const char *stalled; /* why the journal takes nothing now */
};

/* ---- intake.c ---- */
extern const struct wire_handler intake_handler;
/* A receipt is given back: its record is safe. */
void intake_acknowledge(struct pipeline *p, struct sender *s, struct peer *peer, uint64_t receipt);
/* Makes an item of a record; NULL when memory is out. It takes a reference to the source. */
struct item *intake_item(struct pipeline *p, struct source *source, uint64_t sequence,
    uint64_t full_size, int64_t received, struct str bytes);
/* Looks at the numbers of a record that came for the first time, and remembers it. */
void intake_note(struct pipeline *p, struct sender *s, struct sequences *sequences,
    const struct resend *record, bool other);

/* ---- work.c ---- */
/* Has work_take_up() what it needs? */
bool work_ready(struct pipeline *p);
/* From bytes to a document or a verdict. */
void work_take_up(struct pipeline *p, struct item *item);
/* Goes on with a record that waited for a lookup. */
void work_resume(struct pipeline *p);
/* One of the settlements that an item waits for has come. */
void work_settled(struct item *item, enum fate fate);
void work_output_settled(void *ctx, void *cookie, const struct output_settled *settled);
void work_hold(struct item *item);
/* Takes an item that has its fate out of hand, with what was owed for it. */
void work_put_down(struct item *item);
/* Writes over the document of an item; false: memory is out, nothing was taken. */
bool work_put_over(struct pipeline *p, struct item *item, const struct desk *desk,
    const struct script_result *result) MUST_USE;
/* Forgets an item, with all that it has. */
void work_let_go(struct item *item);
void desk_free(struct desk *d);

/* ---- letters.c ---- */
/*
 * Puts a record among the dead letters; its item is settled when the letter is on disk. When there
 * is no room for the letter, the record waits for it: it is not lost, the sender or the journal
 * has it. Such a letter has the reason and the record, and does without the rest.
 */
void letters_put(struct item *item, const struct dead_letter *why);
/* Takes up the letters that had to wait, as far as there is room now. */
void letters_retry(struct pipeline *p);

/* ---- backlog.c ---- */
void backlog_start(struct pipeline *p);
/* A record was appended at this place: keeps it in memory, if it may and there is room. */
void backlog_keep(struct pipeline *p, struct source *source, const struct journal_entry *entry,
    const uint8_t digest[IDENTITY_DIGEST], uint64_t place);
/* Reads on, if there is room. */
void backlog_pump(struct pipeline *p);
/* A place of the journal has a fate. */
void backlog_settle(struct pipeline *p, uint64_t place);
/* Tells the journal how far all have a fate. */
void backlog_move_cursor(struct pipeline *p);
/* Puts a record that was read into its sender's queue; NULL: there is no room for it now. */
struct item *backlog_queue(struct pipeline *p, const struct journal_entry *entry) MUST_USE;
/* The journal does not have these any more: damage, which was set aside. */
void backlog_damaged(struct pipeline *p, uint64_t first, uint64_t records);

/* ---- returned.c ---- */
/* Is there room to note that the record at this place goes back to the journal? */
bool returned_has_room(struct pipeline *p, uint64_t place) MUST_USE;
/* It goes back. */
void returned_add(struct pipeline *p, uint64_t place);
/* Those that went back may be taken up again. */
void returned_want(struct pipeline *p);
/* Is there one to be read? */
bool returned_is_due(struct pipeline *p) MUST_USE;
/* Begins to read them, about so many bytes; false: not now. */
bool returned_fetch(struct pipeline *p, size_t bytes) MUST_USE;

#endif
