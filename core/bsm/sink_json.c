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

/* Puts between quotes what needs no escapes, with a comma in front if one is due, and one byte behind. */
static inline void
put_quoted(struct json *j, const char *at, size_t len, bool is_key)
{
	char *p;

	if (!buf_need(j->out, len + 4))
		return;
	p = buf_end(j->out);
	if (j->comma)
		*p++ = ',';
	*p++ = '"';
	memcpy(p, at, len);
	p += len;
	*p++ = '"';
	if (is_key)
		*p++ = ':';
	j->comma = !is_key;
	j->out->len = (size_t)(p - j->out->at);
}

static void
on_key(void *sink, enum key key)
{
	put_quoted(sink, key_names[key].at, key_names[key].len, true);
}

static void
on_word(void *sink, const char *at, size_t len)
{
	put_quoted(sink, at, len, false);
}

static void
on_data_key(void *sink, const char *name, size_t len)
{
	json_key(sink, name, len);
}

static void
on_integer(void *sink, int64_t value)
{
	json_integer(sink, value);
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
};
