/* encode: field by field, from the record or from the table, as it was left. */
#include "script/encode.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "bsm/sink_json.h"
#include "script/encode_in.h"
#include "script/watchdog.h"

void
encode_fini(struct encoder *e)
{
	buf_fini(&e->items);
	buf_fini(&e->scratch);
	buf_fini(&e->trial);
	buf_fini(&e->tags);
	buf_fini(&e->spelled);
}

static void
put_name(struct encoder *e, enum key key)
{
	sink_json.key(&e->json, key);
}

/*
 * The first of the names in list, each with an ENCODE_STOP behind it, cut off from its front;
 * false when there is none.
 */
static bool
next_name(struct str *list, struct str *name)
{
	const char *stop = list->len > 0 ? memchr(list->at, ENCODE_STOP, list->len) : NULL;

	if (stop == NULL)
		return false;
	*name = (struct str){ list->at, (size_t)(stop - list->at) };
	list->at += name->len + 1;
	list->len -= name->len + 1;
	return true;
}

static void
put_names(struct encoder *e, struct str list)
{
	struct str name;

	while (next_name(&list, &name))
		json_text(&e->json, name.at, name.len);
}

bool
encode_has_name(struct str names, struct str name)
{
	struct str one;

	while (next_name(&names, &one))
		if (str_equal(one, name))
			return true;
	return false;
}

/* The tags that rules set, and ours behind them, which no rule can take away. */
static void
put_tags(struct encoder *e, int doc, struct doc_parts parts)
{
	lua_State *L = e->L;
	size_t before;

	e->path[0] = (struct encode_step){ .name = key_names[KEY_TAGS] };
	lua_rawgeti(L, parts.keys, FIELD_TAGS + 1);
	lua_rawget(L, doc); /* tags */
	if (e->tags.len == 0) {
		if (!lua_isnil(L, -1)) {
			put_name(e, KEY_TAGS);
			if (lua_istable(L, -1))
				encode_value(e, lua_gettop(L), e->shape->child[KEY_TAGS], parts);
			else {
				json_open(&e->json, '[');
				encode_value(e, lua_gettop(L), NULL, parts);
				json_close(&e->json, ']');
			}
		}
		lua_pop(L, 1);
		return;
	}
	put_name(e, KEY_TAGS);
	json_open(&e->json, '[');
	before = e->json.out->len;
	if (lua_istable(L, -1)) {
		lua_Integer n = (lua_Integer)lua_rawlen(L, -1);

		for (lua_Integer i = 1; i <= n; i++) {
			lua_rawgeti(L, -1, i);
			encode_value(e, lua_gettop(L), NULL, parts);
			lua_pop(L, 1);
		}
	} else if (!lua_isnil(L, -1))
		encode_value(e, lua_gettop(L), NULL, parts);
	e->json.comma = e->json.out->len > before;
	put_names(e, buf_view(&e->tags));
	json_close(&e->json, ']');
	lua_pop(L, 1);
}

/* Is a field that `escaped` names still in the document? */
static bool
is_left(const struct run *run, lua_State *L, int doc, struct doc_parts parts, struct str path)
{
	const char *dot = memchr(path.at, '.', path.len);
	enum field field = document_field_named(
	    (struct str){ path.at, dot != NULL ? (size_t)(dot - path.at) : path.len });
	bool left;

	if (field == FIELDS || !run_is_made(run, field))
		return true;
	lua_rawgeti(L, parts.keys, (lua_Integer)field + 1);
	left = lua_rawget(L, doc) != LUA_TNIL;
	lua_pop(L, 1);
	return left;
}

/*
 * `escaped`: the record's list without the fields that are gone, then the fields that rules put odd
 * bytes into. Comes last of all to be known, and stands before what follows it in the order: so it
 * is written at the end and moved to its place.
 */
static void
put_escaped(struct encoder *e, const struct run *run, int doc, struct doc_parts parts, size_t place,
    bool first)
{
	lua_State *L = e->L;
	struct buf *out = e->json.out;
	size_t from = out->len, len;
	struct str paths =
	    buf_view(&e->spelled); /* those that come of rules; texts written here add none */
	bool some = false;

	if (run_is_made(run, FIELD_ESCAPED)) {
		lua_rawgeti(L, parts.keys, FIELD_ESCAPED + 1);
		lua_rawget(L, doc);
	} else if (document_has(run->record, run->origin, FIELD_ESCAPED))
		doc_push_field(L, run, FIELD_ESCAPED, parts);
	else
		lua_pushnil(L);
	e->json.comma = !first;
	put_name(e, KEY_ESCAPED);
	json_open(&e->json, '[');
	if (lua_istable(L, -1))
		for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, -1); i <= n; i++) {
			struct str path;

			if (lua_rawgeti(L, -1, i) == LUA_TSTRING) {
				path.at = lua_tolstring(L, -1, &path.len);
				if (utf8_valid(path.at, path.len) &&
				    is_left(run, L, doc, parts, path) &&
				    !encode_has_name(buf_view(&e->spelled), path)) {
					encode_text(e, -1);
					some = true;
				}
			}
			lua_pop(L, 1);
		}
	lua_pop(L, 1);
	put_names(e, paths);
	some = some || paths.len > 0;
	json_close(&e->json, ']');
	if (!some) {
		buf_cut(out, from);
		return;
	}
	/* What stands behind needs its comma where it stood first. */
	if (first && place < from)
		buf_byte(out, ',');
	len = out->len - from;
	if (place == from)
		return;
	if (!buf_need(out, len))
		luaL_error(L, "not enough memory");
	memmove(out->at + place + len, out->at + place, out->len - place);
	memcpy(out->at + place, out->at + out->len, len);
}

static void put_own(struct encoder *e, const struct run *run, int doc, struct doc_parts parts);

static void
put_made(struct encoder *e, int doc, enum field field, struct doc_parts parts)
{
	lua_State *L = e->L;

	lua_rawgeti(L, parts.keys, (lua_Integer)field + 1);
	if (lua_rawget(L, doc) != LUA_TNIL) {
		put_name(e, (enum key)field);
		e->path[0] = (struct encode_step){ .name = key_names[field] };
		encode_value(e, lua_gettop(L), e->shape->child[field], parts);
	}
	lua_pop(L, 1);
}

/* Sender and sequence are ours to say: what a rule writes there is not kept. */
static const enum field protected[] = { FIELD_FROM, FIELD_HOST, FIELD_RECEIVED,
	FIELD_SENDER_SEQUENCE };

/* The untouched fields from *next up to, and without, this one; *next moves behind it. */
static void
put_untouched(struct encoder *e, const struct run *run, const uint64_t *untouched, int *next,
    int until, bool *spelled)
{
	uint64_t part[FIELD_WORDS];
	bool some = false;

	for (int i = 0; i < FIELD_WORDS; i++) {
		part[i] = untouched[i];
		if (*next >= (i + 1) * 64 || until <= i * 64)
			part[i] = 0;
		else {
			if (*next > i * 64)
				part[i] &= ~UINT64_C(0) << (*next - i * 64);
			if (until < (i + 1) * 64)
				part[i] &= ~(~UINT64_C(0) << (until - i * 64));
		}
		some = some || part[i] != 0;
	}
	*next = until + 1;
	if (some && !document_some(run->record, run->origin, part, &sink_json, &e->json, spelled))
		luaL_error(e->L, "not enough memory");
}

void
encode_doc(struct encoder *e, lua_State *L, const struct run *run, int doc, struct doc_parts parts,
    struct buf *out)
{
	uint64_t untouched[FIELD_WORDS], stops[FIELD_WORDS];
	bool first = false, spelled = run->spelled;
	size_t escaped_at = 0;
	int next = 0;

	e->L = L;
	e->start = out->len;
	e->most = ENCODE_MOST + run->record->size * 8;
	e->depth = 0;
	buf_cut(&e->items, 0);
	buf_cut(&e->spelled, 0);
	json_init(&e->json, out);
	luaL_checkstack(L, 16, NULL);
	memcpy(stops, run->made, sizeof(stops));
	for (size_t i = 0; i < ARRAY_LEN(protected); i++)
		stops[protected[i] / 64] &=
		    ~(run->has[protected[i] / 64] & UINT64_C(1) << (protected[i] % 64));
	for (int i = 0; i < FIELD_WORDS; i++)
		untouched[i] = run->has[i] & ~stops[i];
	untouched[FIELD_ESCAPED / 64] &= ~(UINT64_C(1) << (FIELD_ESCAPED % 64));
	stops[FIELD_ESCAPED / 64] |= UINT64_C(1) << (FIELD_ESCAPED % 64);
	if (e->tags.len > 0)
		stops[FIELD_TAGS / 64] |= UINT64_C(1) << (FIELD_TAGS % 64);
	json_open(&e->json, '{');
	for (int i = 0; i < FIELD_WORDS; i++)
		for (uint64_t left = stops[i]; left != 0; left &= left - 1) {
			enum field field = (enum field)(i * 64 + __builtin_ctzll(left));

			put_untouched(e, run, untouched, &next, (int)field, &spelled);
			if (field == FIELD_TAGS)
				put_tags(e, doc, parts);
			else if (field == FIELD_ESCAPED) {
				escaped_at = out->len;
				first = !e->json.comma;
			} else
				put_made(e, doc, field, parts);
		}
	put_untouched(e, run, untouched, &next, FIELDS, &spelled);
	if (run->own)
		put_own(e, run, doc, parts);
	if (UNLIKELY(spelled || e->spelled.len > 0 || run_is_made(run, FIELD_ESCAPED)))
		put_escaped(e, run, doc, parts, escaped_at, first);
	json_close(&e->json, '}');
	if (buf_failed(out))
		luaL_error(L, "not enough memory");
}

struct own {
	struct str name;
	int at; /* stack index of the value */
};

static int
own_order(const void *left, const void *right)
{
	return str_compare(((const struct own *)left)->name, ((const struct own *)right)->name);
}

/* Fields that the field table does not know, in the order of their bytes. */
static void
put_own(struct encoder *e, const struct run *run, int doc, struct doc_parts parts)
{
	lua_State *L = e->L;
	int top = lua_gettop(L);
	size_t n = 0;

	buf_cut(&e->items, 0);
	lua_pushnil(L);
	while (lua_next(L, doc) != 0) {
		struct own own = { .at = lua_gettop(L) };
		int type = lua_type(L, -2);

		if (type != LUA_TSTRING && type != LUA_TNUMBER)
			luaL_error(L, "a key that is a %s", lua_typename(L, type));
		if (type == LUA_TSTRING && doc_field_of(L, run, -2) != FIELDS) {
			lua_pop(L, 1);
			continue;
		}
		luaL_checkstack(L, 8, "a document with too many fields");
		lua_pushvalue(L, -2); /* key value key */
		own.name.at = lua_tolstring(L, own.at - 1, &own.name.len);
		buf_append(&e->items, &own, sizeof(own));
		if (buf_failed(&e->items))
			luaL_error(L, "not enough memory");
		n++;
	}
	if (n > 0)
		qsort(e->items.at, n, sizeof(struct own), own_order);
	for (size_t i = 0; i < n; i++) {
		struct own own = ((struct own *)(void *)e->items.at)[i];

		e->path[0] = (struct encode_step){ .name = own.name };
		encode_key(e, own.name);
		encode_value(e, own.at, NULL, parts);
	}
	lua_settop(L, top);
	buf_cut(&e->items, 0);
}

/* Arguments of try_field(): 1 struct trial, 2 mark of lists, 3 key, 4 value. */
struct trial {
	struct encoder *e;
	struct buf *out;
};

static int
try_field(lua_State *L)
{
	struct trial *t = lua_touserdata(L, 1);
	struct encoder *e = t->e;
	struct doc_parts parts = { .list_mark = 2 };
	enum key key;

	e->L = L;
	e->depth = 0;
	e->start = 0;
	buf_cut(&e->items, 0);
	buf_cut(&e->spelled, 0);
	buf_cut(t->out, 0);
	json_init(&e->json, t->out);
	if (lua_type(L, 3) == LUA_TNUMBER)
		lua_tostring(L, 3);
	if (lua_type(L, 3) != LUA_TSTRING)
		return luaL_error(L, "a key that is a %s", luaL_typename(L, 3));
	e->path[0].name.at = lua_tolstring(L, 3, &e->path[0].name.len);
	key = interned_key(&e->names, e->path[0].name.at);
	encode_value(e, 4, key != KEYS ? e->shape->child[key] : NULL, parts);
	return 0;
}

void
encode_check(
    struct encoder *e, lua_State *L, const struct run *run, int doc, struct doc_parts parts)
{
	struct trial t = { e, &e->trial };
	int fault = 0;

	e->most = ENCODE_MOST + run->record->size * 8;
	lua_pushnil(L);
	while (lua_next(L, doc) != 0) {
		luaL_checkstack(L, 10, NULL);
		lua_pushcfunction(L, try_field);
		lua_insert(L, -2); /* key try value */
		lua_pushlightuserdata(L, &t);
		lua_insert(L, -2); /* key try trial value */
		lua_pushvalue(L, parts.list_mark);
		lua_insert(L, -2); /* key try trial mark value */
		lua_pushvalue(L, -5);
		lua_insert(L, -2); /* key try trial mark key value */
		if (lua_pcall(L, 4, 0, 0) == LUA_OK)
			continue;
		/* key reason: the field goes, the first reason is kept below the walk */
		lua_pushvalue(L, -2);
		lua_pushnil(L);
		lua_rawset(L, doc);
		if (fault == 0) {
			lua_insert(L, -2); /* reason key */
			fault = lua_gettop(L) - 1;
		} else
			lua_pop(L, 1);
		if (watchdog_expired())
			break;
	}
	buf_fini(&e->trial);
	if (fault != 0) {
		lua_pushvalue(L, fault);
		lua_error(L);
	}
}
