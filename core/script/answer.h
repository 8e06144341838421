/*
 * answer: what a lookup found, as a value that rules can read and walk over, but not change, for
 * others read the same.
 *
 * An object or a list is an empty table in front of its content, with a metatable of its own.
 */
#ifndef SCRIPT_ANSWER_H
#define SCRIPT_ANSWER_H

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Pushes the value of a JSON text; null is nil, and is left out of objects and lists. False, and
 * nothing is pushed, when it is no JSON or nests too deeply. Raises when memory is out. mark: stack
 * index of the metatable of lists; scratch: for texts on their way.
 */
bool answer_push(lua_State *L, struct str json, int mark, struct buf *scratch) MUST_USE;

/* Pushes the content of the answer at index; false, and nothing is pushed: it is none. */
bool answer_content(lua_State *L, int index) MUST_USE;

#endif
