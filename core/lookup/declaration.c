/* declaration: each member is checked, with a complaint that names it. */
#include "lookup/declaration.h"

#include <stdlib.h>

#include "base/jsonread.h"

struct reading {
	struct jsonread r;
	struct declaration *d;
	struct str shape[6]; /* raw values of what decides on how an answer is kept */
};

static struct err *
odd(const struct reading *in)
{
	return err_new("the declaration of a lookup's source is odd at byte %zu",
	    (size_t)(in->r.at - in->d->text));
}

static struct err *
read_text(struct reading *in, char **out)
{
	struct buf text = { 0 };

	if (*out != NULL || jsonread_next(&in->r) != JSONREAD_TEXT ||
	    !jsonread_decode(&text, in->r.text) ||
	    (text.len > 0 && memchr(text.at, '\0', text.len) != NULL)) {
		buf_fini(&text);
		return odd(in);
	}
	*out = strndup(text.len > 0 ? text.at : "", text.len);
	buf_fini(&text);
	return *out != NULL ? NULL : err_new("out of memory");
}

static struct err *
read_number(struct reading *in, int64_t least, int64_t most, int64_t *out)
{
	if (jsonread_next(&in->r) != JSONREAD_NUMBER || !jsonread_integer(&in->r, out) ||
	    *out < least || *out > most)
		return odd(in);
	return NULL;
}

static struct err *
read_seconds(struct reading *in, double *out)
{
	int64_t v = 0;
	struct err *e = read_number(in, 0, INT64_C(10) * 366 * 86400, &v);

	*out = (double)v;
	return e;
}

static struct err *
read_word(struct reading *in, const char *const *words, unsigned count, unsigned *out)
{
	if (jsonread_next(&in->r) == JSONREAD_TEXT)
		for (unsigned i = 0; i < count; i++)
			if (jsonread_is(&in->r, str_of(words[i]))) {
				*out = i;
				return NULL;
			}
	return odd(in);
}

static struct err *
read_object_form(struct reading *in, bool *object)
{
	static const char *const words[] = { "list", "object" };
	unsigned which = 0;
	struct err *e = read_word(in, words, ARRAY_LEN(words), &which);

	*object = which == 1;
	return e;
}

static struct err *
read_flag(struct reading *in, bool *out)
{
	enum jsonread_token token = jsonread_next(&in->r);

	*out = token == JSONREAD_TRUE;
	return token == JSONREAD_TRUE || token == JSONREAD_FALSE ? NULL : odd(in);
}

/* ---- the lists ---- */

static struct err *
read_paths(struct reading *in, struct err *(*add)(struct declaration *d, struct str path))
{
	enum jsonread_token token;
	struct buf text = { 0 };
	struct err *e = NULL;

	if (jsonread_next(&in->r) != JSONREAD_ARRAY)
		return odd(in);
	while (e == NULL && (token = jsonread_next(&in->r)) != JSONREAD_ARRAY_END) {
		buf_cut(&text, 0);
		if (token != JSONREAD_TEXT || !jsonread_decode(&text, in->r.text))
			e = odd(in);
		else
			e = add(in->d, buf_view(&text));
	}
	buf_fini(&text);
	return e;
}

static struct err *
add_field(struct declaration *d, struct str path)
{
	return field_add(&d->fields, path);
}

static struct err *
add_key(struct declaration *d, struct str path)
{
	struct err *e;

	if (d->key_count == DECLARATION_KEYS)
		return err_new("key_field: at most %d paths, please", DECLARATION_KEYS);
	if ((e = key_path_parse(&d->keys[d->key_count], path)) == NULL)
		d->key_count++;
	return e;
}

static struct err *
read_status(struct reading *in, struct declared_status *out)
{
	struct err *e = NULL;
	int64_t status = 0;
	enum jsonread_token token;

	while (e == NULL && (token = jsonread_next(&in->r)) == JSONREAD_KEY) {
		if (jsonread_is(&in->r, STR("status")))
			e = read_number(in, 100, 599, &status);
		else if (jsonread_is(&in->r, STR("code")))
			e = read_text(in, &out->code);
		else
			e = odd(in);
	}
	out->status = (unsigned)status;
	return e != NULL ? e : token == JSONREAD_OBJECT_END && status != 0 ? NULL : odd(in);
}

static struct err *
read_statuses(struct reading *in, struct declared_statuses *out)
{
	enum jsonread_token token;
	struct err *e = NULL;

	if (jsonread_next(&in->r) != JSONREAD_ARRAY)
		return odd(in);
	while (e == NULL && (token = jsonread_next(&in->r)) != JSONREAD_ARRAY_END) {
		if (token != JSONREAD_OBJECT || out->count == DECLARATION_STATUSES)
			return odd(in);
		e = read_status(in, &out->at[out->count++]);
	}
	return e;
}

/* ---- the members ---- */

static struct err *
read_batch(struct reading *in)
{
	struct declaration *d = in->d;
	struct err *e = NULL;
	int64_t most = 0;

	if (jsonread_next(&in->r) != JSONREAD_OBJECT)
		return odd(in);
	while (e == NULL && jsonread_next(&in->r) == JSONREAD_KEY) {
		if (jsonread_is(&in->r, STR("path")))
			e = read_text(in, &d->batch.path);
		else if (jsonread_is(&in->r, STR("separator")))
			e = read_text(in, &d->batch.separator);
		else if (jsonread_is(&in->r, STR("form")))
			e = read_object_form(in, &d->batch.object);
		else if (jsonread_is(&in->r, STR("most")))
			e = read_number(in, 1, 1000, &most);
		else
			e = odd(in);
	}
	d->batch.most = (size_t)most;
	if (e == NULL && (d->batch.path == NULL || d->batch.separator == NULL || most == 0))
		e = odd(in);
	return e;
}

static struct err *
read_preload(struct reading *in)
{
	static const char *const pages[] = { "one", "marker", "offset" };
	struct declaration *d = in->d;
	struct err *e = NULL;
	unsigned page = 0;
	int64_t limit = 0;

	if (jsonread_next(&in->r) != JSONREAD_OBJECT)
		return odd(in);
	while (e == NULL && jsonread_next(&in->r) == JSONREAD_KEY) {
		if (jsonread_is(&in->r, STR("path")))
			e = read_text(in, &d->preload.path);
		else if (jsonread_is(&in->r, STR("form")))
			e = read_object_form(in, &d->preload.object);
		else if (jsonread_is(&in->r, STR("page")))
			e = read_word(in, pages, ARRAY_LEN(pages), &page);
		else if (jsonread_is(&in->r, STR("marker")))
			e = read_text(in, &d->preload.marker);
		else if (jsonread_is(&in->r, STR("limit")))
			e = read_number(in, 1, 100000, &limit);
		else if (jsonread_is(&in->r, STR("every")))
			e = read_seconds(in, &d->preload.every);
		else
			e = odd(in);
	}
	d->preload.page = (enum declared_page)page;
	d->preload.limit = (unsigned)limit;
	if (e == NULL && (d->preload.path == NULL || limit == 0 || d->preload.every < 1 ||
			     (d->preload.page == PAGE_MARKER && d->preload.marker == NULL)))
		e = odd(in);
	return e;
}

static struct err *
read_form(struct reading *in)
{
	if (jsonread_next(&in->r) != JSONREAD_TEXT || !form_named(in->r.text, &in->d->form))
		return odd(in);
	return NULL;
}

static struct err *
read_at(struct reading *in)
{
	struct err *e;
	char *text = NULL;

	if ((e = read_text(in, &text)) == NULL)
		e = in->d->at.count > 0 ? odd(in) : key_path_parse(&in->d->at, str_of(text));
	free(text);
	return e;
}

static struct err *
read_member(struct reading *in)
{
	static const char *const names[] = { "service", "key", "fields", "at", "key_field" };
	struct declaration *d = in->d;
	struct jsonread *r = &in->r;
	struct jsonread ahead;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (jsonread_is(r, str_of(names[i]))) {
			ahead = *r;
			if (jsonread_skip(&ahead))
				in->shape[i] = ahead.text;
		}
	if (jsonread_is(r, STR("name")))
		return read_text(in, &d->name);
	if (jsonread_is(r, STR("service")))
		return read_text(in, &d->service);
	if (jsonread_is(r, STR("key")))
		return read_form(in);
	if (jsonread_is(r, STR("path")))
		return read_text(in, &d->path);
	if (jsonread_is(r, STR("fields")))
		return read_paths(in, add_field);
	if (jsonread_is(r, STR("at")))
		return read_at(in);
	if (jsonread_is(r, STR("keep")))
		return read_seconds(in, &d->keep);
	if (jsonread_is(r, STR("keep_none")))
		return read_seconds(in, &d->keep_none);
	if (jsonread_is(r, STR("stale")))
		return read_seconds(in, &d->stale);
	if (jsonread_is(r, STR("none")))
		return read_statuses(in, &d->none);
	if (jsonread_is(r, STR("not_ready")))
		return read_statuses(in, &d->not_ready);
	if (jsonread_is(r, STR("key_field")))
		return read_paths(in, add_key);
	if (jsonread_is(r, STR("batch")))
		return read_batch(in);
	if (jsonread_is(r, STR("preload")))
		return read_preload(in);
	if (jsonread_is(r, STR("whole")))
		return read_flag(in, &d->whole);
	return odd(in);
}

static struct err *
read_all(struct reading *in)
{
	struct declaration *d = in->d;
	enum jsonread_token token = JSONREAD_BAD;
	struct err *e = NULL;

	jsonread_init(&in->r, (struct str){ d->text, d->text_len });
	if (jsonread_next(&in->r) != JSONREAD_OBJECT)
		return odd(in);
	while (e == NULL && (token = jsonread_next(&in->r)) == JSONREAD_KEY)
		e = read_member(in);
	if (e != NULL)
		return e;
	if (token != JSONREAD_OBJECT_END || jsonread_next(&in->r) != JSONREAD_END)
		return odd(in);
	if (d->name == NULL || d->name[0] == '\0' || d->service == NULL)
		return err_new("a lookup's source has a name and a service");
	return NULL;
}

struct err *
declaration_read(struct declaration *out, struct str json)
{
	struct reading in = { .d = out };
	struct str parts[ARRAY_LEN(in.shape) * 2];
	struct err *e;

	*out = (struct declaration){ 0 };
	if ((out->text = strndup(json.at, json.len)) == NULL)
		return err_new("out of memory");
	out->text_len = strlen(out->text);
	if ((e = read_all(&in)) != NULL) {
		declaration_fini(out);
		return e;
	}
	for (size_t i = 0; i < ARRAY_LEN(in.shape); i++) {
		parts[i * 2] = in.shape[i].at != NULL ? in.shape[i] : STR("");
		parts[i * 2 + 1] = STR("\n");
	}
	hash_sha256(parts, ARRAY_LEN(parts), out->shape);
	return NULL;
}

static void
statuses_fini(struct declared_statuses *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->at[i].code);
}

void
declaration_fini(struct declaration *d)
{
	free(d->text);
	free(d->name);
	free(d->service);
	free(d->path);
	field_fini(&d->fields);
	key_path_fini(&d->at);
	statuses_fini(&d->none);
	statuses_fini(&d->not_ready);
	for (size_t i = 0; i < d->key_count; i++)
		key_path_fini(&d->keys[i]);
	free(d->batch.path);
	free(d->batch.separator);
	free(d->preload.path);
	free(d->preload.marker);
	*d = (struct declaration){ 0 };
}
