/*
 * needles: looks for many texts in one text, in one pass, however many they are.
 *
 * An automaton after Aho and Corasick. A needle may be bound to the beginning or the end of the
 * text, or to both.
 */
#ifndef SCRIPT_NEEDLES_H
#define SCRIPT_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/str.h"

struct needle {
	struct str text;
	bool at_start, at_end;
};

struct needles;

/* The texts are copied. NULL when memory is out. */
struct needles *needles_new(const struct needle *list, size_t count) MUST_USE;
/* NULL is fine. */
void needles_free(struct needles *n);
/* Is any of them in the text? */
bool needles_in(const struct needles *n, struct str text);

#endif
