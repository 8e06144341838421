/*
 * The field `escaped`: which fields hold bytes in their spelling, so that a reader can have them
 * back.
 *
 * It lists a field's path, as the field table has it, when all texts under it that hold a backslash
 * are spelled. Where a neighbour has a backslash of its own, the texts themselves are listed: the
 * path with the places in lists, from 0, and the names in objects. Either way a reader knows of
 * every text whether to undo the spelling.
 *
 * Such records are rare, so they are walked again, twice: once to see what each path holds, once to
 * list.
 */
#include "bsm/fields.h"
#include "bsm/walk.h"

#define DEPTH 12
#define PATHS 96

struct level {
	bool list;
	bool ours;       /* the name is one of ours, not the record's */
	struct str name; /* in an object: the current key */
	uint32_t index;  /* in a list: the place of the value that comes next */
};

struct seen {
	size_t at, len; /* of the path, in scratch->paths */
	bool spelled, backslash, listed;
};

struct escapes {
	struct level level[DEPTH];
	unsigned depth; /* of the current level */
	struct seen seen[PATHS];
	unsigned count;
	struct buf *paths;
	struct walk *out;         /* lists into this one; NULL: only looks */
	size_t last_at, last_len; /* the exact path listed last: a name and its value are one */
};

static void
push(struct escapes *e, bool list)
{
	if (e->depth + 1 < DEPTH)
		e->level[++e->depth] = (struct level){ .list = list };
}

/* A value is complete: the next one in this list has the next place. */
static void
pass(struct escapes *e)
{
	if (e->level[e->depth].list)
		e->level[e->depth].index++;
}

static void
on_open_object(void *sink)
{
	push(sink, false);
}

static void
on_open_list(void *sink)
{
	push(sink, true);
}

static void
on_close(void *sink)
{
	struct escapes *e = sink;

	if (e->depth > 0)
		e->depth--;
	pass(e);
}

static void
on_key(void *sink, enum key key)
{
	struct escapes *e = sink;

	e->level[e->depth].ours = true;
	e->level[e->depth].name = key_names[key];
}

static void
on_data_key(void *sink, const char *name, size_t len)
{
	struct escapes *e = sink;

	e->level[e->depth].ours = false;
	e->level[e->depth].name = (struct str){ name, len };
}

static void
on_integer(void *sink, int64_t value)
{
	(void)value;
	pass(sink);
}

static void
on_text(void *sink, const char *at, size_t len)
{
	(void)at;
	(void)len;
	pass(sink);
}

static const struct sink_ops listening = {
	.open_object = on_open_object,
	.close_object = on_close,
	.open_list = on_open_list,
	.close_list = on_close,
	.key = on_key,
	.data_key = on_data_key,
	.integer = on_integer,
	.text = on_text,
	.word = on_text,
};

/* Appends the path of the value that comes next, and returns where it starts. */
static size_t
append_path(struct escapes *e, bool exact)
{
	size_t start = e->paths->len;

	for (unsigned i = 0; i <= e->depth; i++) {
		const struct level *l = &e->level[i];

		if (!exact && (l->list || !l->ours))
			continue;
		if (e->paths->len > start)
			buf_byte(e->paths, '.');
		if (l->list)
			buf_printf(e->paths, "%u", l->index);
		else
			buf_str(e->paths, l->name);
	}
	return start;
}

static struct str
path_at(const struct escapes *e, size_t at, size_t len)
{
	return (struct str){ e->paths->at + at, len };
}

/* The entry of the current path; NULL when there is no room for one. */
static struct seen *
look_up(struct escapes *e)
{
	size_t at = append_path(e, false), len = e->paths->len - at;
	struct seen *s;

	for (unsigned i = 0; i < e->count; i++) {
		s = &e->seen[i];
		if (str_equal(path_at(e, s->at, s->len), path_at(e, at, len))) {
			buf_cut(e->paths, at);
			return s;
		}
	}
	if (e->count == PATHS || buf_failed(e->paths))
		return NULL;
	s = &e->seen[e->count++];
	*s = (struct seen){ .at = at, .len = len };
	return s;
}

static void
list_path(struct escapes *e, struct seen *s)
{
	size_t at;

	if (!s->backslash) {
		struct str path = path_at(e, s->at, s->len);

		if (!s->listed)
			e->out->ops->text(e->out->sink, path.at, path.len);
		s->listed = true;
		return;
	}
	at = append_path(e, true);
	if (e->last_len > 0 &&
	    str_equal(path_at(e, e->last_at, e->last_len), path_at(e, at, e->paths->len - at))) {
		buf_cut(e->paths, at);
		return;
	}
	e->last_at = at;
	e->last_len = e->paths->len - at;
	if (!buf_failed(e->paths))
		e->out->ops->text(e->out->sink, e->paths->at + at, e->last_len);
}

void
escaped_note(struct walk *w, struct str raw, bool spelled)
{
	struct escapes *e = w->escapes;
	struct seen *s;

	if (!spelled && memchr(raw.at, '\\', raw.len) == NULL)
		return;
	if ((s = look_up(e)) == NULL)
		return;
	if (e->out != NULL) {
		if (spelled)
			list_path(e, s);
	} else if (spelled)
		s->spelled = true;
	else
		s->backslash = true;
}

/* Walks all fields but this one with the listening sink. */
static void
listen(struct walk *w, struct escapes *e)
{
	struct walk inner = *w;
	uint64_t fields[RECORD_FIELDS / 64];

	walk_fields_of(w, fields);
	fields_remove(fields, FIELD_ESCAPED);
	e->depth = 0;
	e->level[0] = (struct level){ 0 };
	inner.ops = &listening;
	inner.sink = e;
	inner.escapes = e;
	walk_fields(&inner, fields);
}

bool
escaped_look(struct walk *w)
{
	static const struct sink_ops *const ops = &listening;
	struct escapes nobody = { .paths = &w->scratch->paths };
	struct walk inner = *w;
	uint64_t fields[RECORD_FIELDS / 64];

	if (w->scratch->escaped == ESCAPED_UNKNOWN) {
		walk_fields_of(w, fields);
		fields_remove(fields, FIELD_ESCAPED);
		inner.ops = ops;
		inner.sink = &nobody;
		inner.spelled = false;
		walk_fields(&inner, fields);
		w->scratch->escaped = inner.spelled ? ESCAPED_SOME : ESCAPED_NONE;
	}
	return w->scratch->escaped == ESCAPED_SOME;
}

void
put_escaped(struct walk *w)
{
	struct escapes e = { .paths = &w->scratch->paths };

	buf_cut(e.paths, 0);
	open_list(w);
	listen(w, &e);
	e.out = w;
	listen(w, &e);
	close_list(w);
	if (buf_failed(e.paths))
		w->scratch->no_memory = true;
}
