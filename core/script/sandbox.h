/*
 * sandbox: what rules can reach: an allow-list, a fresh environment for each file, libraries that
 * nobody can change.
 *
 * Left out on purpose: os, io, debug, package, coroutine, load and its kin, string.dump,
 * collectgarbage, warn, finalizers.
 * Functions of the record's table see through it: next, pairs, rawget, rawset.
 */
#ifndef SCRIPT_SANDBOX_H
#define SCRIPT_SANDBOX_H

#include <lua.h>

/* Prepares a new state, whose policy_of() is set. May raise. */
void sandbox_open(lua_State *L);
/* Pushes a fresh environment. */
void sandbox_push_environment(lua_State *L);
/* Replaces the table at the top by one that reads the same and cannot be changed. */
void sandbox_lock(lua_State *L);

/* Replacements for what a rule could use to run without end or limit; library.c. */
void library_open_string(lua_State *L);
void library_open_table(lua_State *L);

/* `require` for rules; modules.c. Upvalue free. */
int modules_require(lua_State *L);
/* Pushes the module itself, not its locked face. The module has to be one of ours. */
void modules_push_own(lua_State *L, const char *module);
/* Runs a source as a chunk with a fresh environment; pushes what it returns. */
void modules_run(lua_State *L, const char *name, const char *bytes, size_t size);

#endif
