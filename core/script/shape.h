/*
 * shape: the order of keys inside the objects of a document, as field_table has it, for the
 * encoder.
 */
#ifndef SCRIPT_SHAPE_H
#define SCRIPT_SHAPE_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "bsm/keys.h"

/* What is known of one place in the document. */
struct shape {
	bool list;                       /* an empty table is [] here */
	bool keyed;                      /* keys come from the record: order of their bytes */
	const struct shape *child[KEYS]; /* NULL where there is none */
	uint8_t rank[KEYS]; /* order among the keys of this object, from 1; 0: none of its own */
};

#define INTERNED_SLOTS 1024

/*
 * Which of our names a Lua string is, by its address: the names are kept alive, so equal strings
 * are the same string.
 */
struct interned {
	const char *at[INTERNED_SLOTS];
	uint16_t key[INTERNED_SLOTS];
};

/*
 * The shape of the whole document: child[field] are the fields. NULL when memory is out. Lives as
 * long as the program.
 */
const struct shape *shape_document(void) MUST_USE;

/* Reads the list of names that doc_push_keys() made, at stack index keys. */
void interned_read(struct interned *out, lua_State *L, int keys);

/* The key that a string of this state is, or KEYS. */
static inline enum key
interned_key(const struct interned *names, const char *at)
{
	uint32_t slot =
	    (uint32_t)(((uintptr_t)at >> 3) * UINT32_C(0x9e3779b1) >> 16) % INTERNED_SLOTS;

	for (; names->at[slot] != NULL; slot = (slot + 1) % INTERNED_SLOTS)
		if (names->at[slot] == at)
			return (enum key)names->key[slot];
	return KEYS;
}

#endif
