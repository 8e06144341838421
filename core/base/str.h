/*
 * str: bytes that somebody else owns. A str borrows; it is valid as long as what it
 * points into, and it has no NUL at its end unless its maker says so.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *at;
	size_t len;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

static inline struct str
str_of(const char *text)
{
	return (struct str){ text, text != NULL ? strlen(text) : 0 };
}

static inline bool
str_equal(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Order by bytes, the shorter first where one begins the other: <0, 0, >0. */
static inline int
str_compare(struct str a, struct str b)
{
	size_t least = a.len < b.len ? a.len : b.len;
	int order = least == 0 ? 0 : memcmp(a.at, b.at, least);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#define STR_HASH UINT64_C(14695981039346656037) /* what a hash begins with, perhaps with a seed */

/* FNV-1a, on from the hash of what came before. */
static inline uint64_t
str_hash(uint64_t before, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		before = (before ^ (unsigned char)s.at[i]) * UINT64_C(1099511628211);
	return before;
}

#endif
