/* table: a file in JSON or CSV as a table in memory, read again when it changes. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "lookup/csv.h"
#include "lookup/inside.h"

#define COLUMNS_MOST 128

struct reading {
	struct source *s;
	struct cache cache;
	uint64_t skipped; /* elements without a key of the form */
	unsigned keys;    /* of the element */
	bool full;
};

static void
on_evicted(void *ctx, const struct cache_entry *e)
{
	(void)e;
	((struct reading *)ctx)->full = true;
}

static bool
keep_for_key(void *ctx, struct str key)
{
	struct reading *in = ctx;
	struct table *t = &in->s->table;
	struct cache_entry *e, *old;

	in->keys++;
	if ((e = cache_put(&in->cache, 0, key, CACHE_FOUND, buf_view(&in->s->l->kept))) == NULL)
		in->full = true;
	if (in->full)
		return false;
	old = !t->loaded ? NULL : cache_find(&t->cache, cache_hash(&t->cache, 0, key), 0, key);
	if (old != NULL && str_equal(cache_value(old), cache_value(e)))
		e->version = old->version;
	return true;
}

static bool
keep_element(void *ctx, struct str key, struct str json)
{
	struct reading *in = ctx;
	const struct declaration *d = &in->s->d;
	struct buf *kept = &in->s->l->kept;
	char room[ADDR_TEXT_SIZE];
	bool good = true;

	buf_cut(kept, 0);
	if (!fields_keep(kept, &d->fields, json))
		return false;
	in->keys = 0;
	if (kept->len > 0 && key.at != NULL) {
		if (form_check(d->form, &key, room))
			good = keep_for_key(in, key);
	} else if (kept->len > 0)
		good = fields_keys(json, d->keys, d->key_count, d->form, keep_for_key, in);
	in->skipped += in->keys == 0;
	return good;
}

/* ---- CSV ---- */

struct columns {
	struct buf text;
	size_t ends[COLUMNS_MOST];
	size_t count;
};

static struct str
column(const struct columns *c, size_t i)
{
	size_t from = i > 0 ? c->ends[i - 1] : 0;

	if (c->ends[i] == from) /* there may be no text at all */
		return STR("");
	return (struct str){ c->text.at + from, c->ends[i] - from };
}

static struct err *
read_columns(struct csv *csv, struct columns *out, struct buf *room)
{
	enum csv_status status;
	struct str cell;

	while ((status = csv_next(csv, room, &cell)) == CSV_CELL || status == CSV_LAST) {
		if (out->count == COLUMNS_MOST)
			return err_new("line 1: at most %d columns", COLUMNS_MOST);
		if (!utf8_valid(cell.at, cell.len))
			return err_new("line 1: the names are not UTF-8");
		buf_str(&out->text, cell);
		out->ends[out->count++] = out->text.len;
		if (status == CSV_LAST)
			return buf_failed(&out->text) ? err_new("out of memory") : NULL;
	}
	return status == CSV_END ? err_new("it is empty") : err_new("line 1: a stray quote");
}

/* A row as a JSON object; cells without a text are left out. CSV_LAST: it is there. */
static enum csv_status
read_row(struct csv *csv, const struct columns *columns, struct buf *room, struct buf *out)
{
	enum csv_status status;
	struct str cell;
	struct json j;

	buf_cut(out, 0);
	json_init(&j, out);
	json_open(&j, '{');
	for (size_t i = 0;; i++) {
		status = csv_next(csv, room, &cell);
		if (status != CSV_CELL && status != CSV_LAST)
			return status;
		if (i >= columns->count || !utf8_valid(cell.at, cell.len))
			return CSV_BAD;
		if (cell.len > 0) {
			struct str name = column(columns, i);

			json_key(&j, name.at, name.len);
			json_text(&j, cell.at, cell.len);
		}
		if (status == CSV_LAST)
			break;
	}
	json_close(&j, '}');
	return buf_failed(out) ? CSV_BAD : CSV_LAST;
}

static struct err *
take_csv(struct reading *in, struct str text)
{
	struct buf room = { 0 }, row = { 0 };
	struct columns columns = { 0 };
	enum csv_status status = CSV_END;
	unsigned line = 1;
	struct csv csv;
	struct err *e;

	csv_init(&csv, text);
	e = read_columns(&csv, &columns, &room);
	while (e == NULL) {
		line = csv.line;
		if ((status = read_row(&csv, &columns, &room, &row)) == CSV_END)
			break;
		if (status == CSV_BAD)
			e = err_new("line %u: a stray quote, bytes that are not UTF-8, or more "
				    "cells than the first line has names",
			    line);
		else if (!keep_element(in, (struct str){ 0 }, buf_view(&row)))
			e = err_new("line %u cannot be kept", line);
	}
	buf_fini(&columns.text);
	buf_fini(&room);
	buf_fini(&row);
	return e;
}

/* ---- the file ---- */

static struct err *
take_text(struct reading *in, struct str text)
{
	size_t blank = 0;

	while (
	    blank < text.len && strchr(" \t\r\n", text.at[blank]) != NULL && text.at[blank] != '\0')
		blank++;
	if (blank < text.len && (text.at[blank] == '{' || text.at[blank] == '[')) {
		if (!fields_whole(text))
			return err_new("it is no whole JSON");
		if (!fields_each(text, text.at[blank] == '{', keep_element, in) && !in->full)
			return err_new(
			    "it is no JSON list, or object, of elements that can be kept");
		return NULL;
	}
	return take_csv(in, text);
}

static struct err *
read_whole(int fd, struct buf *out)
{
	ssize_t n;

	for (;;) {
		if (!buf_need(out, 64 * 1024))
			return err_new("out of memory");
		n = read(fd, buf_end(out), out->room - out->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("read");
		if (n == 0)
			return NULL;
		out->len += (size_t)n;
		if (out->len > LOOKUP_FILE)
			return err_new("it is larger than %d MiB; what rules do not ask for need "
				       "not be in it",
			    LOOKUP_FILE / (1024 * 1024));
	}
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct err *
load(struct source *s, int fd)
{
	struct table *t = &s->table;
	struct reading in = { .s = s };
	struct buf text = { 0 };
	struct err *e;

	if (!cache_init(&in.cache, s->l->config.max_bytes))
		return err_new("out of memory");
	in.cache.versions = s->l->file_versions;
	in.cache.evicted = on_evicted;
	in.cache.ctx = &in;
	if ((e = read_whole(fd, &text)) == NULL)
		e = take_text(&in, buf_view(&text));
	if (in.full) {
		err_free(e);
		e = err_new("its content does not fit into lookups.max_bytes");
	}
	s->l->file_versions = in.cache.versions;
	if (e != NULL)
		cache_fini(&in.cache);
	else {
		if (t->loaded)
			cache_fini(&t->cache);
		t->cache = in.cache;
		t->cache.evicted = NULL;
		t->loaded = true;
		log_info("lookup_file_read", log_s("source", s->name),
		    log_s("file", s->service->config->file),
		    log_i("keys", (int64_t)t->cache.entries), log_i("bytes", (int64_t)text.len),
		    log_i("without_key", (int64_t)in.skipped));
	}
	buf_fini(&text);
	return e;
}

static void
complain(struct source *s, struct err *e)
{
	if (!s->table.complained)
		log_warn("lookup_file_bad", log_s("source", s->name),
		    log_s("file", s->service->config->file), log_e(e),
		    log_s("kept", s->table.loaded ? "its last good content" : "nothing"));
	s->table.complained = true;
	err_free(e);
}

void
table_look(struct source *s, bool anyway)
{
	const char *path = s->service->config->file;
	struct table *t = &s->table;
	struct stat now, after;
	struct err *e;
	int fd;

	if (stat(path, &now) < 0) {
		complain(s, err_sys("%s", path));
		t->looked = false;
		return;
	}
	if (t->looked && !anyway && same_file(&now, &t->known))
		return;
	t->complained = false;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0) {
		complain(s, err_sys("%s", path));
		return;
	}
	if (fstat(fd, &now) < 0)
		e = err_sys("%s", path);
	else if (!S_ISREG(now.st_mode))
		e = err_new("%s is not a regular file", path);
	else
		e = load(s, fd);
	t->known = now;
	/* Written to while it was read: it is looked at again. */
	t->looked = fstat(fd, &after) == 0 && same_file(&now, &after);
	close(fd);
	if (e != NULL)
		complain(s, e);
}

void
table_fini(struct table *t)
{
	if (t->loaded)
		cache_fini(&t->cache);
	*t = (struct table){ 0 };
}
