/* when_compile: tables of `when` to paths and tests, and what may be written wrong in them. */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "bsm/names.h"
#include "script/when_in.h"

/*
 * Compiling. It runs inside Lua's protection: what is wrong is raised, and what is half made
 * belongs to the struct when, which when_free() takes in any state.
 */
struct compiler {
	struct when *w;
	lua_State *L;
	size_t rule;
	int functions, mark, own;
	struct str step[PROBE_STEPS + 1]; /* the path so far; the texts stand in the rule's table */
	unsigned depth;
};

static void *
grown(lua_State *L, void *list, size_t count, size_t size)
{
	/* Doubles at each power of two. */
	if ((count & (count - 1)) == 0 &&
	    (list = realloc(list, (count == 0 ? 1 : count * 2) * size)) == NULL)
		luaL_error(L, "not enough memory");
	return list;
}

static struct str
copied(lua_State *L, struct str text)
{
	char *copy = malloc(text.len + 1);

	if (copy == NULL)
		luaL_error(L, "not enough memory");
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	return (struct str){ copy, text.len };
}

static struct str
text_at(lua_State *L, int index)
{
	struct str text;

	text.at = lua_tolstring(L, index, &text.len);
	return text;
}

/* Raises "when.subject.uid: reason". */
static void
complain(struct compiler *c, const char *reason)
{
	luaL_Buffer b;

	luaL_buffinit(c->L, &b);
	luaL_addstring(&b, "when");
	for (unsigned i = 0; i < c->depth; i++) {
		luaL_addchar(&b, '.');
		luaL_addlstring(&b, c->step[i].at, c->step[i].len);
	}
	luaL_addstring(&b, ": ");
	luaL_addstring(&b, reason);
	luaL_pushresult(&b);
	luaL_error(c->L, "%s", lua_tostring(c->L, -1));
}

/*
 * The names that may stand behind the path so far, after its last step failed; raises with the
 * nearest.
 */
static void
complain_name(struct compiler *c)
{
	struct nearest near = { .to = c->step[c->depth - 1] };
	char prefix[256] = "", text[512];
	size_t len = 0;

	for (unsigned i = 0; i + 1 < c->depth; i++)
		len +=
		    (size_t)snprintf(prefix + len, len < sizeof(prefix) ? sizeof(prefix) - len : 0,
			"%.*s.", (int)c->step[i].len, c->step[i].at);
	if (len >= sizeof(prefix))
		len = sizeof(prefix) - 1;
	for (size_t i = 0; i < field_rows; i++) {
		const char *path = field_table[i].path;

		if (strncmp(path, prefix, len) == 0 && strchr(path + len, '.') == NULL)
			nearest_offer(&near, str_of(path + len));
	}
	if (c->depth == 1) {
		lua_pushnil(c->L);
		while (lua_next(c->L, c->own) != 0) {
			nearest_offer(&near, text_at(c->L, -2));
			lua_pop(c->L, 1);
		}
	}
	snprintf(text, sizeof(text), "there is no field \"%.*s%.*s\"%s%.*s%s%s", (int)len, prefix,
	    (int)near.to.len, near.to.at, near.best.at != NULL ? "; did you mean \"" : "",
	    (int)near.best.len, near.best.at != NULL ? near.best.at : "",
	    near.best.at != NULL ? "\"?" : "",
	    c->depth == 1
		? " (a field of its own is declared by the rule that adds it: adds = { … })"
		: "");
	c->depth--;
	complain(c, text);
}

static bool
is_own(struct compiler *c)
{
	bool own;

	lua_pushlstring(c->L, c->step[0].at, c->step[0].len);
	lua_rawget(c->L, c->own);
	own = !lua_isnil(c->L, -1);
	lua_pop(c->L, 1);
	return own;
}

static struct when_path *
add_path(struct compiler *c)
{
	struct when *w = c->w;
	struct when_path *p;
	size_t len = 0;
	char *at;

	w->paths = grown(c->L, w->paths, w->path_count, sizeof(*w->paths));
	p = &w->paths[w->path_count];
	*p = (struct when_path){ .own = false };
	for (unsigned i = 0; i < c->depth; i++)
		len += c->step[i].len + 1;
	if ((p->text = at = calloc(1, len + 1)) == NULL)
		luaL_error(c->L, "not enough memory");
	w->path_count++;
	p->text_len = len;
	p->steps = c->depth - 1;
	for (unsigned i = 0; i < c->depth; i++) {
		struct str step = { at, c->step[i].len };

		memcpy(at, c->step[i].at, step.len);
		at += step.len + 1;
		if (i > 0)
			p->step[i - 1] = step;
		if (p->own)
			continue;
		if (i == 0 && !probe_compile(step, &p->probe)) {
			p->own = is_own(c);
			if (!p->own) {
				c->depth = 1;
				complain_name(c);
			}
			w->has_own = true;
		} else if (i > 0 && !probe_descend(&p->probe, step)) {
			c->depth = i + 1;
			complain_name(c);
		}
	}
	if (!p->own)
		w->fields[p->probe.field / 64] |= UINT64_C(1) << (p->probe.field % 64);
	return p;
}

static uint32_t
path_of(struct compiler *c)
{
	struct when *w = c->w;

	for (size_t i = 0; i < w->path_count; i++) {
		const struct when_path *p = &w->paths[i];
		const char *at = p->text;
		bool same = p->steps + 1 == c->depth;

		for (unsigned k = 0; k < c->depth && same; k++) {
			same = str_equal(str_of(at), c->step[k]);
			at += strlen(at) + 1;
		}
		if (same)
			return (uint32_t)i;
	}
	return (uint32_t)(add_path(c) - w->paths);
}

static bool
is_matcher(struct compiler *c, int index)
{
	bool is = false;

	if (lua_istable(c->L, index) && lua_getmetatable(c->L, index)) {
		is = lua_rawequal(c->L, -1, c->mark);
		lua_pop(c->L, 1);
	}
	return is;
}

static bool
is_event(const struct compiler *c)
{
	return c->depth == 1 && str_equal(c->step[0], STR("event"));
}

/*
 * An event that no system has never comes; but a number without a name is written in decimal, and
 * then it may.
 */
static void
check_event(struct compiler *c, struct str name)
{
	struct nearest near = { .to = name };
	char text[256];

	if (names_event_exists(name) || str_equal(name, STR("undecodable")) ||
	    (name.len > 0 && strspn(name.at, "0123456789") == name.len))
		return;
	for (size_t i = 0; i < names_event_count(); i++)
		nearest_offer(&near, names_event_at(i));
	snprintf(text, sizeof(text), "there is no event \"%.*s\"; did you mean \"%.*s\"?",
	    (int)name.len, name.at, (int)near.best.len, near.best.at != NULL ? near.best.at : "");
	complain(c, text);
}

static void compile_test(struct compiler *c, struct test *out, int index);

/* How many texts an ANY asks for, in any depth; put into out, if that is given. */
static size_t
collect_needles(const struct test *t, struct needle *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct test *inner = &t->inner[i];

		if (inner->kind == TEST_ANY)
			n += collect_needles(inner, out != NULL ? out + n : NULL);
		else if (inner->kind == TEST_TEXT || inner->kind == TEST_PREFIX ||
			 inner->kind == TEST_SUFFIX || inner->kind == TEST_CONTAINS) {
			if (out != NULL)
				out[n] = (struct needle){ inner->text,
					inner->kind == TEST_TEXT || inner->kind == TEST_PREFIX,
					inner->kind == TEST_TEXT || inner->kind == TEST_SUFFIX };
			n++;
		}
	}
	return n;
}

static void
gather_texts(struct compiler *c, struct test *t)
{
	size_t n = collect_needles(t, NULL);
	struct needle *list = calloc(n + 1, sizeof(*list));

	if (list != NULL) {
		collect_needles(t, list);
		t->needles = needles_new(list, n);
		free(list);
	}
	if (t->needles == NULL)
		luaL_error(c->L, "not enough memory");
}

static void
compile_list(struct compiler *c, struct test *out, int index)
{
	size_t n = lua_rawlen(c->L, index);

	out->kind = TEST_ANY;
	if ((out->inner = calloc(n, sizeof(*out->inner))) == NULL)
		luaL_error(c->L, "not enough memory");
	out->count = n;
	out->of_values = true;
	for (size_t i = 0; i < n; i++) {
		struct test *inner = &out->inner[i];

		lua_rawgeti(c->L, index, (lua_Integer)i + 1);
		compile_test(c, inner, lua_gettop(c->L));
		if (inner->kind == TEST_NO || inner->kind == TEST_PRESENT ||
		    inner->kind == TEST_ABSENT || (inner->kind == TEST_ANY && !inner->of_values))
			out->of_values = false;
		lua_pop(c->L, 1);
	}
	if (out->of_values)
		gather_texts(c, out);
}

static void
compile_matcher(struct compiler *c, struct test *out, int index)
{
	static const struct {
		const char *name;
		enum test_kind kind;
	} kinds[] = { { "prefix", TEST_PREFIX }, { "suffix", TEST_SUFFIX },
		{ "contains", TEST_CONTAINS }, { "at_least", TEST_AT_LEAST },
		{ "at_most", TEST_AT_MOST }, { "present", TEST_PRESENT }, { "absent", TEST_ABSENT },
		{ "no", TEST_NO } };
	const char *name;
	size_t i = 0;

	lua_getfield(c->L, index, "matcher");
	lua_getfield(c->L, index, "value");
	name = lua_tostring(c->L, -2);
	while (i < ARRAY_LEN(kinds) && (name == NULL || strcmp(name, kinds[i].name) != 0))
		i++;
	if (i == ARRAY_LEN(kinds))
		complain(c, "not a matcher of auditrecv.rule");
	out->kind = kinds[i].kind;
	if (out->kind == TEST_NO) {
		if ((out->inner = calloc(1, sizeof(*out->inner))) == NULL)
			luaL_error(c->L, "not enough memory");
		out->count = 1;
		compile_test(c, out->inner, lua_gettop(c->L));
	} else if (out->kind == TEST_AT_LEAST || out->kind == TEST_AT_MOST)
		out->number = lua_tonumber(c->L, -1);
	else if (lua_type(c->L, -1) == LUA_TSTRING)
		out->text = copied(c->L, text_at(c->L, -1));
	else if (out->kind != TEST_PRESENT && out->kind != TEST_ABSENT)
		complain(c, "not a matcher of auditrecv.rule");
	lua_pop(c->L, 2);
}

static void
compile_test(struct compiler *c, struct test *out, int index)
{
	int exact = 0;

	luaL_checkstack(c->L, 8, NULL);
	switch (lua_type(c->L, index)) {
	case LUA_TSTRING:
		out->kind = TEST_TEXT;
		if (is_event(c))
			check_event(c, text_at(c->L, index));
		out->text = copied(c->L, text_at(c->L, index));
		break;
	case LUA_TBOOLEAN:
		out->kind = TEST_BOOLEAN;
		out->integer = lua_toboolean(c->L, index);
		break;
	case LUA_TNUMBER:
		out->kind = TEST_INTEGER;
		out->integer = lua_tointegerx(c->L, index, &exact);
		if (!exact) {
			out->kind = TEST_FLOAT;
			out->number = lua_tonumber(c->L, index);
		}
		break;
	case LUA_TTABLE:
		if (is_matcher(c, index))
			compile_matcher(c, out, index);
		else
			compile_list(c, out, index);
		break;
	default: complain(c, "no such condition");
	}
}

static bool
is_equality(const struct test *t)
{
	if (t->kind == TEST_ANY) {
		for (size_t i = 0; i < t->count; i++)
			if (t->inner[i].kind != TEST_TEXT && t->inner[i].kind != TEST_INTEGER)
				return false;
		return true;
	}
	return t->kind == TEST_TEXT || t->kind == TEST_INTEGER;
}

static void
add_equality(struct compiler *c, uint32_t path, const struct test *t)
{
	struct when *w = c->w;
	struct equality *e;

	if (t->kind == TEST_ANY) {
		for (size_t i = 0; i < t->count; i++)
			add_equality(c, path, &t->inner[i]);
		return;
	}
	w->equalities = grown(c->L, w->equalities, w->equality_count, sizeof(*e));
	e = &w->equalities[w->equality_count];
	*e = (struct equality){ .path = path,
		.rule = (uint32_t)c->rule,
		.is_text = t->kind == TEST_TEXT,
		.integer = t->integer };
	if (e->is_text)
		e->text = copied(c->L, t->text);
	w->equality_count++;
}

static void
compile_condition(struct compiler *c, int index)
{
	struct when *w = c->w;
	struct condition *k;

	w->conditions = grown(c->L, w->conditions, w->condition_count, sizeof(*k));
	k = &w->conditions[w->condition_count];
	*k = (struct condition){ .path = path_of(c) };
	/* Counted first, so that a complaint below leaves it to when_free(). */
	w->condition_count++;
	compile_test(c, &k->test, index);
	if (!is_equality(&k->test)) {
		w->rules[c->rule].count++;
		return;
	}
	if (w->paths[k->path].rules == NULL &&
	    (w->paths[k->path].rules = calloc(w->words, sizeof(uint64_t))) == NULL)
		luaL_error(c->L, "not enough memory");
	w->paths[k->path].rules[c->rule / 64] |= UINT64_C(1) << (c->rule % 64);
	add_equality(c, k->path, &k->test);
	when_test_free(&k->test);
	w->condition_count--;
}

/* functions[rule + 1] gets the function at index and the steps to its value. */
static void
add_function(struct compiler *c, int index)
{
	lua_State *L = c->L;
	lua_Integer n;

	if (lua_rawgeti(L, c->functions, (lua_Integer)c->rule + 1) == LUA_TNIL) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawseti(L, c->functions, (lua_Integer)c->rule + 1);
	}
	n = (lua_Integer)lua_rawlen(L, -1);
	lua_pushvalue(L, index);
	lua_rawseti(L, -2, ++n);
	for (unsigned i = 0; i < c->depth; i++) {
		lua_pushlstring(L, c->step[i].at, c->step[i].len);
		lua_rawseti(L, -2, ++n);
	}
	lua_pop(L, 1);
	c->w->rules[c->rule].functions++;
}

static void
compile_nested(struct compiler *c, int index)
{
	lua_State *L = c->L;
	int value;

	luaL_checkstack(L, 8, NULL);
	lua_pushnil(L);
	while (lua_next(L, index) != 0) {
		value = lua_gettop(L);
		if (lua_type(L, -2) != LUA_TSTRING)
			complain(c, "names fields, and is no list");
		if (c->depth == ARRAY_LEN(c->step))
			complain(c, "nests too deeply");
		c->step[c->depth++] = text_at(L, -2);
		if (strlen(c->step[c->depth - 1].at) != c->step[c->depth - 1].len)
			complain(c, "a name with a NUL in it");
		if (c->depth == 1 && strchr(c->step[0].at, '.') != NULL)
			complain(c, "what is inside a field is named by a table inside: "
				    "when = { subject = { uid = 0 } }");
		if (lua_isfunction(L, value)) {
			path_of(c); /* the name has to exist */
			add_function(c, value);
		} else if (lua_istable(L, value) && !is_matcher(c, value) &&
			   lua_rawlen(L, value) == 0)
			compile_nested(c, value);
		else
			compile_condition(c, value);
		c->depth--;
		lua_pop(L, 1);
	}
}

void
when_compile(struct when *w, lua_State *L, size_t rule, int functions, int mark, int own)
{
	struct compiler c = { w, L, rule, functions, mark, own, { { 0 } }, 0 };
	int top = lua_gettop(L);

	w->rules[rule].first = w->condition_count;
	if (lua_isfunction(L, top))
		add_function(&c, top);
	else if (lua_istable(L, top))
		compile_nested(&c, top);
	lua_settop(L, top);
}
