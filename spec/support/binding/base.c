/* base: the pure helpers of core/base, for specs. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"
#include "lua_values.h"

int luaopen_core_base(lua_State *L);

static int
l_utf8_valid(lua_State *L)
{
	size_t len;
	const char *at = luaL_checklstring(L, 1, &len);

	lua_pushboolean(L, utf8_valid(at, len));
	return 1;
}

static int
l_utf8_spell(lua_State *L)
{
	size_t len;
	const char *at = luaL_checklstring(L, 1, &len);
	struct buf out = { 0 };

	utf8_spell(&out, at, len);
	return push_buf(L, &out);
}

static int
l_json_value(lua_State *L)
{
	struct buf out = { 0 };
	struct json j;
	size_t len;
	const char *at;

	json_init(&j, &out);
	if (lua_isinteger(L, 1))
		json_integer(&j, lua_tointeger(L, 1));
	else if (lua_type(L, 1) == LUA_TNUMBER)
		json_number(&j, lua_tonumber(L, 1));
	else {
		at = luaL_checklstring(L, 1, &len);
		json_text(&j, at, len);
	}
	return push_buf(L, &out);
}

static int
l_clock_text(lua_State *L)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(luaL_checkinteger(L, 1), (uint32_t)luaL_optinteger(L, 2, 0), text);
	lua_pushstring(L, text);
	return 1;
}

/* A time as people write it -> nanoseconds, or nil. */
static int
l_clock_parse(lua_State *L)
{
	int64_t at;

	if (clock_parse(luaL_checkstring(L, 1), &at))
		lua_pushinteger(L, at);
	else
		lua_pushnil(L);
	return 1;
}

static int
l_sha256_base64url(lua_State *L)
{
	size_t len;
	struct str part = { luaL_checklstring(L, 1, &len), 0 };
	uint8_t digest[SHA256_SIZE];
	char text[64];

	part.len = len;
	hash_sha256(&part, 1, digest);
	lua_pushlstring(
	    L, text, hash_base64url(digest, (size_t)luaL_optinteger(L, 2, SHA256_SIZE), text));
	return 1;
}

static int
l_addr_text(lua_State *L)
{
	size_t len;
	const uint8_t *at = (const uint8_t *)luaL_checklstring(L, 1, &len);
	char text[ADDR_TEXT_SIZE];

	luaL_argcheck(L, len == 4 || len == 16, 1, "4 or 16 bytes");
	lua_pushlstring(L, text, len == 4 ? addr_text4(at, text) : addr_text16(at, text));
	return 1;
}

static int
l_buf_story(lua_State *L)
{
	struct buf b = { 0 };
	size_t len;
	lua_Integer drop;

	/* Arguments: text to append or number of bytes to drop, in turn; returns what is left. */
	for (int i = 1; i <= lua_gettop(L); i++) {
		if (lua_type(L, i) == LUA_TSTRING) {
			const char *at = lua_tolstring(L, i, &len);

			buf_append(&b, at, len);
		} else {
			drop = luaL_checkinteger(L, i);
			buf_drop(&b, (size_t)drop);
		}
	}
	return push_buf(L, &b);
}

static const luaL_Reg functions[] = {
	{ "utf8_valid", l_utf8_valid },
	{ "utf8_spell", l_utf8_spell },
	{ "json_value", l_json_value },
	{ "clock_text", l_clock_text },
	{ "clock_parse", l_clock_parse },
	{ "sha256_base64url", l_sha256_base64url },
	{ "addr_text", l_addr_text },
	{ "buf_story", l_buf_story },
	{ NULL, NULL },
};

int
luaopen_core_base(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
