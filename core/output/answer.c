/* answer: items are cut out of the stream; good ones are known by their bytes alone. */
#include "output/answer.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/jsonread.h"

#define PIECE_MOST \
	(64 * 1024)     /* bytes of an item, or of an answer without items, that are looked at */
#define ERROR_MOST 8192 /* bytes of an error that are kept as they are */
#define SHORT_MOST 1024 /* bytes of the reason in a shortened one */
#define TEXTS_MOST (1024 * 1024) /* bytes of errors of one answer */

/* Where in the answer the next byte stands. */
enum state {
	OUTSIDE,     /* before the top object, inside it, or in a member that is of no interest */
	BEFORE_ITEM, /* in the list: an item or the end */
	IN_ITEM,
	AFTER_ITEM, /* in the list: a comma or the end */
	AFTER_LIST, /* in the top object again */
	FINISHED,
	WHOLE, /* not a list: the head is kept */
};

static const char good_item[] = "{\"create\":{\"status\":201}}";
#define GOOD_LEN (sizeof(good_item) - 1)

void
answer_init(struct answer *a)
{
	*a = (struct answer){ 0 };
}

void
answer_fini(struct answer *a)
{
	free(a->items);
	buf_fini(&a->texts);
	buf_fini(&a->type);
	buf_fini(&a->piece);
	answer_init(a);
}

static bool
is_json_type(const char *type)
{
	static const char json[] = "application/json", vendor[] = "application/vnd.";

	return type != NULL && (strncasecmp(type, json, sizeof(json) - 1) == 0 ||
				   (strncasecmp(type, vendor, sizeof(vendor) - 1) == 0 &&
				       strcasestr(type, "+json") != NULL));
}

void
answer_begin(struct answer *a, unsigned status, const char *content_type)
{
	a->count = a->seen = 0;
	buf_cut(&a->texts, 0);
	buf_cut(&a->type, 0);
	buf_cut(&a->piece, 0);
	a->same = true;
	a->depth = 0;
	a->in_text = a->escape = a->cut = a->failed = false;
	a->is_json = is_json_type(content_type);
	a->status = status;
	a->key_len = 0;
	a->state = status == 200 && a->is_json ? OUTSIDE : WHOLE;
}

/* ---- an item ---- */

struct item_text {
	unsigned status;
	bool failure_store;
	struct str error;
};

/* Reads {"create":{"status":…,"error":…}}; with `cut`, what is left of one. */
static bool
read_item(struct str json, bool cut, struct item_text *out)
{
	struct jsonread r;
	enum jsonread_token token;
	int64_t number;

	jsonread_init(&r, json);
	if (jsonread_next(&r) != JSONREAD_OBJECT || jsonread_next(&r) != JSONREAD_KEY ||
	    jsonread_next(&r) != JSONREAD_OBJECT)
		return false;
	while ((token = jsonread_next(&r)) == JSONREAD_KEY) {
		if (jsonread_is(&r, STR("status"))) {
			if (jsonread_next(&r) != JSONREAD_NUMBER ||
			    !jsonread_integer(&r, &number) || number < 0 || number > 999)
				return false;
			out->status = (unsigned)number;
		} else if (jsonread_is(&r, STR("error"))) {
			const char *from = r.at;

			if (!jsonread_skip(&r)) {
				out->error =
				    (struct str){ from, (size_t)(json.at + json.len - from) };
				return cut && out->status != 0;
			}
			out->error = r.text;
		} else if (jsonread_is(&r, STR("failure_store"))) {
			token = jsonread_next(&r);
			if (token == JSONREAD_TEXT && jsonread_is(&r, STR("used")))
				out->failure_store = true;
			else if (token == JSONREAD_BAD)
				return false;
		} else if (!jsonread_skip(&r))
			return cut && out->status != 0;
	}
	if (token == JSONREAD_BAD)
		return cut && out->status != 0;
	return out->status != 0 && jsonread_next(&r) == JSONREAD_OBJECT_END &&
	       jsonread_next(&r) == JSONREAD_END;
}

/* The start of a written text, cut where no escape and no character is torn. */
static struct str
short_text(struct str written)
{
	size_t n = written.len, slash;

	if (n <= SHORT_MOST)
		return written;
	n = SHORT_MOST;
	while (n > 0 && ((unsigned char)written.at[n] & 0xC0) == 0x80)
		n--;
	for (slash = n; slash > 0 && n - slash < 6 && written.at[slash - 1] != '\\'; slash--)
		;
	if (slash > 0 && written.at[slash - 1] == '\\')
		n = slash - 1;
	while (n > 0 && written.at[n - 1] == '\\')
		n--;
	return (struct str){ written.at, n };
}

/* Keeps an error that is too long, or cut off, as its type and the start of its reason. */
static void
keep_short(struct answer *a, struct str error)
{
	struct jsonread r;
	struct str reason = STR("");
	struct json j;
	bool is_reason = false;
	enum jsonread_token token;

	jsonread_init(&r, error);
	while (
	    (token = jsonread_next(&r)) != JSONREAD_BAD && token != JSONREAD_END && reason.len == 0)
		if (token == JSONREAD_KEY)
			is_reason = r.depth == 1 && jsonread_is(&r, STR("reason"));
		else if (token == JSONREAD_TEXT && is_reason)
			reason = short_text(r.text);
	json_init(&j, &a->texts);
	json_open(&j, '{');
	json_key(&j, "type", 4);
	json_text(&j, a->type.at, a->type.len);
	if (reason.len > 0) {
		json_key(&j, "reason", 6);
		buf_byte(&a->texts, '"');
		buf_str(&a->texts, reason);
		buf_byte(&a->texts, '"');
	}
	json_close(&j, '}');
}

static bool
add_item(struct answer *a, const struct answer_item *item)
{
	struct answer_item *more;
	size_t room;

	if (a->count == a->room) {
		room = a->room > 0 ? a->room * 2 : 64;
		if ((more = realloc(a->items, room * sizeof(*more))) == NULL)
			return false;
		a->items = more;
		a->room = room;
	}
	a->items[a->count++] = *item;
	return true;
}

static void
take_item(struct answer *a, struct str json)
{
	struct item_text text = { 0 };
	struct answer_item item = { .position = a->seen };
	uint64_t hash;

	if (!read_item(json, a->cut, &text)) {
		a->failed = true;
		return;
	}
	a->seen++;
	item.status = text.status;
	item.field_at = a->texts.len;
	buf_cut(&a->type, 0);
	item.view = fault_of_item(text.status, text.error, &a->texts, &a->type);
	item.field_len = a->texts.len - item.field_at;
	if (item.view.fault == FAULT_STORED) {
		a->same = false;
		if (!text.failure_store)
			return;
		item.view = (struct fault_view){ FAULT_STORED_BAD, "failure_store", NULL };
	}
	hash = str_hash(STR_HASH ^ text.status, text.error);
	if (a->seen == 1)
		a->same_hash = hash;
	else if (hash != a->same_hash)
		a->same = false;
	item.error_at = a->texts.len;
	if (item.view.fault != FAULT_EXISTS && item.view.fault != FAULT_STORED_BAD &&
	    text.error.len > 0) {
		if (!a->cut && text.error.len <= ERROR_MOST &&
		    a->texts.len + text.error.len <= TEXTS_MOST)
			buf_str(&a->texts, text.error);
		else if (a->texts.len <= TEXTS_MOST)
			keep_short(a, text.error);
	}
	item.error_len = a->texts.len - item.error_at;
	if (!add_item(a, &item) || buf_failed(&a->texts))
		a->failed = true;
}

/* ---- the list ---- */

/* Keeps at most PIECE_MOST bytes of an item that goes over the end of what came. */
static void
keep_piece(struct answer *a, const char *bytes, size_t len)
{
	size_t room = PIECE_MOST - a->piece.len;

	if (len > room) {
		a->cut = true;
		len = room;
	}
	buf_append(&a->piece, bytes, len);
	if (buf_failed(&a->piece))
		a->failed = true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The items that are as they nearly always are; returns where the next that is not begins. */
static const char *
take_good(struct answer *a, const char *p, const char *end)
{
	while ((size_t)(end - p) > GOOD_LEN && memcmp(p, good_item, GOOD_LEN) == 0) {
		a->seen++;
		a->same = false;
		p += GOOD_LEN;
		if (*p != ',') {
			a->state = AFTER_ITEM;
			break;
		}
		p++;
	}
	return p;
}

/* One byte inside a text. */
static void
follow_text(struct answer *a, char c)
{
	if (a->escape)
		a->escape = false;
	else if (c == '\\')
		a->escape = true;
	else if (c == '"')
		a->in_text = false;
}

/*
 * One byte outside of items: follows texts and brackets, and remembers the last key of the top
 * object.
 */
static void
follow_outside(struct answer *a, char c)
{
	if (a->in_text) {
		follow_text(a, c);
		if (a->in_text && a->depth == 1) {
			if (a->key_len < sizeof(a->key))
				a->key[a->key_len] = c;
			if (a->key_len <= sizeof(a->key))
				a->key_len++;
		}
		return;
	}
	switch (c) {
	case '"':
		a->in_text = true;
		if (a->depth == 0)
			a->failed = true;
		if (a->depth == 1)
			a->key_len = 0;
		break;
	case '[':
	case '{':
		if (a->depth == 0 && c == '[')
			a->failed = true;
		if (++a->depth == 2 && c == '[' && a->state == OUTSIDE && a->key_len == 5 &&
		    memcmp(a->key, "items", 5) == 0)
			a->state = BEFORE_ITEM;
		break;
	case ']':
	case '}':
		if (a->depth == 0)
			a->failed = true;
		else if (--a->depth == 0)
			a->state = a->state == AFTER_LIST ? FINISHED : WHOLE;
		break;
	default:
		if (a->depth == 0 && !is_blank(c))
			a->failed = true;
	}
}

/* Follows an item to its closing bracket; returns behind it, or end when it goes on. */
static const char *
follow_item(struct answer *a, const char *p, const char *end)
{
	const char *from = p;

	for (; p < end; p++) {
		char c = *p;

		if (a->in_text)
			follow_text(a, c);
		else if (c == '"')
			a->in_text = true;
		else if (c == '{' || c == '[')
			a->depth++;
		else if ((c == '}' || c == ']') && --a->depth == 2) {
			p++;
			a->state = AFTER_ITEM;
			break;
		}
	}
	if (a->state == AFTER_ITEM && a->piece.len == 0 && (size_t)(p - from) <= PIECE_MOST) {
		take_item(a, (struct str){ from, (size_t)(p - from) });
		return p;
	}
	keep_piece(a, from, (size_t)(p - from));
	if (a->state == AFTER_ITEM) {
		take_item(a, buf_view(&a->piece));
		buf_cut(&a->piece, 0);
		a->cut = false;
	}
	return p;
}

void
answer_feed(struct answer *a, const char *bytes, size_t len)
{
	const char *p = bytes, *end = bytes + len;

	while (p < end && !a->failed) {
		switch ((enum state)a->state) {
		case WHOLE: keep_piece(a, p, (size_t)(end - p)); return;
		case IN_ITEM: p = follow_item(a, p, end); break;
		case BEFORE_ITEM:
			if ((p = take_good(a, p, end)) == end || a->state != BEFORE_ITEM)
				break;
			if (*p == '{')
				a->state = IN_ITEM;
			else if (*p == ']' && a->seen == 0) {
				a->depth--;
				a->state = AFTER_LIST;
				p++;
			} else if (is_blank(*p))
				p++;
			else
				a->failed = true;
			break;
		case AFTER_ITEM:
			if (*p == ']') {
				a->depth--;
				a->state = AFTER_LIST;
			} else if (*p == ',')
				a->state = BEFORE_ITEM;
			else if (!is_blank(*p))
				a->failed = true;
			p++;
			break;
		case OUTSIDE:
		case AFTER_LIST: follow_outside(a, *p++); break;
		case FINISHED:
			if (!is_blank(*p++))
				a->failed = true;
			break;
		}
	}
}

bool
answer_full(const struct answer *a)
{
	return a->failed || (a->state == WHOLE && a->cut);
}

/* ---- the whole ---- */

/* Reads {"error":{"type":…},…} of a request that was refused as a whole. */
static void
read_whole(struct answer *a)
{
	struct buf field = { 0 };
	struct jsonread r;

	jsonread_init(&r, buf_view(&a->piece));
	if (jsonread_next(&r) != JSONREAD_OBJECT)
		return;
	while (jsonread_next(&r) == JSONREAD_KEY) {
		bool is_error = jsonread_is(&r, STR("error"));
		const char *from = r.at;
		struct str error;

		if (!jsonread_skip(&r))
			error = (struct str){ from, (size_t)(r.end - from) };
		else
			error = r.text;
		if (is_error) {
			/* Only the type is wanted; the judgement is that of items. */
			(void)fault_of_item(0, error, &field, &a->type);
			keep_short(a, error);
			break;
		}
	}
	buf_fini(&field);
}

static bool
whole_says(const struct answer *a, const char *what)
{
	return a->piece.len > 0 && memmem(a->piece.at, a->piece.len, what, strlen(what)) != NULL;
}

static bool
whole_type(const struct answer *a, const char *type)
{
	return str_equal(buf_view(&a->type), str_of(type));
}

static enum answer_verdict
judge_whole(const struct answer *a)
{
	switch (a->status) {
	case 401: return ANSWER_CREDENTIALS;
	case 413: /* comes without a content type, and without a body */ return ANSWER_TOO_LARGE;
	case 408:
	case 500:
	case 502:
	case 503:
	case 504: return ANSWER_MOMENT;
	case 429: return whole_type(a, "cluster_block_exception") ? ANSWER_BLOCKED : ANSWER_BUSY;
	}
	if (a->status >= 500)
		return ANSWER_MOMENT;
	if (!a->is_json)
		return ANSWER_ODD;
	if (a->status == 403)
		return whole_type(a, "cluster_block_exception") ? ANSWER_BLOCKED : ANSWER_FORBIDDEN;
	/* A parameter of ours that this server does not know is no document's fault. */
	if (a->status == 400)
		return whole_says(a, "unrecognized parameter") || whole_says(a, "no handler found")
			   ? ANSWER_ODD
			   : ANSWER_REFUSED;
	return ANSWER_ODD;
}

enum answer_verdict
answer_end(struct answer *a, bool complete, size_t actions)
{
	if (a->status == 200 && a->is_json)
		return complete && !a->failed && a->state == FINISHED && a->seen == actions
			   ? ANSWER_ITEMS
			   : ANSWER_UNCLEAR;
	if (a->is_json)
		read_whole(a);
	if (!complete && a->status == 200)
		return ANSWER_UNCLEAR;
	return judge_whole(a);
}
