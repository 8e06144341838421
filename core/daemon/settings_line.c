/*
 * Where in the text of a settings file a setting stands: a scanner of table constructors that knows
 * strings and comments.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings_values.h"

#define DEEPEST 16

struct scan {
	const char *at, *end;
	unsigned line;
	unsigned depth;
	struct {
		char key[48];   /* of the value that is being read; "" for a list item */
		unsigned items; /* list items so far */
	} level[DEEPEST];
};

/* Length of the long bracket "[==[" at p, 0 when there is none. */
static size_t
long_bracket(const char *p, const char *end)
{
	const char *q = p + 1;

	if (p >= end || *p != '[')
		return 0;
	while (q < end && *q == '=')
		q++;
	return q < end && *q == '[' ? (size_t)(q - p) + 1 : 0;
}

static void
skip_to(struct scan *s, const char *to)
{
	for (; s->at < to && s->at < s->end; s->at++)
		s->line += *s->at == '\n';
}

static void
skip_long(struct scan *s, size_t open)
{
	const char *p = s->at + open;

	for (; p + open <= s->end; p++)
		if (p[0] == ']' && p[open - 1] == ']' && memcmp(p + 1, s->at + 1, open - 2) == 0) {
			skip_to(s, p + open);
			return;
		}
	skip_to(s, s->end);
}

static void
skip_quoted(struct scan *s)
{
	char quote = *s->at++;

	for (; s->at < s->end && *s->at != quote; s->at++) {
		if (*s->at == '\\' && s->at + 1 < s->end)
			s->at++;
		s->line += *s->at == '\n';
	}
	if (s->at < s->end)
		s->at++;
}

static void
skip_blank(struct scan *s)
{
	size_t open;

	while (s->at < s->end) {
		if (isspace((unsigned char)*s->at))
			skip_to(s, s->at + 1);
		else if (s->at + 1 < s->end && s->at[0] == '-' && s->at[1] == '-') {
			s->at += 2;
			if ((open = long_bracket(s->at, s->end)) > 0)
				skip_long(s, open);
			else
				while (s->at < s->end && *s->at != '\n')
					s->at++;
		} else
			return;
	}
}

/* Does the path "a.b.2" name what the scanner stands before? */
static bool
is_here(const struct scan *s, const char *path)
{
	for (unsigned i = 1; i <= s->depth; i++) {
		size_t len = strcspn(path, ".");
		bool last = i == s->depth;

		if (s->level[i].key[0] != '\0') {
			if (len != strlen(s->level[i].key) ||
			    memcmp(path, s->level[i].key, len) != 0)
				return false;
		} else if (strtoul(path, NULL, 10) != s->level[i].items)
			return false;
		if (last)
			return path[len] == '\0';
		if (path[len] == '\0')
			return false;
		path += len + 1;
	}
	return false;
}

/* Takes "name =" or '["name"] =' into the level; false when a list item begins here. */
static bool
take_key(struct scan *s)
{
	struct scan ahead = *s;
	const char *from;
	size_t len;
	bool bracket = *ahead.at == '[' && long_bracket(ahead.at, ahead.end) == 0;

	if (bracket) {
		ahead.at++;
		skip_blank(&ahead);
		if (ahead.at >= ahead.end || (*ahead.at != '"' && *ahead.at != '\''))
			return false;
		from = ahead.at + 1;
		skip_quoted(&ahead);
		len = (size_t)(ahead.at - from) - 1;
		skip_blank(&ahead);
		if (ahead.at < ahead.end && *ahead.at == ']')
			ahead.at++;
	} else {
		from = ahead.at;
		while (
		    ahead.at < ahead.end && (isalnum((unsigned char)*ahead.at) || *ahead.at == '_'))
			ahead.at++;
		len = (size_t)(ahead.at - from);
	}
	skip_blank(&ahead);
	if (len == 0 || len >= sizeof(s->level[0].key) || ahead.at >= ahead.end ||
	    *ahead.at != '=' || (ahead.at + 1 < ahead.end && ahead.at[1] == '='))
		return false;
	memcpy(s->level[s->depth].key, from, len);
	s->level[s->depth].key[len] = '\0';
	ahead.at++;
	s->at = ahead.at;
	s->line = ahead.line;
	return true;
}

unsigned
settings_line(const char *text, size_t len, const char *path)
{
	struct scan s = { .at = text, .end = text + len, .line = 1 };
	bool item_begins = false;
	size_t open;

	for (skip_blank(&s); s.at < s.end; skip_blank(&s)) {
		char c = *s.at;

		if (s.depth > 0 && item_begins && c != '}') {
			unsigned line = s.line;

			item_begins = false;
			if (!take_key(&s)) {
				s.level[s.depth].key[0] = '\0';
				s.level[s.depth].items++;
			}
			if (is_here(&s, path))
				return line;
		} else if (c == '{') {
			if (++s.depth >= DEEPEST)
				return 0;
			s.level[s.depth].items = 0;
			item_begins = true;
			s.at++;
		} else if (c == '}') {
			if (s.depth == 0)
				return 0;
			s.depth--;
			item_begins = false;
			s.at++;
		} else if (c == '"' || c == '\'')
			skip_quoted(&s);
		else if ((open = long_bracket(s.at, s.end)) > 0)
			skip_long(&s, open);
		else {
			if (c == ',' || c == ';')
				item_begins = true;
			s.at++;
		}
	}
	return 0;
}

struct err *
settings_blame(struct err *e, const char *file)
{
	const char *text, *colon;
	struct buf content = { 0 };
	struct err *unread;
	char path[SETTINGS_PATH_SIZE];
	unsigned line = 0;

	if (e == NULL || file == NULL)
		return e;
	text = err_text(e);
	colon = strchr(text, ':');
	if (colon == NULL || (size_t)(colon - text) >= sizeof(path))
		return e;
	memcpy(path, text, (size_t)(colon - text));
	path[colon - text] = '\0';
	if ((unread = settings_text(file, &content)) == NULL && content.len > 0)
		line = settings_line(content.at, content.len, path);
	err_free(unread);
	buf_fini(&content);
	return line > 0 ? err_wrap(e, "%s:%u", file, line) : e;
}
