/*
 * doc: the record as a rule sees it, a Lua table whose fields are made when they are asked for.
 *
 * The table is an ordinary one; a metatable, which rules cannot see, makes a missing field from the
 * record, notes what is set, and makes all that is left before somebody walks over it. Objects and
 * lists inside are plain tables once they are made; lists carry a shared mark, so that an empty one
 * stays a list.
 */
#ifndef SCRIPT_DOC_H
#define SCRIPT_DOC_H

#include <lua.h>

#include "script/run.h"

/* Stack indices, or upvalues, of what a sink into Lua needs. */
struct doc_parts {
	int keys;      /* list: key_names[i] at i + 1 */
	int list_mark; /* metatable of lists */
};

/* Pushes the list of all key names. */
void doc_push_keys(lua_State *L);
/* Pushes the metatable of lists, the same one each time. */
void doc_push_list_mark(lua_State *L);
/*
 * Pushes the metatable of the docs of a run, which has to outlive it; keys and list mark as
 * above.
 */
void doc_push_metatable(lua_State *L, struct run *run, struct doc_parts parts);

/* Pushes the value of a field that the record has. May raise. */
void doc_push_field(lua_State *L, const struct run *run, enum field field, struct doc_parts parts);

/* Makes every field of the record that is not made yet, in the table at index doc. */
void doc_make_all(lua_State *L, struct run *run, int doc, struct doc_parts parts);

/* The field whose name stands at index, or FIELDS. */
enum field doc_field_of(lua_State *L, const struct run *run, int index);

#endif
