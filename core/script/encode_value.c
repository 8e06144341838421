/* encode_value: any Lua value as JSON. */
#include <lauxlib.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "script/answer.h"
#include "script/encode_in.h"
#include "script/watchdog.h"

/*
 * One key of an object: its place in the order, and where on Lua's stack it and, above it, its
 * value lie.
 */
struct item {
	unsigned rank; /* 0: none, then the bytes decide */
	int at;
	const struct shape *shape;
	struct str name;
	lua_Integer number; /* of an element */
};

#define RANK_NONE 255

static void
check_size(struct encoder *e)
{
	if (UNLIKELY(buf_failed(e->json.out)))
		luaL_error(e->L, "not enough memory");
	if (UNLIKELY(e->json.out->len - e->start > e->most))
		luaL_error(e->L, "the document is larger than %I bytes", (LUAI_UACINT)e->most);
	if (UNLIKELY(watchdog_expired()))
		watchdog_raise(e->L);
}

static void
add_name(struct buf *out, struct str name)
{
	if (utf8_valid(name.at, name.len))
		buf_str(out, name);
	else
		utf8_spell(out, name.at, name.len);
}

/* The path of the value under way, once. */
static void
note_spelled(struct encoder *e)
{
	size_t from = e->spelled.len;
	struct str path;

	for (int i = 0; i <= e->depth; i++) {
		if (i > 0)
			buf_byte(&e->spelled, '.');
		if (e->path[i].name.at != NULL)
			add_name(&e->spelled, e->path[i].name);
		else
			buf_printf(&e->spelled, "%lld", (long long)e->path[i].index);
	}
	if (buf_failed(&e->spelled))
		luaL_error(e->L, "not enough memory");
	path = (struct str){ e->spelled.at + from, e->spelled.len - from };
	if (encode_has_name((struct str){ e->spelled.at, from }, path))
		buf_cut(&e->spelled, from);
	else
		buf_byte(&e->spelled, ENCODE_STOP);
}

/*
 * The text itself when it is UTF-8, else its spelling, which stands in scratch until the next
 * text.
 */
static inline struct str
valid(struct encoder *e, struct str text)
{
	if (LIKELY(utf8_valid(text.at, text.len)))
		return text;
	note_spelled(e);
	buf_cut(&e->scratch, 0);
	utf8_spell(&e->scratch, text.at, text.len);
	if (buf_failed(&e->scratch))
		luaL_error(e->L, "not enough memory");
	return buf_view(&e->scratch);
}

void
encode_key(struct encoder *e, struct str name)
{
	name = valid(e, name);
	json_key(&e->json, name.at, name.len);
}

void
encode_text(struct encoder *e, int index)
{
	struct str text;

	text.at = lua_tolstring(e->L, index, &text.len);
	text = valid(e, text);
	json_text(&e->json, text.at, text.len);
	if (text.len > 4096)
		check_size(e);
}

static bool
is_marked(lua_State *L, int table, struct doc_parts parts)
{
	bool marked = false;

	if (lua_getmetatable(L, table)) {
		marked = lua_rawequal(L, -1, parts.list_mark);
		lua_pop(L, 1);
	}
	return marked;
}

/* Is there nothing but the elements 1 to n? */
static bool
is_sequence(lua_State *L, int table, lua_Integer n)
{
	if (n == 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, n);
	if (lua_next(L, table) == 0)
		return true;
	lua_pop(L, 2);
	/*
	 * What comes behind the n-th in the walk may stand before it in order, so look at all of
	 * them.
	 */
	lua_pushnil(L);
	for (lua_Integer seen = 0; lua_next(L, table) != 0; seen++) {
		lua_pop(L, 1);
		if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > n) {
			lua_pop(L, 1);
			return false;
		}
	}
	return true;
}

static void
put_list(
    struct encoder *e, int table, lua_Integer n, const struct shape *shape, struct doc_parts parts)
{
	lua_Integer index = 0;

	json_open(&e->json, '[');
	for (lua_Integer i = 1; i <= n; i++) {
		e->path[e->depth] = (struct encode_step){ .index = index };
		/* A hole is where a rule took something out. */
		if (lua_rawgeti(e->L, table, i) != LUA_TNIL) {
			index++;
			if (lua_type(e->L, -1) == LUA_TSTRING)
				encode_text(e, -1);
			else
				encode_value(e, lua_gettop(e->L), shape, parts);
		}
		lua_pop(e->L, 1);
	}
	json_close(&e->json, ']');
}

static int
item_order(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return str_compare(a->name, b->name);
}

static int
index_order(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	return (a->number > b->number) - (a->number < b->number);
}

static void
sort_items(struct item *item, size_t n, int (*order)(const void *, const void *))
{
	if (n > 16) {
		qsort(item, n, sizeof(*item), order);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct item moving = item[i];
		size_t k = i;

		for (; k > 0 && order(&moving, &item[k - 1]) < 0; k--)
			item[k] = item[k - 1];
		item[k] = moving;
	}
}

/*
 * Leaves key and value of each entry on the stack, and an item for each in e->items; returns how
 * many.
 */
static size_t
spread(struct encoder *e, int table, const struct shape *shape, bool marked)
{
	lua_State *L = e->L;
	size_t n = 0;

	lua_pushnil(L);
	while (lua_next(L, table) != 0) {
		struct item item = { .rank = RANK_NONE, .at = lua_gettop(L) - 1 };
		enum key key;

		luaL_checkstack(L, 8, "an object with too many keys");
		if (marked && !lua_isinteger(L, -2))
			luaL_error(L, "a list with keys that are no numbers");
		if (lua_type(L, -2) == LUA_TSTRING) {
			item.name.at = lua_tolstring(L, -2, &item.name.len);
			if (shape != NULL &&
			    (key = interned_key(&e->names, item.name.at)) != KEYS) {
				item.shape = shape->child[key];
				if (!shape->keyed && shape->rank[key] != 0)
					item.rank = shape->rank[key];
			}
			lua_pushvalue(L, -2); /* key value key */
		} else if (lua_type(L, -2) == LUA_TNUMBER) {
			item.number = lua_tointeger(L, -2);
			lua_pushvalue(L, -2); /* number value number */
			item.name.at =
			    lua_tolstring(L, item.at, &item.name.len); /* text value number */
		} else
			luaL_error(L, "a key that is a %s", luaL_typename(L, -2));
		buf_append(&e->items, &item, sizeof(item));
		if (buf_failed(&e->items))
			luaL_error(L, "not enough memory");
		n++;
	}
	return n;
}

static void
put_object(
    struct encoder *e, int table, const struct shape *shape, bool marked, struct doc_parts parts)
{
	lua_State *L = e->L;
	int top = lua_gettop(L);
	size_t begin = e->items.len, n = spread(e, table, shape, marked);

	sort_items(
	    (struct item *)(void *)(e->items.at + begin), n, marked ? index_order : item_order);
	json_open(&e->json, marked ? '[' : '{');
	for (size_t i = 0; i < n; i++) {
		/* Copied: what lies deeper may move the items. */
		struct item item = ((struct item *)(void *)(e->items.at + begin))[i];

		e->path[e->depth] = (struct encode_step){ .index = (lua_Integer)i };
		if (!marked) {
			e->path[e->depth].name = item.name;
			encode_key(e, item.name);
		}
		encode_value(e, item.at + 1, item.shape, parts);
	}
	json_close(&e->json, marked ? ']' : '}');
	buf_cut(&e->items, begin);
	lua_settop(L, top);
}

static void
put_table(struct encoder *e, int table, const struct shape *shape, struct doc_parts parts)
{
	lua_State *L = e->L;
	int top = lua_gettop(L);
	bool marked;
	lua_Integer n;

	luaL_checkstack(L, 12, "the document nests too deeply");
	marked = is_marked(L, table, parts);
	if (!marked && UNLIKELY(answer_content(L, table))) {
		table = top + 1;
		marked = is_marked(L, table, parts);
	}
	n = (lua_Integer)lua_rawlen(L, table);
	check_size(e);
	if (++e->depth > ENCODE_DEPTH)
		luaL_error(L, "the document nests deeper than %d: a circle?", ENCODE_DEPTH);
	if (n == 0 && !marked && shape != NULL && shape->list) {
		/* An empty table where a list belongs is an empty list. */
		lua_pushnil(L);
		if (lua_next(L, table) != 0)
			lua_pop(L, 2);
		else
			marked = true;
	}
	if ((marked || n > 0) && is_sequence(L, table, n))
		put_list(e, table, n, shape, parts);
	else
		put_object(e, table, shape, marked, parts);
	lua_settop(L, top);
	e->depth--;
}

void
encode_value(struct encoder *e, int index, const struct shape *shape, struct doc_parts parts)
{
	lua_State *L = e->L;

	switch (lua_type(L, index)) {
	case LUA_TSTRING: encode_text(e, index); break;
	case LUA_TNUMBER:
		if (lua_isinteger(L, index))
			json_integer(&e->json, lua_tointeger(L, index));
		else
			json_number(&e->json, lua_tonumber(L, index));
		break;
	case LUA_TBOOLEAN: json_bool(&e->json, lua_toboolean(L, index)); break;
	case LUA_TTABLE: put_table(e, index, shape, parts); break;
	case LUA_TNIL: json_null(&e->json); break;
	default: luaL_error(L, "a %s cannot be written", luaL_typename(L, index));
	}
}
