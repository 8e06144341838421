/* output: the pure parts of the output room, for specs. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonread.h"
#include "output/answer.h"
#include "output/repair.h"
#include "output/secret.h"
#include "output/template.h"
#include "output/url.h"

#include "output_values.h"

int luaopen_core_output(lua_State *L);

/* ---- jsonread ---- */

static const char *const token_names[] = { "bad", "end", "{", "}", "[", "]", "key", "text",
	"number", "true", "false", "null" };

/* Copies into memory of exactly its size, so that a sanitizer sees a byte too many. */
static char *
exact_copy(struct str s)
{
	char *copy = malloc(s.len > 0 ? s.len : 1);

	if (copy != NULL && s.len > 0)
		memcpy(copy, s.at, s.len);
	return copy;
}

/* jsonread(text) -> list of { token, text } up to the end or the first fault. */
static int
l_jsonread(lua_State *L)
{
	struct str s = check_str(L, 1);
	char *copy = exact_copy(s);
	struct jsonread r;
	enum jsonread_token token;
	lua_Integer n = 0;

	s.at = copy;
	jsonread_init(&r, s);
	lua_newtable(L);
	do {
		token = jsonread_next(&r);
		lua_createtable(L, 2, 0);
		lua_pushstring(L, token_names[token]);
		lua_rawseti(L, -2, 1);
		push_str(L, r.text);
		lua_rawseti(L, -2, 2);
		lua_rawseti(L, -2, ++n);
	} while (token != JSONREAD_BAD && token != JSONREAD_END);
	free(copy);
	return 1;
}

/* json_skip(text) -> the whole value, or nil */
static int
l_json_skip(lua_State *L)
{
	struct jsonread r;

	jsonread_init(&r, check_str(L, 1));
	if (!jsonread_skip(&r) || jsonread_next(&r) != JSONREAD_END)
		return 0;
	lua_pushboolean(L, 1);
	return 1;
}

static int
l_json_decode(lua_State *L)
{
	struct buf out = { 0 };
	bool good = jsonread_decode(&out, check_str(L, 1));

	push_str(L, buf_view(&out));
	lua_pushboolean(L, good);
	buf_fini(&out);
	return 2;
}

static int
l_json_integer(lua_State *L)
{
	struct jsonread r;
	int64_t v;

	jsonread_init(&r, check_str(L, 1));
	if (jsonread_next(&r) != JSONREAD_NUMBER || !jsonread_integer(&r, &v))
		return 0;
	lua_pushinteger(L, v);
	return 1;
}

/* ---- answer ---- */

static const char *const fault_names[] = { "stored", "stored_bad", "exists", "busy", "moment",
	"gone", "race", "document", "hopeless", "destination", "disk", "name", "unknown" };
static const char *const verdict_names[] = { "items", "unclear", "busy", "moment", "refused",
	"too_large", "credentials", "forbidden", "blocked", "odd", "lost" };

/*
 * answer{ status, type, body, actions, complete, chunk } -> verdict, items, same, type; an item is
 * { position (from 1), status, fault, word, field, error, cure }. With chunk, the body is fed in
 * pieces of so many bytes.
 */
static int
l_answer(lua_State *L)
{
	struct answer a;
	struct str body;
	size_t chunk, actions;
	enum answer_verdict verdict;
	bool complete;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "status");
	lua_getfield(L, 1, "type");
	lua_getfield(L, 1, "body");
	lua_getfield(L, 1, "actions");
	lua_getfield(L, 1, "complete");
	lua_getfield(L, 1, "chunk");
	body = check_str(L, 4);
	actions = (size_t)luaL_checkinteger(L, 5);
	complete = lua_isnil(L, 6) || lua_toboolean(L, 6);
	chunk = (size_t)luaL_optinteger(L, 7, (lua_Integer)(body.len > 0 ? body.len : 1));
	answer_init(&a);
	answer_begin(&a, (unsigned)luaL_checkinteger(L, 2), luaL_optstring(L, 3, NULL));
	for (size_t at = 0; at < body.len && !answer_full(&a); at += chunk) {
		size_t len = body.len - at < chunk ? body.len - at : chunk;
		char *copy = exact_copy((struct str){ body.at + at, len });

		answer_feed(&a, copy, len);
		free(copy);
	}
	verdict = answer_end(&a, complete, actions);
	lua_pushstring(L, verdict_names[verdict]);
	lua_createtable(L, (int)a.count, 0);
	for (size_t i = 0; verdict == ANSWER_ITEMS && i < a.count; i++) {
		lua_newtable(L);
		set_integer(L, "position", a.items[i].position + 1);
		set_integer(L, "status", a.items[i].status);
		set_text(L, "fault", fault_names[a.items[i].view.fault]);
		set_text(L, "word", a.items[i].view.word);
		set_text(L, "cure", a.items[i].view.cure);
		set_str(L, "field", answer_field(&a, &a.items[i]));
		set_str(L, "error", answer_error(&a, &a.items[i]));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_pushboolean(L, a.same);
	push_str(L, answer_type(&a));
	answer_fini(&a);
	return 4;
}

/* ---- repair ---- */

static int
l_repair(lua_State *L)
{
	struct buf out = { 0 };
	struct str json = check_str(L, 1);
	char *copy = exact_copy(json);
	enum repair_status status =
	    repair_document(&out, (struct str){ copy, json.len }, opt_str(L, 2));

	free(copy);
	if (status != REPAIR_DONE) {
		lua_pushnil(L);
		lua_pushstring(L, status == REPAIR_BROKEN ? "broken" : "nothing");
		buf_fini(&out);
		return 2;
	}
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

static int
l_repair_finds(lua_State *L)
{
	lua_pushboolean(L, repair_finds(check_str(L, 1), check_str(L, 2)));
	return 1;
}

/* ---- small ones ---- */

/* authorization(api_key_file, username, password_file) -> header or nil, reason */
static int
l_authorization(lua_State *L)
{
	struct buf out = { 0 };
	struct err *e = secret_authorization(&out, luaL_optstring(L, 1, NULL),
	    luaL_optstring(L, 2, NULL), luaL_optstring(L, 3, NULL));

	if (e != NULL) {
		lua_pushnil(L);
		push_err(L, e);
		secret_wipe(&out);
		return 2;
	}
	lua_pushstring(L, out.len > 0 ? out.at : "");
	secret_wipe(&out);
	return 1;
}

/* check_url(url) -> encrypted, loopback or nil, reason */
static int
l_check_url(lua_State *L)
{
	bool encrypted = false, loopback = false;
	struct err *e = url_check(luaL_checkstring(L, 1), &encrypted, &loopback);

	if (e != NULL) {
		lua_pushnil(L);
		push_err(L, e);
		return 2;
	}
	lua_pushboolean(L, encrypted);
	lua_pushboolean(L, loopback);
	return 2;
}

static int
l_template(lua_State *L)
{
	struct buf out = { 0 };
	bool good = template_render(
	    &out, template_family_named(luaL_checkstring(L, 1)), luaL_optstring(L, 2, NULL));

	if (!good) {
		buf_fini(&out);
		return 0;
	}
	push_str(L, buf_view(&out));
	buf_fini(&out);
	return 1;
}

static int
l_template_compare(lua_State *L)
{
	static const char *const names[] = { "fine", "missing", "foreign", "old", "pattern",
		"overruled", "unknown" };

	lua_pushstring(
	    L, names[template_compare((unsigned)luaL_checkinteger(L, 1), check_str(L, 2),
		   template_family_named(luaL_checkstring(L, 3)), luaL_optstring(L, 4, NULL))]);
	return 1;
}

static int
l_template_in_force(lua_State *L)
{
	lua_pushboolean(L, template_in_force((unsigned)luaL_checkinteger(L, 1), check_str(L, 2)));
	return 1;
}

static const luaL_Reg functions[] = {
	{ "jsonread", l_jsonread },
	{ "json_skip", l_json_skip },
	{ "json_decode", l_json_decode },
	{ "json_integer", l_json_integer },
	{ "answer", l_answer },
	{ "repair", l_repair },
	{ "repair_finds", l_repair_finds },
	{ "authorization", l_authorization },
	{ "check_url", l_check_url },
	{ "template", l_template },
	{ "template_compare", l_template_compare },
	{ "template_in_force", l_template_in_force },
	{ NULL, NULL },
};

int
luaopen_core_output(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
