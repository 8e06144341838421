/* matcher: one pattern against one place of a text, by backtracking. */
#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"
#include "script/pattern_in.h"
#include "script/watchdog.h"

#define ESCAPE     '%'
#define DEPTH_MOST 200
#define LOOK_EVERY 1024 /* steps between two looks at the clock */

static inline void
step(struct matcher *m)
{
	if (UNLIKELY(++m->steps >= LOOK_EVERY)) {
		m->steps = 0;
		if (watchdog_expired())
			watchdog_raise(m->L);
	}
}

/* The character after the one-character class that begins at p. */
static const char *
class_end(struct matcher *m, const char *p)
{
	if (*p++ == ESCAPE) {
		if (p == m->pattern_end)
			luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 1;
	}
	if (p[-1] != '[')
		return p;
	if (p < m->pattern_end && *p == '^')
		p++;
	do { /* the first character may be a ']' that stands for itself */
		if (p >= m->pattern_end)
			luaL_error(m->L, "malformed pattern (missing ']')");
		if (*p++ == ESCAPE)
			p++; /* also past the end: told in the next turn */
	} while (p >= m->pattern_end || *p != ']');
	return p + 1;
}

/* %a, %d and so on; the upper-case letter is the complement. */
static bool
in_class(unsigned char c, unsigned char letter)
{
	bool in;

	switch (tolower(letter)) {
	case 'a': in = isalpha(c) != 0; break;
	case 'c': in = iscntrl(c) != 0; break;
	case 'd': in = isdigit(c) != 0; break;
	case 'g': in = isgraph(c) != 0; break;
	case 'l': in = islower(c) != 0; break;
	case 'p': in = ispunct(c) != 0; break;
	case 's': in = isspace(c) != 0; break;
	case 'u': in = isupper(c) != 0; break;
	case 'w': in = isalnum(c) != 0; break;
	case 'x': in = isxdigit(c) != 0; break;
	case 'z': in = c == '\0'; break; /* of old */
	default: return letter == c;
	}
	return isupper(letter) ? !in : in;
}

/* p is at '[', end at the matching ']'. */
static bool
in_set(unsigned char c, const char *p, const char *end)
{
	bool wanted = true;

	if (*++p == '^') {
		wanted = false;
		p++;
	}
	for (; p < end; p++) {
		if (*p == ESCAPE) {
			if (in_class(c, (unsigned char)*++p))
				return wanted;
		} else if (p[1] == '-' && p + 2 < end) {
			if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
				return wanted;
			p += 2;
		} else if ((unsigned char)*p == c)
			return wanted;
	}
	return !wanted;
}

/* Does the character at s belong to the class p .. end? */
static bool
one(struct matcher *m, const char *s, const char *p, const char *end)
{
	unsigned char c;

	if (s >= m->text_end)
		return false;
	c = (unsigned char)*s;
	switch (*p) {
	case '.': return true;
	case ESCAPE: return in_class(c, (unsigned char)p[1]);
	case '[': return in_set(c, p, end - 1);
	default: return (unsigned char)*p == c;
	}
}

/* %bxy */
static const char *
balanced(struct matcher *m, const char *s, const char *p)
{
	int open = 1;

	if (p + 1 >= m->pattern_end)
		luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
	if (s >= m->text_end || *s != *p)
		return NULL;
	while (++s < m->text_end) {
		step(m);
		if (*s == p[1]) {
			if (--open == 0)
				return s + 1;
		} else if (*s == *p)
			open++;
	}
	return NULL;
}

/* As many as there are, then one fewer at a time. */
static const char *
greedy(struct matcher *m, const char *s, const char *p, const char *end)
{
	ptrdiff_t n = 0;
	const char *found;

	while (one(m, s + n, p, end)) {
		step(m);
		n++;
	}
	for (; n >= 0; n--) {
		step(m);
		if ((found = matcher_run(m, s + n, end + 1)) != NULL)
			return found;
	}
	return NULL;
}

/* As few as will do. */
static const char *
lazy(struct matcher *m, const char *s, const char *p, const char *end)
{
	const char *found;

	for (;; s++) {
		step(m);
		if ((found = matcher_run(m, s, end + 1)) != NULL)
			return found;
		if (!one(m, s, p, end))
			return NULL;
	}
}

static const char *
open_capture(struct matcher *m, const char *s, const char *p, ptrdiff_t what)
{
	const char *found;

	if (m->captures == CAPTURES_MOST)
		luaL_error(m->L, "too many captures");
	m->capture[m->captures].at = s;
	m->capture[m->captures].len = what;
	m->captures++;
	if ((found = matcher_run(m, s, p)) == NULL)
		m->captures--;
	return found;
}

static const char *
close_capture(struct matcher *m, const char *s, const char *p)
{
	int i = m->captures - 1;
	const char *found;

	while (i >= 0 && m->capture[i].len != CAPTURE_OPEN)
		i--;
	if (i < 0)
		luaL_error(m->L, "invalid pattern capture");
	m->capture[i].len = s - m->capture[i].at;
	if ((found = matcher_run(m, s, p)) == NULL)
		m->capture[i].len = CAPTURE_OPEN;
	return found;
}

/* %1: what a capture has matched, once more. */
static const char *
again(struct matcher *m, const char *s, char digit)
{
	int i = digit - '1';
	size_t len;

	if (i < 0 || i >= m->captures || m->capture[i].len == CAPTURE_OPEN)
		luaL_error(m->L, "invalid capture index %%%d", i + 1);
	if (m->capture[i].len == CAPTURE_PLACE)
		return NULL;
	len = (size_t)m->capture[i].len;
	if ((size_t)(m->text_end - s) < len || memcmp(m->capture[i].at, s, len) != 0)
		return NULL;
	m->steps += (unsigned)(len / 64);
	return s + len;
}

/* %f[set]: the text goes over from outside to inside of the set here. p is behind the f. */
static bool
is_frontier(struct matcher *m, const char *s, const char *p, const char **end)
{
	unsigned char before = s == m->text ? '\0' : (unsigned char)s[-1];
	unsigned char here = s < m->text_end ? (unsigned char)*s : '\0';

	if (p >= m->pattern_end || *p != '[')
		luaL_error(m->L, "missing '[' after '%%f' in pattern");
	*end = class_end(m, p);
	return !in_set(before, p, *end - 1) && in_set(here, p, *end - 1);
}

/* What needs no class: captures, the end, and the escapes with a meaning of their own. */
enum special { PLAIN, ANSWER, GO_ON };

static enum special
special(struct matcher *m, const char **s, const char **p, const char **out)
{
	const char *at = *p;

	switch (*at) {
	case '(':
		*out = at + 1 < m->pattern_end && at[1] == ')'
			   ? open_capture(m, *s, at + 2, CAPTURE_PLACE)
			   : open_capture(m, *s, at + 1, CAPTURE_OPEN);
		return ANSWER;
	case ')': *out = close_capture(m, *s, at + 1); return ANSWER;
	case '$':
		if (at + 1 != m->pattern_end)
			return PLAIN;
		*out = *s == m->text_end ? *s : NULL;
		return ANSWER;
	case ESCAPE: break;
	default: return PLAIN;
	}
	if (at + 1 == m->pattern_end)
		return PLAIN;
	*out = NULL;
	if (at[1] == 'b') {
		if ((*s = balanced(m, *s, at + 2)) == NULL)
			return ANSWER;
		*p = at + 4;
		return GO_ON;
	}
	if (at[1] == 'f') {
		if (!is_frontier(m, *s, at + 2, p))
			return ANSWER;
		return GO_ON;
	}
	if (at[1] >= '0' && at[1] <= '9') {
		if ((*s = again(m, *s, at[1])) == NULL)
			return ANSWER;
		*p = at + 2;
		return GO_ON;
	}
	return PLAIN;
}

static const char *
run(struct matcher *m, const char *s, const char *p)
{
	const char *end, *found;

	while (p != m->pattern_end) {
		step(m);
		switch (special(m, &s, &p, &found)) {
		case ANSWER: return found;
		case GO_ON: continue;
		case PLAIN: break;
		}
		end = class_end(m, p);
		switch (end < m->pattern_end ? *end : '\0') {
		case '?':
			if (one(m, s, p, end) && (found = matcher_run(m, s + 1, end + 1)) != NULL)
				return found;
			p = end + 1;
			continue;
		case '+': return one(m, s, p, end) ? greedy(m, s + 1, p, end) : NULL;
		case '*': return greedy(m, s, p, end);
		case '-': return lazy(m, s, p, end);
		default: break;
		}
		if (!one(m, s, p, end))
			return NULL;
		s++;
		p = end;
	}
	return s;
}

const char *
matcher_run(struct matcher *m, const char *s, const char *p)
{
	const char *found;

	if (++m->depth > DEPTH_MOST)
		luaL_error(m->L, "pattern too complex");
	found = run(m, s, p);
	m->depth--;
	return found;
}
