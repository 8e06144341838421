/* sink_json: keys and small numbers go out ready made. */
#include "bsm/sink_json.h"

static void
on_open_object(void *sink)
{
	json_open(sink, '{');
}

static void
on_close_object(void *sink)
{
	json_close(sink, '}');
}

static void
on_open_list(void *sink)
{
	json_open(sink, '[');
}

static void
on_close_list(void *sink)
{
	json_close(sink, ']');
}

/*
 * Every key of ours with all that stands around it, in memory of one size, so that a copy needs no
 * look at the length.
 */
#define KEY_ROOM 32

static const struct ready_key {
	char text[KEY_ROOM + 8];
	unsigned len;
} ready_keys[KEYS] = {
#define READY(name, text) [KEY_##name] = { ",\"" text "\":", sizeof(text) + 3 },
	FIELD_KEYS(READY) INNER_KEYS(READY)
#undef READY
};

#define FITS(name, text) _Static_assert(sizeof(text) + 3 <= KEY_ROOM, text);
FIELD_KEYS(FITS)
INNER_KEYS(FITS)
#undef FITS

/*
 * Are there n bytes of room? What is to be done if not stands out of the way of what nearly always
 * happens.
 */
static inline bool
has_room(const struct buf *b, size_t n)
{
	return LIKELY(!b->failed && b->room - b->len >= n);
}

static void on_key(void *sink, enum key key);

static __attribute__((noinline)) void
grow_for_key(struct json *j, enum key key)
{
	if (buf_grow(j->out, KEY_ROOM))
		on_key(j, key);
}

/* Needs KEY_ROOM; returns the end. */
static inline char *
put_ready_key(const struct json *j, char *p, enum key key)
{
	const struct ready_key *k = &ready_keys[key];
	unsigned skip = !j->comma;

	memcpy(p, k->text + skip, KEY_ROOM);
	return p + k->len - skip;
}

static void
on_key(void *sink, enum key key)
{
	struct json *j = sink;
	struct buf *b = j->out;

	if (!has_room(b, KEY_ROOM)) {
		grow_for_key(j, key);
		return;
	}
	b->len = (size_t)(put_ready_key(j, b->at + b->len, key) - b->at);
	j->comma = false;
}

/* Copies a few bytes, which is what most texts have, without a call. */
static inline void
copy(char *to, const char *from, size_t len)
{
	if (len > 32)
		memcpy(to, from, len);
	else if (len >= 16) {
		memcpy(to, from, 16);
		memcpy(to + len - 16, from + len - 16, 16);
	} else if (len >= 8) {
		memcpy(to, from, 8);
		memcpy(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		memcpy(to, from, 4);
		memcpy(to + len - 4, from + len - 4, 4);
	} else
		for (size_t i = 0; i < len; i++)
			to[i] = from[i];
}

static void on_word(void *sink, const char *at, size_t len);

static __attribute__((noinline)) void
grow_for_word(struct json *j, const char *at, size_t len)
{
	if (buf_grow(j->out, len + 3))
		on_word(j, at, len);
}

/* What needs no escapes. */
static void
on_word(void *sink, const char *at, size_t len)
{
	struct json *j = sink;
	struct buf *b = j->out;
	char *p;

	if (!has_room(b, len + 3)) {
		grow_for_word(j, at, len);
		return;
	}
	p = b->at + b->len;
	*p = ',';
	p += j->comma;
	*p++ = '"';
	copy(p, at, len);
	p += len;
	*p++ = '"';
	j->comma = true;
	b->len = (size_t)(p - b->at);
}

static void
on_data_key(void *sink, const char *name, size_t len)
{
	json_key(sink, name, len);
}

#define SMALL_ROOM 6

/* 00 to 99. */
static const char two_digits[] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

/* Both digits, or only the second of a number below ten. */
static inline char *
put_two(char *p, unsigned number, bool both)
{
	memcpy(p, two_digits + 2 * number + !both, 2);
	return p + 1 + both;
}

/* Most integers are below this; the others are for json. */
#define SMALL      10000
#define SMALL_ROOM 6

static inline char *
put_small(char *p, unsigned value)
{
	if (value < 100)
		return put_two(p, value, value >= 10);
	p = put_two(p, value / 100, value >= 1000);
	return put_two(p, value % 100, true);
}

static void
on_integer(void *sink, int64_t value)
{
	struct json *j = sink;
	struct buf *b = j->out;
	char *p;

	if (!has_room(b, SMALL_ROOM) || (uint64_t)value >= SMALL) {
		json_integer(j, value);
		return;
	}
	p = b->at + b->len;
	*p = ',';
	p = put_small(p + j->comma, (unsigned)value);
	j->comma = true;
	b->len = (size_t)(p - b->at);
}

static void
on_key_integer(void *sink, enum key key, int64_t value)
{
	struct json *j = sink;
	struct buf *b = j->out;
	char *p;

	if (!has_room(b, KEY_ROOM + SMALL_ROOM) || (uint64_t)value >= SMALL) {
		on_key(j, key);
		json_integer(j, value);
		return;
	}
	p = put_small(put_ready_key(j, b->at + b->len, key), (unsigned)value);
	j->comma = true;
	b->len = (size_t)(p - b->at);
}

static void
on_text(void *sink, const char *at, size_t len)
{
	json_text(sink, at, len);
}

const struct sink_ops sink_json = {
	.open_object = on_open_object,
	.close_object = on_close_object,
	.open_list = on_open_list,
	.close_list = on_close_list,
	.key = on_key,
	.data_key = on_data_key,
	.integer = on_integer,
	.text = on_text,
	.word = on_word,
	.key_integer = on_key_integer,
};
