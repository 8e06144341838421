/* record: header, tokens and index of one record, and where reading it stops. */
#include "bsm/record.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "bsm/fields.h"
#include "bsm/names.h"
#include "bsm/scratch.h"

#define FIRST_TOKENS 64
#define LAST_SECOND  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

bool
record_init(struct record *r)
{
	*r = (struct record){ 0 };
	r->tokens = malloc(FIRST_TOKENS * sizeof(*r->tokens));
	r->scratch = calloc(1, sizeof(*r->scratch));
	if (r->tokens == NULL || r->scratch == NULL) {
		record_fini(r);
		return false;
	}
	r->room = FIRST_TOKENS;
	return true;
}

void
record_fini(struct record *r)
{
	if (r->scratch != NULL) {
		buf_fini(&r->scratch->text);
		buf_fini(&r->scratch->keys);
		buf_fini(&r->scratch->env_keys);
		buf_fini(&r->scratch->paths);
		free(r->scratch->keyed);
		free(r->scratch->env);
	}
	free(r->scratch);
	free(r->tokens);
	*r = (struct record){ 0 };
}

static void
damage(struct record *r, enum damage_kind kind, uint64_t at, uint64_t a, uint64_t b)
{
	if (r->damages < RECORD_DAMAGES)
		r->damage[r->damages++] = (struct damage){ kind, at, a, b };
}

/* Finds where the record ends, or says why it cannot be one. */
static bool
read_header(struct record *r)
{
	struct header *h = &r->header;
	uint32_t max = r->dialect.record_max != 0 ? r->dialect.record_max : RECORD_MAX_DEFAULT;

	if (r->size == 0) {
		damage(r, DAMAGE_EMPTY, 0, 0, 0);
		return false;
	}
	switch (header_read(r->bytes, r->size, h)) {
	case HEADER_FOREIGN: damage(r, DAMAGE_NOT_A_HEADER, 0, r->bytes[0], 0); return false;
	case HEADER_CUT: damage(r, DAMAGE_HEADER_CUT, r->size, r->size, 0); return false;
	case HEADER_ODD: damage(r, DAMAGE_ADDRESS_TYPE, 10, be32(r->bytes + 10), 0); return false;
	case HEADER_READY: break;
	}
	if (h->length < h->size) {
		damage(r, DAMAGE_LENGTH_SMALL, 1, h->length, h->size);
		return false;
	}
	if (h->length > max) {
		damage(r, DAMAGE_LENGTH_LARGE, 1, h->length, max);
		return false;
	}
	if (h->length > r->size)
		damage(r, DAMAGE_INCOMPLETE, 1, h->length, r->size);
	r->end = h->length < r->size ? h->length : r->size;
	return true;
}

/* The version and the time. */
static void
check_header(struct record *r)
{
	const struct header *h = &r->header;
	uint64_t most;
	bool wide = h->id >= 0x74;

	r->openbsm = version_is_openbsm(h->version);
	if (!r->openbsm && (h->version < 2 || h->version > 4))
		damage(r, DAMAGE_VERSION, 5, h->version, 0);
	if (h->seconds < 0 || h->seconds > LAST_SECOND)
		damage(r, DAMAGE_TIME, h->size - (wide ? 16 : 8), (uint64_t)h->seconds, 0);
	most = r->openbsm ? 999 : 999999999;
	if (h->fraction > most)
		damage(r, DAMAGE_FRACTION, h->size - (wide ? 8 : 4), h->fraction, 0);
	else
		r->nanoseconds = (uint32_t)h->fraction * (r->openbsm ? 1000000 : 1);
}

static bool
grow_tokens(struct record *r)
{
	uint32_t room = r->room * 2;
	struct token *tokens;

	if ((tokens = realloc(r->tokens, room * sizeof(*tokens))) == NULL)
		return false;
	r->tokens = tokens;
	r->room = room;
	return true;
}

static void
index_token(struct record *r, struct token *t)
{
	uint64_t bit = UINT64_C(1) << t->kind;

	if ((r->kinds & bit) == 0) {
		r->kinds |= bit;
		r->first[t->kind] = r->count;
		r->number[t->kind] = 0;
	} else {
		r->repeated |= bit;
		r->tokens[r->last[t->kind]].next = r->count;
	}
	r->last[t->kind] = r->count++;
	r->number[t->kind]++;
}

/* What may be wrong with a token that could be read. */
static void
check_token(struct record *r, const struct token *t)
{
	const struct token_strings *s = &t->strings;

	switch (t->kind) {
	case TOKEN_TRAILER:
		if (t->trailer.magic != 0xb105)
			damage(r, DAMAGE_TRAILER_MAGIC, t->at + 1, t->trailer.magic, 0);
		if (t->trailer.length != r->header.length)
			damage(r, DAMAGE_TRAILER_LENGTH, t->at + 3, t->trailer.length,
			    r->header.length);
		if (t->at + t->len < r->end)
			damage(r, DAMAGE_AFTER_TRAILER, t->at + t->len, 0, 0);
		break;
	case TOKEN_PATH_ATTR:
	case TOKEN_EXEC_ARGS:
	case TOKEN_EXEC_ENV:
	case TOKEN_KRB5_PRINCIPAL:
	case TOKEN_CERT_HASH:
		if (s->count < s->announced || (s->len > 0 && s->at[s->len - 1] != '\0'))
			damage(r, DAMAGE_STRINGS, t->at, s->announced, s->count);
		break;
	default: break;
	}
}

/* Why the token at `at` ends the reading. */
static void
stop_at(struct record *r, size_t at, enum token_status status)
{
	uint8_t id = r->bytes[at];

	r->unknown = true;
	if (status == TOKEN_CUT)
		damage(r, DAMAGE_TOKEN_CUT, at, id, 0);
	else if (status == TOKEN_ODD)
		damage(r, DAMAGE_TOKEN_ODD, at, id, 0);
	else if (header_is_id(id) || id == 0x11 || id == 0x78)
		damage(r, DAMAGE_HEADER_INSIDE, at, id, 0);
}

static void
read_tokens(struct record *r)
{
	struct token_reader reader = { r->bytes, r->header.size, r->end, r->header.version };
	enum token_status status;

	for (;;) {
		struct token *t;

		if (UNLIKELY(r->count == r->room) && reader.at < reader.end) {
			if (r->count == RECORD_MAX_TOKENS)
				damage(r, DAMAGE_TOO_MANY, reader.at, RECORD_MAX_TOKENS, 0);
			else if (!grow_tokens(r))
				damage(r, DAMAGE_MEMORY, reader.at, 0, 0);
			if (r->count == r->room) {
				r->unknown = true;
				break;
			}
		}
		t = &r->tokens[r->count];
		status = token_next(&reader, t);
		if (status != TOKEN_READY) {
			if (status != TOKEN_END)
				stop_at(r, reader.at, status);
			break;
		}
		index_token(r, t);
		check_token(r, t);
	}
	r->unread = reader.at;
	if (r->end < r->size)
		damage(r, DAMAGE_SURPLUS, r->end, r->size - r->end, 0);
}

static bool
has_argument(const struct record *r, const char *prefix)
{
	size_t len = strlen(prefix);

	for (const struct token *t = record_first(r, TOKEN_ARGUMENT); t != NULL;
	     t = record_next(r, t))
		if (t->argument.name.len >= len && memcmp(t->argument.name.at, prefix, len) == 0)
			return true;
	return false;
}

/*
 * Whose event numbers: the header's version says most, then configuration, and for a few numbers
 * the record itself.
 */
static enum event_column
event_column(const struct record *r)
{
	static const uint64_t of_apple = UINT64_C(1) << TOKEN_IDENTITY |
					 UINT64_C(1) << TOKEN_KRB5_PRINCIPAL |
					 UINT64_C(1) << TOKEN_CERT_HASH;
	const struct header *h = &r->header;

	if (h->version == 3 || h->version == 4)
		return EVENT_TSOL;
	if (h->version == 1)
		return EVENT_DARWIN1;
	if (r->openbsm)
		return r->dialect.apple || (r->kinds & of_apple) != 0 ? EVENT_APPLE : EVENT_OPENBSM;
	if (h->event == 315 && has_argument(r, "setpmask:"))
		return EVENT_ILLUMOS;
	if (h->event == 314 && has_argument(r, "setpmask:"))
		return EVENT_SMARTOS;
	return r->dialect.events == EVENTS_SMARTOS ? EVENT_SMARTOS : EVENT_ILLUMOS;
}

static void
name_event(struct record *r)
{
	unsigned n = r->header.event;
	char *p = r->event_digits + sizeof(r->event_digits);

	r->column = event_column(r);
	r->event = names_event(r->column, r->header.event);
	if (LIKELY(r->event.len > 0))
		return;
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	r->event = (struct str){ p, (size_t)(r->event_digits + sizeof(r->event_digits) - p) };
}

void
record_decode(struct record *r, const uint8_t *bytes, size_t size, const struct dialect *dialect)
{
	r->bytes = bytes;
	r->size = size;
	r->end = 0;
	r->dialect = *dialect;
	r->nanoseconds = 0;
	r->openbsm = false;
	r->count = 0;
	r->kinds = r->repeated = 0;
	r->unknown = false;
	r->unread = 0;
	r->damages = 0;
	r->scratch->env_ready = false;
	r->scratch->escaped = ESCAPED_UNKNOWN;
	r->decodable = read_header(r);
	if (LIKELY(r->decodable)) {
		check_header(r);
		read_tokens(r);
		name_event(r);
	} else {
		r->header = (struct header){ 0 };
		r->unknown = size > 0;
		r->event = STR("undecodable");
	}
	fields_find(r);
}
