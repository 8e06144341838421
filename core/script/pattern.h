/*
 * pattern: Lua's patterns for rules, with a look at the clock.
 *
 * string.find, match, gmatch and gsub as the manual of Lua 5.4 describes them. The plain ones may
 * backtrack for hours inside C, where no hook can end them; these ask the watchdog on their way.
 */
#ifndef SCRIPT_PATTERN_H
#define SCRIPT_PATTERN_H

#include <lua.h>

int pattern_find(lua_State *L);
int pattern_match(lua_State *L);
int pattern_gmatch(lua_State *L);
int pattern_gsub(lua_State *L);

#endif
