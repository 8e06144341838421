/* walk: the window over a segment, and the search for the next entry behind damage. */
#include "journal/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/crc32c.h"

#define STEP_LEAST ((size_t)4096)

void
walk_init(struct walk *w, const struct storage *storage, int fd, const struct format_header *header,
    uint64_t end, size_t step)
{
	*w = (struct walk){ .storage = storage, .fd = fd, .header = *header, .end = end };
	w->offset = header->size;
	w->least = header->first;
	w->until = UINT64_MAX;
	w->step = step > STEP_LEAST ? step : STEP_LEAST;
}

void
walk_fini(struct walk *w)
{
	for (size_t i = 0; i < w->senders_len; i++)
		free(w->senders[i]);
	free(w->senders);
	free(w->window);
	w->senders = NULL;
	w->window = NULL;
	w->senders_len = w->room = w->len = 0;
}

static bool
in_window(const struct walk *w, uint64_t offset, size_t n)
{
	return offset >= w->window_at && offset + n <= w->window_at + w->len;
}

/*
 * The n bytes at offset, which are before the end; NULL: they cannot be read, or the file has
 * become shorter (errno 0).
 */
static const uint8_t *
look(struct walk *w, uint64_t offset, size_t n)
{
	size_t want = n > w->step ? n : w->step;
	uint8_t *more;
	ssize_t got;

	if (!in_window(w, offset, n)) {
		if (want > w->end - offset)
			want = (size_t)(w->end - offset);
		if (want > w->room) {
			if ((more = realloc(w->window, want)) == NULL)
				return NULL;
			w->window = more;
			w->room = want;
		}
		w->len = 0;
		if ((got = storage_read(w->storage, w->fd, w->window, want, offset)) < 0)
			return NULL;
		w->window_at = offset;
		w->len = (size_t)got;
		if (w->len < n) {
			errno = 0;
			return NULL;
		}
	}
	return w->window + (offset - w->window_at);
}

static bool
head_at(const struct walk *w, const uint8_t *at, struct format_head *out)
{
	/* Cheap first: most of what a search looks at is no head. */
	return at[12] != 0 && at[12] < 32 && format_get_head(at, w->header.salt, out);
}

/* Keeps a sender, unless its number has one already. False: memory is out. */
static bool
keep_sender(struct walk *w, uint16_t number, struct str body)
{
	struct journal_sender **more, *s;
	size_t len = (size_t)number + 1;
	char *copy;

	if (number < w->senders_len && w->senders[number] != NULL)
		return true;
	if (len > w->senders_len) {
		len = len < 16 ? 16 : len + len / 2;
		if ((more = realloc(w->senders, len * sizeof(struct journal_sender *))) == NULL)
			return false;
		memset(more + w->senders_len, 0,
		    (len - w->senders_len) * sizeof(struct journal_sender *));
		w->senders = more;
		w->senders_len = len;
	}
	if ((s = malloc(sizeof(*s) + body.len)) == NULL)
		return false;
	copy = (char *)(s + 1);
	if (body.len > 0)
		memcpy(copy, body.at, body.len);
	if (format_get_sender((struct str){ copy, body.len }, s))
		w->senders[number] = s;
	else
		free(s);
	return true;
}

/* The first head at or behind the offset; w->end when there is none. False: a fault. */
static bool
search(struct walk *w, uint64_t from, uint64_t *out)
{
	struct format_head head;
	const uint8_t *at;

	for (uint64_t offset = from; w->end - offset >= FORMAT_HEAD; offset++) {
		if ((at = look(w, offset, FORMAT_HEAD)) == NULL)
			return errno == 0 ? (*out = w->end, true) : false;
		if (head_at(w, at, &head)) {
			*out = offset;
			return true;
		}
	}
	*out = w->end;
	return true;
}

static enum walk_status
stretch_of(struct walk *w, struct walk_stretch *out, uint64_t bytes, const char *what)
{
	bool tail = bytes >= w->end - w->offset;

	*out = (struct walk_stretch){ w->offset, bytes, what };
	w->offset += bytes;
	return tail ? WALK_TAIL : WALK_DAMAGE;
}

/* Steps over one entry of whatever kind: head and body are filled. */
static enum walk_status
step(struct walk *w, struct format_head *head, struct str *body, struct walk_stretch *stretch)
{
	uint64_t left = w->end - w->offset, next;
	const uint8_t *at;

	if (left == 0)
		return WALK_END;
	if (left < FORMAT_HEAD)
		return stretch_of(w, stretch, left, "an entry was cut off");
	if ((at = look(w, w->offset, FORMAT_HEAD)) == NULL)
		goto fault;
	if (!head_at(w, at, head)) {
		if (!search(w, w->offset + 1, &next))
			goto fault;
		return stretch_of(w, stretch, next - w->offset, "no entry begins there");
	}
	if (head->length > left - FORMAT_HEAD)
		return stretch_of(w, stretch, left, "an entry was cut off");
	if ((at = look(w, w->offset, FORMAT_HEAD + (size_t)head->length)) == NULL)
		goto fault;
	*body = (struct str){ (const char *)at + FORMAT_HEAD, head->length };
	if (crc32c(w->header.salt, body->at, body->len) != head->body_check)
		return stretch_of(
		    w, stretch, FORMAT_HEAD + (uint64_t)head->length, "the checksum is wrong");
	w->offset += FORMAT_HEAD + (uint64_t)head->length;
	return WALK_ENTRY;
fault:
	/* The file has become shorter: that is its end now. */
	if (errno != 0)
		return WALK_FAULT;
	w->end = w->offset;
	return WALK_END;
}

/* Looks for a sender's other copies in the whole file, with a window of its own. */
static bool
search_senders(struct walk *w)
{
	struct walk other;
	struct walk_stretch stretch;
	struct format_head head;
	enum walk_status status;
	struct str body;
	bool memory = true;

	w->searched = true;
	walk_init(&other, w->storage, w->fd, &w->header, w->end, (size_t)256 << 10);
	while (memory && (status = step(&other, &head, &body, &stretch)) != WALK_END &&
	       status != WALK_FAULT)
		if (status == WALK_ENTRY && head.kind == FORMAT_SENDER)
			memory = keep_sender(w, head.sender, body);
	walk_fini(&other);
	return memory;
}

enum walk_status
walk_next(struct walk *w, struct journal_entry *entry, struct walk_stretch *stretch)
{
	struct format_head head;
	enum walk_status status;
	uint64_t before, number;
	struct str body;

	for (;;) {
		before = w->offset;
		if ((status = step(w, &head, &body, stretch)) != WALK_ENTRY)
			return status;
		if (head.kind == FORMAT_SENDER) {
			if (!keep_sender(w, head.sender, body))
				return WALK_FAULT;
			continue;
		}
		if (head.kind != FORMAT_RECORD)
			continue; /* of a later version */
		number = w->header.first + head.relative;
		if (number >= w->until) {
			/* From here on, the next segment has them. */
			w->offset = w->end;
			return WALK_END;
		}
		*stretch = (struct walk_stretch){ before, w->offset - before,
			"an entry stands there again" };
		if (number < w->least)
			return WALK_DAMAGE;
		if (head.sender >= w->senders_len || w->senders[head.sender] == NULL) {
			if (!w->searched && !search_senders(w))
				return WALK_FAULT;
			stretch->what = "its sender is not known";
			if (head.sender >= w->senders_len || w->senders[head.sender] == NULL)
				return WALK_DAMAGE;
		}
		stretch->what = "an entry makes no sense";
		if (!format_get_record(body, head.flags, entry))
			return WALK_DAMAGE;
		w->least = number + 1;
		entry->number = number;
		entry->sender = w->senders[head.sender];
		entry->sequence = head.sequence;
		entry->received = head.received;
		return WALK_ENTRY;
	}
}

void
walk_forget(struct walk *w)
{
	w->len = 0;
}

bool
walk_is_near(const struct walk *w)
{
	uint64_t offset = w->offset;
	struct format_head head;

	/* Senders that come first are stepped over: they are copied. */
	for (;;) {
		if (!in_window(w, offset, FORMAT_HEAD) ||
		    !head_at(w, w->window + (offset - w->window_at), &head) ||
		    !in_window(w, offset, FORMAT_HEAD + (size_t)head.length))
			return false;
		if (head.kind == FORMAT_RECORD)
			return true;
		offset += FORMAT_HEAD + (uint64_t)head.length;
	}
}

bool
walk_last(struct walk *w, uint64_t *number, int64_t *received)
{
	uint64_t span = 64 << 10, from, found;
	struct walk_stretch stretch;
	struct format_head head;
	enum walk_status status;
	struct str body;
	bool any = false;

	for (;; span *= 8) {
		from = w->end > w->header.size + span ? w->end - span : w->header.size;
		w->offset = from;
		if (!search(w, from, &found))
			return false;
		w->offset = found;
		while ((status = step(w, &head, &body, &stretch)) != WALK_END &&
		       status != WALK_FAULT) {
			if (status != WALK_ENTRY || head.kind != FORMAT_RECORD ||
			    w->header.first + head.relative >= w->until)
				continue;
			any = true;
			*number = w->header.first + head.relative;
			*received = head.received;
		}
		if (any || from == w->header.size || status == WALK_FAULT)
			return any;
	}
}
