/* doc: a sink that makes Lua values, and the metatable that calls for them. */
#include "script/doc.h"

#include <lauxlib.h>
#include <string.h>

#include "base/compiler.h"
#include "script/shape.h"

#define DEPTH_MOST 32
#define AHEAD      48 /* values of one list or object that wait on the stack for their table */

/*
 * The sink. Values wait on Lua's stack until their list or object closes, or until there are many,
 * so that its table is made with the right size at once. Below them lies a slot for the table.
 */
struct frame {
	int slot;    /* stack index of the table, false while it is not made */
	int waiting; /* values on the stack above the slot; keys count too */
	bool object;
	bool made;
	lua_Integer n; /* elements of a list that are in the table */
};

struct into {
	lua_State *L;
	struct doc_parts parts;
	int depth;
	struct frame frame[DEPTH_MOST];
};

static void
make_table(struct into *s, struct frame *f)
{
	int keys = f->object ? f->waiting / 2 : 0, list = f->object ? 0 : f->waiting;

	/* Still open and full already: there is more to come. */
	if (f->waiting >= AHEAD) {
		keys *= 4;
		list *= 4;
	}
	lua_createtable(s->L, list, keys);
	if (!f->object) {
		lua_pushvalue(s->L, s->parts.list_mark);
		lua_setmetatable(s->L, -2);
	}
	lua_replace(s->L, f->slot);
	f->made = true;
}

static void
settle(struct into *s, struct frame *f)
{
	if (!f->made)
		make_table(s, f);
	if (f->object)
		for (; f->waiting > 0; f->waiting -= 2)
			lua_rawset(s->L, f->slot);
	else {
		for (int i = f->waiting; i > 0; i--)
			lua_rawseti(s->L, f->slot, f->n + i);
		f->n += f->waiting;
		f->waiting = 0;
	}
}

/* A value has been pushed. */
static inline void
pushed(struct into *s)
{
	struct frame *f;

	if (s->depth == 0)
		return;
	f = &s->frame[s->depth - 1];
	if (++f->waiting >= AHEAD && (!f->object || f->waiting % 2 == 0))
		settle(s, f);
}

static void
open_frame(struct into *s, bool object)
{
	if (s->depth == DEPTH_MOST)
		luaL_error(s->L, "the record nests too deeply");
	luaL_checkstack(s->L, AHEAD + 8, NULL);
	lua_pushboolean(s->L, 0);
	s->frame[s->depth++] = (struct frame){ .slot = lua_gettop(s->L), .object = object };
}

static void
close_frame(void *sink)
{
	struct into *s = sink;

	settle(s, &s->frame[s->depth - 1]);
	s->depth--;
	pushed(s);
}

static void
open_object(void *sink)
{
	open_frame(sink, true);
}

static void
open_list(void *sink)
{
	open_frame(sink, false);
}

static void
put_key(void *sink, enum key key)
{
	struct into *s = sink;

	lua_rawgeti(s->L, s->parts.keys, (lua_Integer)key + 1);
	if (s->depth > 0)
		s->frame[s->depth - 1].waiting++;
}

static void
put_data_key(void *sink, const char *name, size_t len)
{
	struct into *s = sink;

	lua_pushlstring(s->L, name, len);
	s->frame[s->depth - 1].waiting++;
}

static void
put_integer(void *sink, int64_t value)
{
	struct into *s = sink;

	lua_pushinteger(s->L, value);
	pushed(s);
}

static void
put_text(void *sink, const char *at, size_t len)
{
	struct into *s = sink;

	lua_pushlstring(s->L, at, len);
	pushed(s);
}

static const struct sink_ops into_lua = {
	.open_object = open_object,
	.close_object = close_frame,
	.open_list = open_list,
	.close_list = close_frame,
	.key = put_key,
	.data_key = put_data_key,
	.integer = put_integer,
	.text = put_text,
	.word = put_text,
};

void
doc_push_field(lua_State *L, const struct run *run, enum field field, struct doc_parts parts)
{
	struct into s;

	s.L = L;
	s.parts = parts;
	s.depth = 0;
	luaL_checkstack(L, 8, NULL);
	if (!document_field(run->record, run->origin, field, &into_lua, &s))
		luaL_error(L, "not enough memory");
}

/* Makes one field; its value is pushed, or nil when the record does not have it. */
static void
make(lua_State *L, struct run *run, int doc, enum field field, struct doc_parts parts)
{
	uint64_t set[FIELD_WORDS] = { 0 };
	int top = lua_gettop(L);
	struct into s;

	run_set_made(run, field);
	if (!run_has(run, field)) {
		lua_pushnil(L);
		return;
	}
	luaL_checkstack(L, 8, NULL);
	if (UNLIKELY(field == FIELD_ESCAPED)) {
		if (document_has(run->record, run->origin, field)) {
			lua_rawgeti(L, parts.keys, (lua_Integer)field + 1);
			doc_push_field(L, run, field, parts);
		}
	} else {
		set[field / 64] = UINT64_C(1) << (field % 64);
		s.L = L;
		s.parts = parts;
		s.depth = 0;
		if (!document_some(run->record, run->origin, set, &into_lua, &s, &run->spelled))
			luaL_error(L, "not enough memory");
	}
	if (lua_gettop(L) == top) {
		lua_pushnil(L);
		return;
	}
	lua_pushvalue(L, -1); /* key value value */
	lua_insert(L, -3);    /* value key value */
	lua_rawset(L, doc);   /* value */
}

void
doc_make_all(lua_State *L, struct run *run, int doc, struct doc_parts parts)
{
	if (run->all_made)
		return;
	for (int f = 0; f < FIELDS; f++)
		if (run_has(run, (enum field)f) && !run_is_made(run, (enum field)f)) {
			make(L, run, doc, (enum field)f, parts);
			lua_pop(L, 1);
		}
	run->all_made = true;
}

enum field
doc_field_of(lua_State *L, const struct run *run, int index)
{
	enum key key;

	if (lua_type(L, index) != LUA_TSTRING)
		return FIELDS;
	key = interned_key(run->names, lua_tostring(L, index));
	return (int)key < (int)FIELDS ? (enum field)key : FIELDS;
}

/*
 * Upvalues of the metatable's functions: 1 run, 2 keys, 3 list mark. Arguments: 1 doc, 2 key, 3
 * value.
 */
static const struct doc_parts in_upvalues = { lua_upvalueindex(2), lua_upvalueindex(3) };

static int
on_missing(lua_State *L)
{
	struct run *run = lua_touserdata(L, lua_upvalueindex(1));
	enum field field;

	if (run->record == NULL || run->all_made || lua_topointer(L, 1) != run->doc ||
	    (field = doc_field_of(L, run, 2)) == FIELDS || run_is_made(run, field))
		lua_pushnil(L);
	else
		make(L, run, 1, field, in_upvalues);
	return 1;
}

static int
on_new(lua_State *L)
{
	struct run *run = lua_touserdata(L, lua_upvalueindex(1));
	enum field field = doc_field_of(L, run, 2);

	if (lua_topointer(L, 1) != run->doc)
		return luaL_error(L, "this is the document of another record, which waits");
	if (field == FIELDS)
		run->own = true;
	else
		run_set_made(run, field);
	lua_settop(L, 3);
	lua_rawset(L, 1);
	return 0;
}

static int
on_walk(lua_State *L)
{
	struct run *run = lua_touserdata(L, lua_upvalueindex(1));

	if (run->record != NULL && lua_topointer(L, 1) == run->doc)
		doc_make_all(L, run, 1, in_upvalues);
	return 0;
}

void
doc_push_keys(lua_State *L)
{
	lua_createtable(L, KEYS, 0);
	for (int i = 0; i < KEYS; i++) {
		lua_pushlstring(L, key_names[i].at, key_names[i].len);
		lua_rawseti(L, -2, i + 1);
	}
}

void
doc_push_list_mark(lua_State *L)
{
	static char key; /* registry */

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_createtable(L, 0, 1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

void
doc_push_metatable(lua_State *L, struct run *run, struct doc_parts parts)
{
	static const struct {
		const char *name;
		lua_CFunction function;
	} events[] = { { "__index", on_missing }, { "__newindex", on_new }, { "walk", on_walk } };

	lua_createtable(L, 0, 4);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		lua_pushlightuserdata(L, run);
		lua_pushvalue(L, parts.keys);
		lua_pushvalue(L, parts.list_mark);
		lua_pushcclosure(L, events[i].function, 3);
		lua_setfield(L, -2, events[i].name);
	}
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
}
