/* when_test: one value against one test, from a record or from a live doc. */
#include <lauxlib.h>
#include <string.h>

#include "script/answer.h"
#include "script/when_in.h"

#define LIVE_DEPTH 16 /* lists in lists that a question looks into; a rule may have made a circle */

static bool
in_bounds(const struct test *t, double number)
{
	return t->kind == TEST_AT_LEAST ? number >= t->number : number <= t->number;
}

bool
when_test(const struct test *t, const struct test_value *v)
{
	switch (t->kind) {
	case TEST_INTEGER:
	case TEST_BOOLEAN:
		if (v->kind == TEST_FLOAT && t->kind == TEST_INTEGER)
			return v->number == (double)t->integer;
		return v->kind == t->kind && v->integer == t->integer;
	case TEST_FLOAT: return v->kind == TEST_FLOAT && v->number == t->number;
	case TEST_AT_LEAST:
	case TEST_AT_MOST:
		return (v->kind == TEST_INTEGER && in_bounds(t, (double)v->integer)) ||
		       (v->kind == TEST_FLOAT && in_bounds(t, v->number));
	case TEST_ANY:
		if (v->kind == TEST_TEXT)
			return needles_in(t->needles, v->text);
		for (size_t i = 0; i < t->count; i++)
			if (when_test(&t->inner[i], v))
				return true;
		return false;
	default: break;
	}
	if (v->kind != TEST_TEXT)
		return false;
	switch (t->kind) {
	case TEST_TEXT: return str_equal(t->text, v->text);
	case TEST_PREFIX:
		return v->text.len >= t->text.len &&
		       memcmp(v->text.at, t->text.at, t->text.len) == 0;
	case TEST_SUFFIX:
		return v->text.len >= t->text.len &&
		       memcmp(v->text.at + v->text.len - t->text.len, t->text.at, t->text.len) == 0;
	case TEST_CONTAINS: return memmem(v->text.at, v->text.len, t->text.at, t->text.len) != NULL;
	default: return false;
	}
}

/*
 * A search for the end of a path, fed by the walk over one field. `here` says how many steps lead
 * to the value that comes next, or -1 when it lies elsewhere; elements of a list are where the list
 * is.
 */
struct search {
	const struct when_path *path;
	int here;
	int depth;
	int above[LIVE_DEPTH]; /* the same of what is open */
	bool found;
};

static void
search_value(struct search *s)
{
	if (s->here == (int)s->path->steps)
		s->found = true;
}

static void
search_open(void *sink)
{
	struct search *s = sink;

	search_value(s);
	if (s->depth < LIVE_DEPTH)
		s->above[s->depth] = s->here;
	s->depth++;
}

static void
search_close(void *sink)
{
	struct search *s = sink;

	s->depth--;
	s->here = s->depth < LIVE_DEPTH ? s->above[s->depth] : -1;
}

static void
search_data_key(void *sink, const char *name, size_t len)
{
	struct search *s = sink;
	int above = s->depth <= LIVE_DEPTH ? s->above[s->depth - 1] : -1;

	s->here = -1;
	if (above >= 0 && above < (int)s->path->steps &&
	    str_equal(s->path->step[above], (struct str){ name, len }))
		s->here = above + 1;
}

static void
search_key(void *sink, enum key key)
{
	search_data_key(sink, key_names[key].at, key_names[key].len);
}

static void
search_integer(void *sink, int64_t value)
{
	(void)value;
	search_value(sink);
}

static void
search_text(void *sink, const char *at, size_t len)
{
	(void)at;
	(void)len;
	search_value(sink);
}

static const struct sink_ops searching = {
	.open_object = search_open,
	.close_object = search_close,
	.open_list = search_open,
	.close_list = search_close,
	.key = search_key,
	.data_key = search_data_key,
	.integer = search_integer,
	.text = search_text,
	.word = search_text,
};

/*
 * Questions to a doc: what stands at the top of the stack is looked into from step on, and
 * popped.
 */
struct question {
	lua_State *L;
	const struct when_path *path;
	int names;
	bool (*answer)(struct question *q);
	const struct test *test;
	bool (*match)(void *, const struct probe_value *);
	void *context;
};

static bool
look_into(struct question *q, unsigned step, int depth)
{
	lua_State *L = q->L;
	bool found = false;
	size_t n;

	if (lua_istable(L, -1) && depth < LIVE_DEPTH) {
		luaL_checkstack(L, 6, NULL);
		if (answer_content(L, -1))
			lua_replace(L, -2);
		if (step < q->path->steps) {
			lua_rawgeti(L, q->names, q->path->name + 1 + (lua_Integer)step);
			lua_rawget(L, -2);
			if (!lua_isnil(L, -1)) {
				found = look_into(q, step + 1, depth + 1);
				lua_pop(L, 1);
				return found;
			}
			lua_pop(L, 1);
		} else if (q->answer(q)) { /* presence is content with a table */
			lua_pop(L, 1);
			return true;
		}
		n = lua_rawlen(L, -1);
		for (size_t i = 1; i <= n && !found; i++) {
			lua_rawgeti(L, -1, (lua_Integer)i);
			found = look_into(q, step, depth + 1);
		}
	} else if (step == q->path->steps)
		found = q->answer(q);
	lua_pop(L, 1);
	return found;
}

static bool
ask_doc(struct question *q, const struct when_live *live)
{
	q->L = live->L;
	q->names = live->names;
	luaL_checkstack(q->L, 4, NULL);
	lua_rawgeti(q->L, live->names, q->path->name);
	lua_rawget(q->L, live->doc);
	return look_into(q, 0, 0);
}

static bool
is_there(struct question *q)
{
	return !lua_isnil(q->L, -1);
}

bool
when_present(const struct when_path *p, const struct run *run, const struct when_live *live)
{
	struct question q = { .path = p, .answer = is_there };
	struct search s = { .path = p };

	if (live != NULL && (p->own || run_is_made(run, p->probe.field)))
		return ask_doc(&q, live);
	if (p->own || !document_has(run->record, run->origin, p->probe.field))
		return false;
	if (p->steps == 0)
		return true;
	return document_field(run->record, run->origin, p->probe.field, &searching, &s) && s.found;
}

static bool
is_match(struct question *q)
{
	struct probe_value v = { 0 };

	if (lua_type(q->L, -1) == LUA_TSTRING) {
		v.is_text = true;
		v.text.at = lua_tolstring(q->L, -1, &v.text.len);
	} else {
		int exact = 0;

		/* A float that is a whole number equals the integer, as it does in Lua. */
		if (lua_type(q->L, -1) != LUA_TNUMBER)
			return false;
		v.integer = lua_tointegerx(q->L, -1, &exact);
		if (!exact)
			return false;
	}
	return q->match(q->context, &v);
}

bool
when_live_any(const struct when_path *p, const struct when_live *live,
    bool (*match)(void *, const struct probe_value *), void *context)
{
	struct question q = { .path = p, .answer = is_match, .match = match, .context = context };

	return ask_doc(&q, live);
}

static bool
is_passing(struct question *q)
{
	struct test_value v = { 0 };

	switch (lua_type(q->L, -1)) {
	case LUA_TSTRING:
		v.kind = TEST_TEXT;
		v.text.at = lua_tolstring(q->L, -1, &v.text.len);
		break;
	case LUA_TBOOLEAN:
		v.kind = TEST_BOOLEAN;
		v.integer = lua_toboolean(q->L, -1);
		break;
	case LUA_TNUMBER:
		v.kind = lua_isinteger(q->L, -1) ? TEST_INTEGER : TEST_FLOAT;
		v.integer = v.kind == TEST_INTEGER ? lua_tointeger(q->L, -1) : 0;
		v.number = v.kind == TEST_FLOAT ? lua_tonumber(q->L, -1) : 0;
		break;
	default: return false;
	}
	return when_test(q->test, &v);
}

bool
when_live_test(const struct when_path *p, const struct when_live *live, const struct test *t)
{
	struct question q = { .path = p, .answer = is_passing, .test = t };

	return ask_doc(&q, live);
}
