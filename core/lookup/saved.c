/*
 * The cache file: a magic word with the version, entries, and the SHA-256 of all before it.
 *
 *	source   'S' name_len:4 name shape:32
 *	entry    'E' kind:1 fresh:8 good:8 key_len:4 value_len:4 key value    of the source before it
 *
 * Numbers are in network order, times seconds since 1970. It is written at the end only: writing
 * takes as long as the disk does, and the loop would stand. What a crash loses is asked for anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/private.h"
#include "lookup/inside.h"

#define MAGIC        "ARLOOKUP"
#define MAGIC_OF     "ARLOOK" /* of any version */
#define VERSION      "\0\0\0\1"
#define HEAD         12
#define FURTHER_MOST (400 * 86400.0) /* seconds: what lasts longer is not believed */

static void
put_u32(struct buf *out, uint32_t v)
{
	char bytes[4];

	put_be32(bytes, v);
	buf_append(out, bytes, 4);
}

static void
put_u64(struct buf *out, uint64_t v)
{
	char bytes[8];

	put_be64(bytes, v);
	buf_append(out, bytes, 8);
}

/* ---- writing ---- */

static void
put_source(struct buf *out, struct lookup *l, const struct source *s, double now)
{
	bool named = false;

	for (const struct cache_entry *e = l->cache.oldest; e != NULL; e = e->newer) {
		if (e->owner != s->id || e->kind == CACHE_FAULT || e->good <= now)
			continue;
		if (!named) {
			named = true;
			buf_byte(out, 'S');
			put_u32(out, (uint32_t)strlen(s->name));
			buf_str(out, str_of(s->name));
			buf_append(out, s->shape, sizeof(s->shape));
		}
		buf_byte(out, 'E');
		buf_byte(out, e->kind == CACHE_FOUND ? 1 : 0);
		put_u64(out, (uint64_t)e->fresh);
		put_u64(out, (uint64_t)e->good);
		put_u32(out, e->key_len);
		put_u32(out, e->value_len);
		buf_append(out, e->bytes, (size_t)e->key_len + e->value_len);
	}
}

static struct err *
write_file(const char *path, struct str content)
{
	char *fresh = NULL;
	struct err *e = NULL;
	size_t at = 0;
	ssize_t n;
	int fd;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return err_new("out of memory");
	if (unlink(fresh) < 0 && errno != ENOENT)
		e = err_sys("%s", fresh);
	else if ((fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		e = err_sys("%s", fresh);
	else {
		while (e == NULL && at < content.len) {
			n = write(fd, content.at + at, content.len - at);
			if (n < 0 && errno != EINTR)
				e = err_sys("%s", fresh);
			at += n > 0 ? (size_t)n : 0;
		}
		if (e == NULL && fsync(fd) < 0)
			e = err_sys("%s", fresh);
		if (close(fd) < 0 && e == NULL)
			e = err_sys("%s", fresh);
		if (e == NULL && rename(fresh, path) < 0)
			e = err_sys("%s", path);
		if (e != NULL)
			unlink(fresh);
	}
	free(fresh);
	return e;
}

void
saved_write(struct lookup *l)
{
	const char *path = l->config.cache_file;
	struct buf out = { 0 };
	uint8_t digest[SHA256_SIZE];
	struct err *e;
	struct str content;

	if (path == NULL)
		return;
	buf_append(&out, MAGIC, 8);
	buf_append(&out, VERSION, 4);
	for (size_t i = 0; i < l->source_count; i++)
		put_source(&out, l, l->sources[i], ev_time());
	content = buf_view(&out);
	hash_sha256(&content, 1, digest);
	buf_append(&out, digest, sizeof(digest));
	e = buf_failed(&out) ? err_new("out of memory") : write_file(path, buf_view(&out));
	if (e != NULL)
		log_warn("lookup_cache_not_saved", log_s("file", path), log_e(e));
	else
		log_info("lookup_cache_saved", log_s("file", path),
		    log_i("entries", (int64_t)l->cache.entries));
	err_free(e);
	buf_fini(&out);
}

/* ---- reading ---- */

struct cut {
	const char *at, *end;
};

static bool
take(struct cut *c, size_t len, const char **out)
{
	if ((size_t)(c->end - c->at) < len)
		return false;
	*out = c->at;
	c->at += len;
	return true;
}

static bool
load_source(struct lookup *l, struct cut *c, struct source **out)
{
	const char *head, *name, *shape;
	uint32_t len;

	if (!take(c, 4, &head) || (len = be32(head)) == 0 || len > 64 || !take(c, len, &name) ||
	    !take(c, SHA256_SIZE, &shape) ||
	    (*out = source_new(l, (struct str){ name, len })) == NULL)
		return false;
	memcpy((*out)->shape, shape, SHA256_SIZE);
	return true;
}

static bool
load_entry(struct lookup *l, struct cut *c, const struct source *s, double now)
{
	const char *head, *key, *value;
	uint32_t key_len, value_len;
	struct cache_entry *e;
	double fresh, good;

	if (s == NULL || !take(c, 25, &head))
		return false;
	fresh = (double)be64(head + 1);
	good = (double)be64(head + 9);
	key_len = be32(head + 17);
	value_len = be32(head + 21);
	if (key_len == 0 || key_len > FORM_KEY_MOST || value_len > FIELDS_ANSWER ||
	    !take(c, key_len, &key) || !take(c, value_len, &value))
		return false;
	if (head[0] == 1 ? !fields_whole((struct str){ value, value_len })
			 : head[0] != 0 || value_len > 0)
		return false;
	if (good <= now || good > now + FURTHER_MOST || fresh > good)
		return true;
	e = cache_put(&l->cache, s->id, (struct str){ key, key_len },
	    head[0] == 1 ? CACHE_FOUND : CACHE_NOTHING, (struct str){ value, value_len });
	if (e != NULL) {
		e->fresh = fresh;
		e->good = good;
	}
	return true;
}

static struct err *
load(struct lookup *l, struct str content)
{
	struct str body;
	struct cut c;
	struct source *s = NULL;
	uint8_t digest[SHA256_SIZE];
	const char *kind;
	double now = ev_time();

	if (content.len < HEAD || memcmp(content.at, MAGIC_OF, 6) != 0)
		return err_new("it is no cache of lookups");
	if (memcmp(content.at, MAGIC, 8) != 0 || memcmp(content.at + 8, VERSION, 4) != 0)
		return err_new("it is of another version of this program");
	if (content.len < HEAD + SHA256_SIZE)
		return err_new("it is cut off");
	body = (struct str){ content.at, content.len - SHA256_SIZE };
	c = (struct cut){ body.at + HEAD, body.at + body.len };
	hash_sha256(&body, 1, digest);
	if (memcmp(digest, body.at + body.len, SHA256_SIZE) != 0)
		return err_new("it is damaged");
	while (c.at < c.end) {
		if (!take(&c, 1, &kind) || !(*kind == 'S'     ? load_source(l, &c, &s)
					       : *kind == 'E' ? load_entry(l, &c, s, now)
							      : false))
			return err_new("it is damaged");
	}
	return NULL;
}

void
saved_load(struct lookup *l)
{
	const char *path = l->config.cache_file;
	struct buf content = { 0 };
	struct err *e;

	if (path == NULL || (access(path, F_OK) < 0 && errno == ENOENT))
		return;
	if ((e = private_read(&content, path, l->config.max_bytes * 2)) == NULL)
		e = load(l, buf_view(&content));
	if (e != NULL) {
		log_warn("lookup_cache_ignored", log_s("file", path), log_e(e),
		    log_s("effect", "answers are asked for anew"));
		for (size_t i = 0; i < l->source_count; i++)
			cache_remove_owner(&l->cache, l->sources[i]->id);
	} else
		log_info("lookup_cache_loaded", log_s("file", path),
		    log_i("entries", (int64_t)l->cache.entries));
	err_free(e);
	buf_fini(&content);
}
