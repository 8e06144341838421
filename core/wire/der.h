/*
 * der: the length of a DER element: one byte below 128, else 0x80 + n and n bytes, as few as will
 * do.
 */
#ifndef WIRE_DER_H
#define WIRE_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define DER_LENGTH_MAX 5 /* bytes of the longest length that we read or write */

enum der_status { DER_OK, DER_SHORT, DER_BAD };

/* Writes the length n; returns the bytes written. */
static inline size_t
der_put_length(uint8_t out[DER_LENGTH_MAX], uint32_t n)
{
	size_t size = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : n < 0x1000000 ? 3 : 4;

	if (size == 0) {
		out[0] = (uint8_t)n;
		return 1;
	}
	out[0] = (uint8_t)(0x80 | size);
	for (size_t i = size; i > 0; i--, n >>= 8)
		out[i] = (uint8_t)n;
	return size + 1;
}

/*
 * Reads a length from the front of in and says in *used how many bytes it took. DER_SHORT: it
 * goes on behind in. DER_BAD: longer than it need be, above 32 bits, or the form without length.
 */
static inline enum der_status
der_get_length(struct str in, uint32_t *n, size_t *used)
{
	const uint8_t *at = (const uint8_t *)in.at;
	size_t size;
	uint32_t v = 0;

	if (in.len < 1)
		return DER_SHORT;
	if (at[0] < 0x80) {
		*n = at[0];
		*used = 1;
		return DER_OK;
	}
	size = at[0] & 0x7fu;
	if (size == 0 || size > 4)
		return DER_BAD;
	if (in.len < 1 + size)
		return DER_SHORT;
	for (size_t i = 1; i <= size; i++)
		v = v << 8 | at[i];
	if (v < 0x80 || (size > 1 && v >> (8 * (size - 1)) == 0))
		return DER_BAD;
	*n = v;
	*used = 1 + size;
	return DER_OK;
}

#endif
