/* shape: the field table as a tree of keys with ranks. */
#include "script/shape.h"

#include <stdlib.h>
#include <string.h>

#include "bsm/document.h"

static enum key
key_named(struct str name)
{
	for (int i = 0; i < KEYS; i++)
		if (str_equal(key_names[i], name))
			return (enum key)i;
	return KEYS;
}

/* One row of the table, below root; false when memory is out. */
static bool
add_row(struct shape *root, const struct field_row *row)
{
	struct shape *at = root;
	const char *name = row->path, *dot;
	enum key key;

	for (;; name = dot + 1) {
		dot = strchr(name, '.');
		key = key_named(
		    (struct str){ name, dot != NULL ? (size_t)(dot - name) : strlen(name) });
		if (key == KEYS)
			return true; /* an example of a name from the record */
		if (at->child[key] == NULL) {
			uint8_t rank = 1;

			if ((at->child[key] = calloc(1, sizeof(*at))) == NULL)
				return false;
			for (int i = 0; i < KEYS; i++)
				rank = (uint8_t)(rank + (at->rank[i] != 0));
			at->rank[key] = rank;
		}
		at = (struct shape *)(uintptr_t)at->child[key];
		if (dot == NULL)
			break;
	}
	at->list = row->list;
	at->keyed = row->keyed;
	return true;
}

const struct shape *
shape_document(void)
{
	static struct shape *document;
	struct shape *more;

	if (document != NULL)
		return document;
	if ((document = calloc(1, sizeof(*document))) == NULL)
		return NULL;
	for (size_t i = 0; i < field_rows; i++)
		if (!add_row(document, &field_table[i])) {
			document = NULL; /* never in practice; a leak is better than half a shape */
			return NULL;
		}
	/* What lies under `more` has the shape of the field of the same name, in a list. */
	if ((more = (struct shape *)(uintptr_t)document->child[KEY_MORE]) != NULL)
		for (int f = 0; f < FIELDS; f++)
			if (f != (int)FIELD_MORE && more->child[f] == NULL)
				more->child[f] = document->child[f];
	return document;
}

void
interned_read(struct interned *out, lua_State *L, int keys)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < KEYS; i++) {
		const char *at;
		uint32_t slot;

		lua_rawgeti(L, keys, i + 1);
		at = lua_tostring(L, -1);
		lua_pop(L, 1);
		slot =
		    (uint32_t)(((uintptr_t)at >> 3) * UINT32_C(0x9e3779b1) >> 16) % INTERNED_SLOTS;
		while (out->at[slot] != NULL)
			slot = (slot + 1) % INTERNED_SLOTS;
		out->at[slot] = at;
		out->key[slot] = (uint16_t)i;
	}
}
