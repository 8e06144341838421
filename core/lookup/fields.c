/* fields: paths as a tree that an answer is read along. */
#include "lookup/fields.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/jsonread.h"
#include "base/utf8.h"

/* ---- paths ---- */

static struct field *
child_named(struct field *f, struct str name)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_equal(str_of(f->children[i].name), name))
			return &f->children[i];
	return NULL;
}

static struct field *
add_child(struct field *f, struct str name)
{
	struct field *more;
	char *copy;

	if ((more = realloc(f->children, (f->count + 1) * sizeof(*more))) == NULL)
		return NULL;
	f->children = more;
	if ((copy = strndup(name.at, name.len)) == NULL)
		return NULL;
	f->children[f->count] = (struct field){ .name = copy };
	return &f->children[f->count++];
}

struct err *
field_add(struct field *root, struct str path)
{
	struct key_path steps;
	struct field *f = root, *child = NULL;
	struct err *e;

	if ((e = key_path_parse(&steps, path)) != NULL)
		return e;
	for (size_t i = 0; e == NULL && i < steps.count; i++) {
		child = child_named(f, steps.steps[i]);
		if (child != NULL && child->count == 0) /* all of it is kept already */
			break;
		if (child == NULL && f->count == FIELDS_MOST)
			e = err_new("at most %d fields on one level, please", FIELDS_MOST);
		else if (child == NULL && (child = add_child(f, steps.steps[i])) == NULL)
			e = err_new("out of memory");
		else
			f = child;
	}
	/* "tags" after "tags.role": all of it. */
	if (e == NULL && f == child && f->count > 0) {
		for (size_t i = 0; i < f->count; i++) {
			field_fini(&f->children[i]);
			free(f->children[i].name);
		}
		free(f->children);
		f->children = NULL;
		f->count = 0;
	}
	key_path_fini(&steps);
	return e;
}

void
field_fini(struct field *root)
{
	for (size_t i = 0; i < root->count; i++) { /* as deep as a path has steps */
		field_fini(&root->children[i]);
		free(root->children[i].name);
	}
	free(root->children);
	root->children = NULL;
	root->count = 0;
}

struct err *
key_path_parse(struct key_path *out, struct str path)
{
	const char *at, *dot, *end;

	*out = (struct key_path){ 0 };
	if ((out->text = strndup(path.at, path.len)) == NULL)
		return err_new("out of memory");
	at = out->text;
	end = at + strlen(at);
	for (;;) {
		if ((dot = memchr(at, '.', (size_t)(end - at))) == NULL)
			dot = end;
		if (dot == at || out->count == FIELDS_STEPS) {
			key_path_fini(out);
			return err_new("\"%.*s\" is no path of 1 to %d names parted by dots",
			    (int)path.len, path.at, FIELDS_STEPS);
		}
		out->steps[out->count++] = (struct str){ at, (size_t)(dot - at) };
		if (dot == end)
			return NULL;
		at = dot + 1;
	}
}

void
key_path_fini(struct key_path *p)
{
	free(p->text);
	*p = (struct key_path){ 0 };
}

/* ---- values ---- */

/*
 * Reads past the rest of a value whose first token was read, and lends the whole. False: bad, or
 * nested deeper than `most`.
 */
static bool
take_rest(struct jsonread *r, enum jsonread_token token, unsigned most, struct str *out)
{
	const char *from = r->text.at;
	unsigned depth = r->depth;

	switch (token) {
	case JSONREAD_TEXT: *out = (struct str){ from - 1, r->text.len + 2 }; return true;
	case JSONREAD_NUMBER:
	case JSONREAD_TRUE:
	case JSONREAD_FALSE:
	case JSONREAD_NULL: *out = r->text; return true;
	case JSONREAD_OBJECT:
	case JSONREAD_ARRAY: break;
	default: return false;
	}
	while (r->depth >= depth)
		if (r->depth >= depth + most || jsonread_next(r) == JSONREAD_BAD)
			return false;
	*out = (struct str){ from, (size_t)(r->at - from) };
	return true;
}

static bool
is_null(struct str value)
{
	return value.len > 0 && value.at[0] == 'n';
}

static bool keep_object(struct jsonread *r, struct json *j, const struct field *f);

/* The value of a wanted name comes next. */
static bool
keep_member(struct jsonread *r, struct json *j, const struct field *f)
{
	size_t before = j->out->len, inside;
	bool comma = j->comma;
	enum jsonread_token token = jsonread_next(r);
	struct str value;

	if (f->count > 0 && token == JSONREAD_OBJECT) {
		json_key(j, f->name, strlen(f->name));
		json_open(j, '{');
		inside = j->out->len;
		if (!keep_object(r, j, f))
			return false;
		if (j->out->len == inside) { /* nothing of it was there */
			buf_cut(j->out, before);
			j->comma = comma;
		} else
			json_close(j, '}');
		return true;
	}
	if (!take_rest(r, token, FIELDS_NESTING, &value))
		return false;
	if (f->count > 0 || is_null(value))
		return true;
	if (value.len > FIELDS_VALUE)
		return false;
	json_key(j, f->name, strlen(f->name));
	json_raw(j, value);
	return true;
}

/* The members of an object whose bracket was read. Not deeper than a path has steps. */
static bool
keep_object(struct jsonread *r, struct json *j, const struct field *f)
{
	enum jsonread_token token;
	uint64_t seen = 0;
	size_t i;

	while ((token = jsonread_next(r)) == JSONREAD_KEY) {
		for (i = 0; i < f->count && !jsonread_is(r, str_of(f->children[i].name)); i++)
			;
		if (i == f->count || (seen >> i & 1) != 0) {
			if (!jsonread_skip(r))
				return false;
			continue;
		}
		seen |= UINT64_C(1) << i;
		if (!keep_member(r, j, &f->children[i]))
			return false;
	}
	return token == JSONREAD_OBJECT_END;
}

bool
fields_keep(struct buf *out, const struct field *root, struct str json)
{
	size_t before = out->len;
	struct jsonread r;
	struct json j;
	struct str value;
	enum jsonread_token token;

	if (!utf8_valid(json.at, json.len))
		return false;
	jsonread_init(&r, json);
	token = jsonread_next(&r);
	if (root->count > 0 && token == JSONREAD_ARRAY)
		return false;
	if (root->count > 0 && token == JSONREAD_OBJECT) {
		json_init(&j, out);
		json_open(&j, '{');
		if (!keep_object(&r, &j, root))
			return false;
		json_close(&j, '}');
	} else {
		if (!take_rest(&r, token, FIELDS_NESTING, &value))
			return false;
		if (!is_null(value))
			buf_str(out, value);
	}
	return jsonread_next(&r) == JSONREAD_END && out->len - before <= FIELDS_ANSWER &&
	       !buf_failed(out);
}

bool
fields_at(struct str json, const struct key_path *path, struct str *out)
{
	struct str inside = json;

	for (size_t i = 0; i < path->count; i++) {
		struct str value = { 0 };
		enum jsonread_token token;
		struct jsonread r;

		jsonread_init(&r, inside);
		if ((token = jsonread_next(&r)) == JSONREAD_BAD)
			return false;
		if (token != JSONREAD_OBJECT) {
			*out = (struct str){ 0 };
			return true;
		}
		while ((token = jsonread_next(&r)) == JSONREAD_KEY) {
			bool wanted = value.len == 0 && jsonread_is(&r, path->steps[i]);

			if (!jsonread_skip(&r))
				return false;
			if (wanted)
				value = r.text;
		}
		if (token != JSONREAD_OBJECT_END || jsonread_next(&r) != JSONREAD_END)
			return false;
		if (value.len == 0) {
			*out = (struct str){ 0 };
			return true;
		}
		inside = value;
	}
	*out = inside;
	return true;
}

/* ---- keys ---- */

struct key_walk {
	const struct key_path *path;
	enum form form;
	bool (*found)(void *ctx, struct str key);
	void *ctx;
	unsigned count;
};

static bool
emit_key(struct key_walk *w, const struct jsonread *r)
{
	char room[ADDR_TEXT_SIZE];
	struct buf decoded = { 0 };
	struct str key = r->text;
	bool good = true;

	if (r->text.len > 6 * FORM_KEY_MOST || w->count == FIELDS_KEYS_EACH)
		return true;
	if (r->escaped) {
		if (!jsonread_decode(&decoded, r->text)) {
			buf_fini(&decoded);
			return false;
		}
		key = buf_view(&decoded);
	}
	if (form_check(w->form, &key, room)) {
		w->count++;
		good = w->found(w->ctx, key);
	}
	buf_fini(&decoded);
	return good;
}

/* What stands below step `step`; its first token was read. Not deeper than a path has steps. */
static bool
walk_keys(struct key_walk *w, struct jsonread *r, enum jsonread_token token, size_t step)
{
	struct str ignored, name;
	bool every;

	if (step == w->path->count) {
		if (token == JSONREAD_TEXT)
			return emit_key(w, r);
		return take_rest(r, token, JSONREAD_DEPTH, &ignored);
	}
	name = w->path->steps[step];
	every = str_equal(name, STR("*"));
	if (token == JSONREAD_OBJECT) {
		while ((token = jsonread_next(r)) == JSONREAD_KEY) {
			if (every || jsonread_is(r, name)) {
				if (!walk_keys(w, r, jsonread_next(r), step + 1))
					return false;
			} else if (!jsonread_skip(r))
				return false;
		}
		return token == JSONREAD_OBJECT_END;
	}
	if (token == JSONREAD_ARRAY && every) {
		while ((token = jsonread_next(r)) != JSONREAD_ARRAY_END)
			if (!walk_keys(w, r, token, step + 1))
				return false;
		return true;
	}
	return take_rest(r, token, JSONREAD_DEPTH, &ignored);
}

bool
fields_keys(struct str json, const struct key_path *paths, size_t count, enum form form,
    bool (*found)(void *ctx, struct str key), void *ctx)
{
	struct key_walk w = { .form = form, .found = found, .ctx = ctx };

	for (size_t i = 0; i < count && w.count == 0; i++) {
		struct jsonread r;

		w.path = &paths[i];
		jsonread_init(&r, json);
		if (!walk_keys(&w, &r, jsonread_next(&r), 0) || jsonread_next(&r) != JSONREAD_END)
			return false;
	}
	return true;
}

/* ---- elements ---- */

static bool
each_member(struct jsonread *r, bool (*element)(void *, struct str, struct str), void *ctx)
{
	struct buf decoded = { 0 };
	enum jsonread_token token;
	bool good = true;

	while (good && (token = jsonread_next(r)) == JSONREAD_KEY) {
		struct str key = r->text;

		if (r->escaped) {
			buf_cut(&decoded, 0);
			good = jsonread_decode(&decoded, r->text);
			key = buf_view(&decoded);
		}
		good = good && jsonread_skip(r) && element(ctx, key, r->text);
	}
	buf_fini(&decoded);
	return good && token == JSONREAD_OBJECT_END;
}

bool
fields_each(struct str json, bool object,
    bool (*element)(void *ctx, struct str key, struct str json), void *ctx)
{
	struct jsonread r;
	enum jsonread_token token;
	struct str value;

	jsonread_init(&r, json);
	token = jsonread_next(&r);
	if (token != (object ? JSONREAD_OBJECT : JSONREAD_ARRAY))
		return false;
	if (object)
		return each_member(&r, element, ctx) && jsonread_next(&r) == JSONREAD_END;
	while ((token = jsonread_next(&r)) != JSONREAD_ARRAY_END)
		if (!take_rest(&r, token, JSONREAD_DEPTH, &value) ||
		    !element(ctx, (struct str){ 0 }, value))
			return false;
	return jsonread_next(&r) == JSONREAD_END;
}

bool
fields_whole(struct str json)
{
	struct jsonread r;

	jsonread_init(&r, json);
	return jsonread_skip(&r) && jsonread_next(&r) == JSONREAD_END;
}

bool
fields_code_is(struct str json, struct str code)
{
	struct jsonread r;

	jsonread_init(&r, json);
	if (jsonread_next(&r) != JSONREAD_OBJECT)
		return false;
	while (jsonread_next(&r) == JSONREAD_KEY) {
		if (jsonread_is(&r, STR("code")))
			return jsonread_next(&r) == JSONREAD_TEXT && jsonread_is(&r, code);
		if (!jsonread_skip(&r))
			return false;
	}
	return false;
}
