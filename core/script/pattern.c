/* pattern: find, match, gmatch and gsub over the matcher. */
#include "script/pattern.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "script/pattern_in.h"

#define SPECIALS "^$*+?.([%-"

static void
prepare(struct matcher *m, lua_State *L, const char *text, size_t text_len, const char *pattern,
    size_t pattern_len)
{
	m->L = L;
	m->text = text;
	m->text_end = text + text_len;
	m->pattern_end = pattern + pattern_len;
	m->steps = 0;
	m->depth = 0;
	m->captures = 0;
}

/*
 * Where to begin: `init` of find, match and gmatch, made an offset; beyond the end is length + 1.
 */
static size_t
offset(lua_Integer init, size_t len)
{
	if (init > 0)
		return (lua_Unsigned)init - 1 > len ? len + 1 : (size_t)init - 1;
	if (init == 0 || init < -(lua_Integer)len)
		return 0;
	return len - (size_t)-init;
}

/* Pushes a capture; the whole match where there is none and i is 0. */
static void
push_capture(struct matcher *m, int i, const char *from, const char *to)
{
	if (i >= m->captures) {
		if (i > 0)
			luaL_error(m->L, "invalid capture index %%%d", i + 1);
		lua_pushlstring(m->L, from, (size_t)(to - from));
	} else if (m->capture[i].len == CAPTURE_OPEN)
		luaL_error(m->L, "unfinished capture");
	else if (m->capture[i].len == CAPTURE_PLACE)
		lua_pushinteger(m->L, m->capture[i].at - m->text + 1);
	else
		lua_pushlstring(m->L, m->capture[i].at, (size_t)m->capture[i].len);
}

/* All captures, or the whole match when from is given and there are none. */
static int
push_captures(struct matcher *m, const char *from, const char *to)
{
	int n = m->captures == 0 && from != NULL ? 1 : m->captures;

	luaL_checkstack(m->L, n, "too many captures");
	for (int i = 0; i < n; i++)
		push_capture(m, i, from, to);
	return n;
}

static bool
is_plain(const char *pattern, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (pattern[i] != '\0' && strchr(SPECIALS, pattern[i]) != NULL)
			return false;
	return true;
}

static int
find(lua_State *L, bool wants_place)
{
	size_t len, pattern_len, init;
	const char *text = luaL_checklstring(L, 1, &len);
	const char *pattern = luaL_checklstring(L, 2, &pattern_len), *found;
	struct matcher m;
	bool anchored;

	init = offset(luaL_optinteger(L, 3, 1), len);
	if (init > len) {
		lua_pushnil(L);
		return 1;
	}
	if (wants_place && (lua_toboolean(L, 4) || is_plain(pattern, pattern_len))) {
		found = memmem(text + init, len - init, pattern, pattern_len);
		if (found == NULL) {
			lua_pushnil(L);
			return 1;
		}
		lua_pushinteger(L, found - text + 1);
		lua_pushinteger(L, found - text + (ptrdiff_t)pattern_len);
		return 2;
	}
	prepare(&m, L, text, len, pattern, pattern_len);
	anchored = pattern_len > 0 && *pattern == '^';
	pattern += anchored;
	for (const char *s = text + init; s <= m.text_end; s++) {
		m.captures = 0;
		if ((found = matcher_run(&m, s, pattern)) != NULL) {
			if (!wants_place)
				return push_captures(&m, s, found);
			lua_pushinteger(L, s - text + 1);
			lua_pushinteger(L, found - text);
			return push_captures(&m, NULL, NULL) + 2;
		}
		if (anchored)
			break;
	}
	lua_pushnil(L);
	return 1;
}

int
pattern_find(lua_State *L)
{
	return find(L, true);
}

int
pattern_match(lua_State *L)
{
	return find(L, false);
}

/* Upvalues: text, pattern, offset of the next try, offset where the last match ended (-1: none). */
static int
next_match(lua_State *L)
{
	size_t len, pattern_len;
	const char *text = lua_tolstring(L, lua_upvalueindex(1), &len);
	const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_len), *found;
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	struct matcher m;

	prepare(&m, L, text, len, pattern, pattern_len);
	for (const char *s = text + lua_tointeger(L, lua_upvalueindex(3)); s <= m.text_end; s++) {
		m.captures = 0;
		/* An empty match right behind the last one is none. */
		if ((found = matcher_run(&m, s, pattern)) != NULL && found - text != last) {
			lua_pushinteger(L, found - text);
			lua_copy(L, -1, lua_upvalueindex(3));
			lua_replace(L, lua_upvalueindex(4));
			return push_captures(&m, s, found);
		}
	}
	return 0;
}

int
pattern_gmatch(lua_State *L)
{
	size_t len, init;

	luaL_checklstring(L, 1, &len);
	luaL_checkstring(L, 2);
	init = offset(luaL_optinteger(L, 3, 1), len);
	lua_settop(L, 2);
	lua_pushinteger(L, (lua_Integer)init);
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, next_match, 4);
	return 1;
}

/* Appends a replacement text, with its %0 to %9. */
static void
add_text(struct matcher *m, luaL_Buffer *b, const char *from, const char *to)
{
	size_t len;
	const char *text = lua_tolstring(m->L, 3, &len), *end = text + len, *mark;

	while ((mark = memchr(text, '%', (size_t)(end - text))) != NULL) {
		luaL_addlstring(b, text, (size_t)(mark - text));
		text = mark + 2;
		if (mark + 1 < end && mark[1] == '%')
			luaL_addchar(b, '%');
		else if (mark + 1 < end && mark[1] == '0')
			luaL_addlstring(b, from, (size_t)(to - from));
		else if (mark + 1 < end && mark[1] >= '1' && mark[1] <= '9') {
			push_capture(m, mark[1] - '1', from, to);
			luaL_tolstring(m->L, -1, NULL);
			lua_remove(m->L, -2);
			luaL_addvalue(b);
		} else
			luaL_error(m->L, "invalid use of '%%' in replacement string");
	}
	luaL_addlstring(b, text, (size_t)(end - text));
}

/* Appends what stands for one match; false when that is the match itself. */
static bool
add_value(struct matcher *m, luaL_Buffer *b, const char *from, const char *to, int type)
{
	lua_State *L = m->L;

	if (type == LUA_TFUNCTION) {
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(m, from, to), 1);
	} else if (type == LUA_TTABLE) {
		push_capture(m, 0, from, to);
		lua_gettable(L, 3);
	} else {
		add_text(m, b, from, to);
		return true;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(b, from, (size_t)(to - from));
		return false;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	luaL_addvalue(b);
	return true;
}

int
pattern_gsub(lua_State *L)
{
	size_t len, pattern_len;
	const char *text = luaL_checklstring(L, 1, &len);
	const char *pattern = luaL_checklstring(L, 2, &pattern_len), *found, *last = NULL,
		   *s = text;
	lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)len + 1), n = 0;
	int type = lua_type(L, 3);
	bool anchored = pattern_len > 0 && *pattern == '^', changed = false;
	struct matcher m;
	luaL_Buffer b;

	luaL_argexpected(L,
	    type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
		type == LUA_TTABLE,
	    3, "string/function/table");
	pattern += anchored;
	prepare(&m, L, text, len, pattern, pattern_len - anchored);
	luaL_buffinit(L, &b);
	while (n < most) {
		m.captures = 0;
		if ((found = matcher_run(&m, s, pattern)) != NULL && found != last) {
			n++;
			changed = add_value(&m, &b, s, found, type) || changed;
			s = last = found;
		} else if (s < m.text_end)
			luaL_addchar(&b, *s++);
		else
			break;
		if (anchored)
			break;
	}
	if (changed) {
		luaL_addlstring(&b, s, (size_t)(m.text_end - s));
		luaL_pushresult(&b);
	} else
		lua_pushvalue(L, 1);
	lua_pushinteger(L, n);
	return 2;
}
