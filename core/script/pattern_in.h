/* pattern_in: the matcher, as the functions of pattern.c use it. */
#ifndef SCRIPT_PATTERN_IN_H
#define SCRIPT_PATTERN_IN_H

#include <lua.h>
#include <stddef.h>

#define CAPTURES_MOST 32
#define CAPTURE_OPEN  ((ptrdiff_t)-1) /* its closing parenthesis is still to come */
#define CAPTURE_PLACE ((ptrdiff_t)-2) /* "()": the position */

struct matcher {
	lua_State *L;
	const char *text, *text_end;
	const char *pattern_end;
	int depth;      /* calls of matcher_run() inside each other */
	unsigned steps; /* since the last look at the clock */
	int captures;
	struct {
		const char *at;
		ptrdiff_t len;
	} capture[CAPTURES_MOST];
};

/*
 * Matches the pattern from p on against the text from s on; the end of the match, or NULL. Raises
 * for a malformed pattern.
 */
const char *matcher_run(struct matcher *m, const char *s, const char *p);

#endif
