/*
 * answer: reads what a server says to a bulk request, piece by piece as it comes in, in bounded
 * memory.
 *
 * Pure. Items are matched by position, and only when there are as many as there were actions:
 * fewer says nothing about any of them. Good items cost a comparison; only the others are kept.
 */
#ifndef OUTPUT_ANSWER_H
#define OUTPUT_ANSWER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "output/fault.h"

/* What a whole request came to. */
enum answer_verdict {
	ANSWER_ITEMS, /* a fate for each item: stored, unless it is in the list */
	/* cut off, not what was expected, or too few items: send again, ids make it safe */
	ANSWER_UNCLEAR,
	ANSWER_BUSY,        /* HTTP 429: again, slower */
	ANSWER_MOMENT,      /* HTTP 5xx and the like: again, next node */
	ANSWER_REFUSED,     /* HTTP 400: one of the documents is to blame: halve */
	ANSWER_TOO_LARGE,   /* HTTP 413: halve */
	ANSWER_CREDENTIALS, /* HTTP 401 */
	ANSWER_FORBIDDEN,   /* HTTP 403 */
	ANSWER_BLOCKED, /* HTTP 403, 429 cluster_block_exception: the whole cluster takes nothing */
	/* somebody else answered (a proxy), or our request is not understood: never success */
	ANSWER_ODD,
	ANSWER_LOST, /* no answer at all; never made here */
};

struct answer_item {
	size_t position;
	unsigned status;
	struct fault_view view;
	size_t field_at, field_len, error_at, error_len; /* in texts */
};

struct answer {
	/* results, valid after answer_end() until answer_reset() */
	struct answer_item *items; /* in the order of position */
	size_t count;
	struct buf texts;
	struct buf
	    type; /* the type of the error of the whole request, or of the last item; safe to log */
	bool same; /* every item has the same fault, to the letter */

	/* inside */
	size_t room, seen;
	int state;
	unsigned depth;
	bool in_text, escape, cut, failed;
	bool is_json;
	unsigned status;
	uint64_t same_hash;
	struct buf piece; /* the start of an item, or the head of an answer that is not a list */
	char key[8];
	unsigned key_len;
};

/* Memory is kept between answers. */
void answer_init(struct answer *a);
void answer_fini(struct answer *a);

/* Before the body of each answer. content_type may be NULL. */
void answer_begin(struct answer *a, unsigned status, const char *content_type);
void answer_feed(struct answer *a, const char *bytes, size_t len);
/*
 * True when no more bytes are of use: an answer that is not a list, and longer than is looked at.
 */
bool answer_full(const struct answer *a);
/* After the last byte; complete: the transfer came to its proper end. */
enum answer_verdict answer_end(struct answer *a, bool complete, size_t actions) MUST_USE;

static inline struct str
answer_field(const struct answer *a, const struct answer_item *item)
{
	return (struct str){ a->texts.at + item->field_at, item->field_len };
}

/* The error as JSON, shortened where it is long; quotes the document. */
static inline struct str
answer_error(const struct answer *a, const struct answer_item *item)
{
	return (struct str){ a->texts.at + item->error_at, item->error_len };
}

/* The type of the error of the whole request; safe to log. NULL is fine. */
static inline struct str
answer_type(const struct answer *a)
{
	return a != NULL && a->type.len > 0 ? buf_view(&a->type) : STR("-");
}

/* The error of the whole request, shortened; quotes documents. */
static inline struct str
answer_whole(const struct answer *a)
{
	return buf_view(&a->texts);
}

#endif
