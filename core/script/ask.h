/*
 * ask: what the module auditrecv.lookup has of the program: sources are declared, and asked.
 *
 * A question that has no answer yet leaves the record's coroutine, and goes on where it stopped.
 * What was found stands in the Lua state from then on, until its version is another one.
 */
#ifndef SCRIPT_ASK_H
#define SCRIPT_ASK_H

#include <lua.h>

#include "script/policy.h"

/* Pushes the table that the module gets: `declare` and `has`. */
void ask_push_program(lua_State *L);
/* Forgets all answers that stand in the state; they are found again when they are asked for. */
void ask_forget(lua_State *L);

#endif
