/* probe: a sink that follows one path, and short ways for what is asked most. */
#include "bsm/probe.h"

#include "bsm/fields.h"
#include "bsm/walk.h"

/* The direct ways: what can be told without making the whole field. */
enum quick { QUICK_NONE, QUICK_SUBJECT, QUICK_ARGUMENT };

/* A sink that follows a probe's steps and shows what it finds at their end. */
struct follower {
	const struct probe *probe;
	unsigned entered;  /* objects on the way, each one step */
	unsigned skipping; /* depth inside something that is not on the way */
	bool on_way;       /* the key that came last is the step to take */
	bool (*match)(void *context, const struct probe_value *value);
	void *context;
	bool found;
};

static void
show(struct follower *f, const struct probe_value *value)
{
	if (f->skipping > 0 || f->found || f->entered != f->probe->steps || !f->on_way)
		return;
	f->found = f->match(f->context, value);
}

static void
on_open_object(void *sink)
{
	struct follower *f = sink;

	if (f->skipping > 0 || !f->on_way || f->entered == f->probe->steps) {
		f->skipping++;
		return;
	}
	f->entered++;
	f->on_way = false;
}

/* Behind an object that was on the way, its neighbours in the same list are on it too. */
static void
on_close_object(void *sink)
{
	struct follower *f = sink;

	if (f->skipping > 0) {
		f->skipping--;
		return;
	}
	f->entered--;
	f->on_way = true;
}

static void
on_open_list(void *sink)
{
	struct follower *f = sink;

	if (f->skipping > 0 || !f->on_way)
		f->skipping++;
}

static void
on_close_list(void *sink)
{
	struct follower *f = sink;

	if (f->skipping > 0)
		f->skipping--;
}

static void
on_data_key(void *sink, const char *name, size_t len)
{
	struct follower *f = sink;

	if (f->skipping == 0)
		f->on_way = str_equal(f->probe->step[f->entered - 1], (struct str){ name, len });
}

static void
on_key(void *sink, enum key key)
{
	on_data_key(sink, key_names[key].at, key_names[key].len);
}

static void
on_integer(void *sink, int64_t value)
{
	show(sink, &(struct probe_value){ .integer = value });
}

static void
on_text(void *sink, const char *at, size_t len)
{
	show(sink, &(struct probe_value){ .is_text = true, .text = { at, len } });
}

static const struct sink_ops following = {
	.open_object = on_open_object,
	.close_object = on_close_object,
	.open_list = on_open_list,
	.close_list = on_close_list,
	.key = on_key,
	.data_key = on_data_key,
	.integer = on_integer,
	.text = on_text,
	.word = on_text,
};

/* The table's row of a path made of a field and steps; NULL when it has none. */
static const struct field_row *
row_of(const struct probe *p, unsigned steps)
{
	for (size_t i = 0; i < field_rows; i++) {
		const char *path = field_table[i].path;
		struct str name = key_names[p->field];
		unsigned step = 0;

		while (strncmp(path, name.at, name.len) == 0) {
			path += name.len;
			if (step == steps) {
				if (*path == '\0')
					return &field_table[i];
				break;
			}
			if (*path++ != '.')
				break;
			name = p->step[step++];
		}
	}
	return NULL;
}

static enum quick
quick_of(const struct probe *p)
{
	if (p->field == FIELD_SUBJECT && p->steps == 1 && !str_equal(p->step[0], STR("terminal")))
		return QUICK_SUBJECT;
	if (p->field == FIELD_ARGS && p->steps == 1)
		return QUICK_ARGUMENT;
	return QUICK_NONE;
}

bool
probe_descend(struct probe *p, struct str name)
{
	if (p->steps == PROBE_STEPS)
		return false;
	p->step[p->steps++] = name;
	p->quick = quick_of(p);
	if (row_of(p, p->steps) != NULL)
		return true;
	/* Names from the record are any. */
	for (unsigned steps = 0; steps < p->steps; steps++) {
		const struct field_row *row = row_of(p, steps);

		if (row != NULL && row->keyed)
			return true;
	}
	return false;
}

bool
probe_compile(struct str path, struct probe *out)
{
	struct probe p = { 0 };
	const char *dot = memchr(path.at, '.', path.len);
	struct str name = path;

	if (dot != NULL)
		name.len = (size_t)(dot - path.at);
	p.field = document_field_named(name);
	if (p.field == FIELDS)
		return false;
	while (name.len < path.len) {
		path.at += name.len + 1;
		path.len -= name.len + 1;
		dot = memchr(path.at, '.', path.len);
		name = (struct str){ path.at, dot != NULL ? (size_t)(dot - path.at) : path.len };
		if (!probe_descend(&p, name))
			return false;
	}
	*out = p;
	return true;
}

/* One id of a subject. */
static void
put_subject_id(struct walk *w, const struct token_subject *s, struct str name)
{
	static const struct {
		enum key key;
		size_t at;
	} ids[] = {
		{ KEY_UID, offsetof(struct token_subject, uid) },
		{ KEY_AUDIT_ID, offsetof(struct token_subject, audit_id) },
		{ KEY_PID, offsetof(struct token_subject, pid) },
		{ KEY_GID, offsetof(struct token_subject, gid) },
		{ KEY_RUID, offsetof(struct token_subject, ruid) },
		{ KEY_RGID, offsetof(struct token_subject, rgid) },
		{ KEY_SESSION_ID, offsetof(struct token_subject, session_id) },
	};

	for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
		if (str_equal(key_names[ids[i].key], name)) {
			uint32_t id;

			memcpy(&id, (const char *)s + ids[i].at, sizeof(id));
			put_integer(w, id_value(id));
			return;
		}
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] >= 0x80)
			return false;
	return true;
}

/* The arguments of one name; false when a name has to be spelled before it can be compared. */
static bool
put_named_arguments(struct walk *w, struct str name)
{
	const struct token *t;

	for (t = record_first(w->r, TOKEN_ARGUMENT); t != NULL; t = record_next(w->r, t))
		if (!is_ascii(t->argument.name))
			return false;
	for (t = record_first(w->r, TOKEN_ARGUMENT); t != NULL; t = record_next(w->r, t))
		if (str_equal(t->argument.name, name))
			put_argument(w, t);
	return true;
}

bool
probe_any(const struct probe *p, const struct record *r, const struct origin *o,
    bool (*match)(void *context, const struct probe_value *value), void *context)
{
	struct follower f = { .probe = p, .on_way = true, .match = match, .context = context };
	struct walk w = { &following, &f, r, o, r->scratch, false, NULL };
	struct probe end = *p;

	if (!document_has(r, o, p->field))
		return false;
	if (p->quick != QUICK_NONE) {
		/* What is put now stands at the path's end. */
		end.steps = 0;
		f.probe = &end;
		if (p->quick == QUICK_SUBJECT) {
			put_subject_id(&w, &record_first(r, TOKEN_SUBJECT)->subject, p->step[0]);
			return f.found;
		}
		if (put_named_arguments(&w, p->step[0]))
			return f.found;
		f.probe = p;
	}
	return document_field(r, o, p->field, &following, &f) && f.found;
}
