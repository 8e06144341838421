/* The bsm room for specs: Lua module core.bsm. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#include "bsm/document.h"
#include "bsm/names.h"
#include "bsm/probe.h"
#include "bsm/sink_json.h"
#include "bsm/trail.h"
#include "lua_values.h"

/*
 * What a spec asks of: a record decoded from bytes of its own, exactly as long as they are, so that
 * sanitizers see a read beyond.
 */
struct subject {
	struct record record;
	struct origin origin;
	uint8_t *bytes;
};

static struct str
string_field(lua_State *L, int at, const char *name)
{
	struct str s = { NULL, 0 };

	if (lua_getfield(L, at, name) == LUA_TSTRING)
		s.at = lua_tolstring(L, -1, &s.len);
	lua_pop(L, 1); /* the options table keeps the string */
	return s;
}

static bool
flag_field(lua_State *L, int at, const char *name)
{
	bool flag;

	lua_getfield(L, at, name);
	flag = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return flag;
}

static lua_Integer
integer_field(lua_State *L, int at, const char *name)
{
	lua_Integer n;

	lua_getfield(L, at, name);
	n = luaL_optinteger(L, -1, 0);
	lua_pop(L, 1);
	return n;
}

static void
read_options(lua_State *L, int at, struct dialect *d, struct origin *o)
{
	*d = (struct dialect){ 0 };
	*o = (struct origin){ 0 };
	if (!lua_istable(L, at))
		return;
	d->natural_ports = flag_field(L, at, "natural_ports");
	d->apple = flag_field(L, at, "apple");
	d->events = flag_field(L, at, "smartos") ? EVENTS_SMARTOS : EVENTS_ILLUMOS;
	d->record_max = (uint32_t)integer_field(L, at, "max");
	if (lua_getfield(L, at, "services") == LUA_TTABLE)
		for (lua_Integer i = 1; i <= DIALECT_SERVICES; i++) {
			if (lua_geti(L, -1, i) == LUA_TNUMBER)
				d->services[d->service_count++] = (uint16_t)lua_tointeger(L, -1);
			lua_pop(L, 1);
		}
	lua_pop(L, 1);
	if (lua_getfield(L, at, "origin") == LUA_TTABLE) {
		int origin = lua_gettop(L);

		o->present = true;
		o->from = string_field(L, origin, "from");
		o->host = string_field(L, origin, "host");
		o->principal = string_field(L, origin, "principal");
		o->received = integer_field(L, origin, "received");
		o->sequence = (uint64_t)integer_field(L, origin, "sequence");
	}
	lua_pop(L, 1);
}

static int
subject_gc(lua_State *L)
{
	struct subject *s = lua_touserdata(L, 1);

	record_fini(&s->record);
	free(s->bytes);
	s->bytes = NULL;
	return 0;
}

/* Leaves the subject on the stack, so that it stays until the call returns. */
static struct subject *
decode(lua_State *L)
{
	size_t len;
	const char *bytes = luaL_checklstring(L, 1, &len);
	struct subject *s = lua_newuserdatauv(L, sizeof(*s), 0);
	struct dialect d;

	*s = (struct subject){ 0 };
	luaL_setmetatable(L, "bsm.subject");
	read_options(L, 2, &d, &s->origin);
	s->bytes = malloc(len > 0 ? len : 1);
	if (s->bytes == NULL || !record_init(&s->record))
		luaL_error(L, "memory");
	memcpy(s->bytes, bytes, len);
	record_decode(&s->record, s->bytes, len, &d);
	return s;
}

/* json(bytes [, options]) -> text */
static int
l_json(lua_State *L)
{
	struct subject *s = decode(L);
	struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	if (!document_walk(&s->record, &s->origin, &sink_json, &j) || buf_failed(&out)) {
		buf_fini(&out);
		return luaL_error(L, "memory");
	}
	lua_pushlstring(L, out.at, out.len);
	buf_fini(&out);
	return 1;
}

/*
 * A sink that builds Lua values on the stack: containers as { kind, … }, objects keep the order of
 * their keys in [0].
 */
struct builder {
	lua_State *L;
};

static void
place(lua_State *L)
{
	/* … container [key] value -> … container */
	if (lua_gettop(L) >= 2 && lua_istable(L, -2) && !lua_isstring(L, -2)) {
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
		return;
	}
	if (lua_gettop(L) >= 3 && lua_isstring(L, -2) && lua_istable(L, -3)) {
		/* The order of the names, for specs. */
		lua_getmetatable(L, -3);
		lua_getfield(L, -1, "order");
		lua_pushvalue(L, -4);
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
		lua_pop(L, 2);
		/* A name may come once. */
		lua_pushvalue(L, -2);
		if (lua_rawget(L, -4) != LUA_TNIL)
			luaL_error(L, "the name %s comes twice", lua_tostring(L, -3));
		lua_pop(L, 1);
		lua_rawset(L, -3);
	}
}

static void
on_open(struct builder *b, const char *kind)
{
	luaL_checkstack(b->L, 10, "depth");
	lua_newtable(b->L);
	lua_newtable(b->L);
	lua_pushstring(b->L, kind);
	lua_setfield(b->L, -2, "kind");
	lua_newtable(b->L);
	lua_setfield(b->L, -2, "order");
	lua_setmetatable(b->L, -2);
}

static void
on_open_object(void *sink)
{
	on_open(sink, "object");
}

static void
on_open_list(void *sink)
{
	on_open(sink, "list");
}

static void
on_close(void *sink)
{
	place(((struct builder *)sink)->L);
}

static void
on_key(void *sink, enum key key)
{
	lua_pushlstring(((struct builder *)sink)->L, key_names[key].at, key_names[key].len);
}

static void
on_data_key(void *sink, const char *name, size_t len)
{
	lua_pushlstring(((struct builder *)sink)->L, name, len);
}

static void
on_integer(void *sink, int64_t value)
{
	lua_pushinteger(((struct builder *)sink)->L, value);
	place(((struct builder *)sink)->L);
}

static void
on_text(void *sink, const char *at, size_t len)
{
	lua_pushlstring(((struct builder *)sink)->L, at, len);
	place(((struct builder *)sink)->L);
}

static const struct sink_ops sink_lua = {
	.open_object = on_open_object,
	.close_object = on_close,
	.open_list = on_open_list,
	.close_list = on_close,
	.key = on_key,
	.data_key = on_data_key,
	.integer = on_integer,
	.text = on_text,
	.word = on_text,
};

/* Runs on a stack of its own, so that the bottom is the document's. */
static lua_State *
fresh(lua_State *L)
{
	lua_State *T = lua_newthread(L);

	return T;
}

/*
 * table(bytes [, options]) -> the document; the metatable of each table has kind ("object" or
 * "list") and order of its names
 */
static int
l_table(lua_State *L)
{
	struct subject *s = decode(L);
	struct builder b = { fresh(L) };

	if (!document_walk(&s->record, &s->origin, &sink_lua, &b))
		return luaL_error(L, "memory");
	lua_xmove(b.L, L, 1);
	return 1;
}

/* fields(bytes [, options]) -> { name, … }, { name = value made alone } */
static int
l_fields(lua_State *L)
{
	struct subject *s = decode(L);
	lua_Integer n = 0;

	lua_newtable(L);
	lua_newtable(L);
	for (enum field f = 0; f < FIELDS; f++) {
		struct builder b;

		if (!document_has(&s->record, &s->origin, f))
			continue;
		lua_pushlstring(L, key_names[f].at, key_names[f].len);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -4, ++n);
		b.L = fresh(L);
		if (!document_field(&s->record, &s->origin, f, &sink_lua, &b))
			return luaL_error(L, "memory");
		lua_xmove(b.L, L, 1);
		lua_remove(L, -2);
		lua_rawset(L, -3);
	}
	return 2;
}

static bool
collect(void *context, const struct probe_value *v)
{
	lua_State *L = context;

	if (v->is_text)
		lua_pushlstring(L, v->text.at, v->text.len);
	else
		lua_pushinteger(L, v->integer);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	return false;
}

/*
 * probe(bytes, options, path [, name, …]) -> { value, … }, or nil when no document can have the
 * path; names are added below it
 */
static int
l_probe(lua_State *L)
{
	struct subject *s;
	struct probe p;
	struct str path;
	int top = lua_gettop(L);

	path.at = luaL_checklstring(L, 3, &path.len);
	if (!probe_compile(path, &p))
		return 0;
	for (int i = 4; i <= top; i++) {
		path.at = luaL_checklstring(L, i, &path.len);
		if (!probe_descend(&p, path))
			return 0;
	}
	s = decode(L);
	lua_newtable(L);
	if (probe_any(&p, &s->record, &s->origin, collect, L))
		return luaL_error(L, "stopped without being told");
	return 1;
}

/*
 * tokens(bytes, version) -> { { kind = number, id =, at =, len = }, … }, status; bytes are tokens
 * without a header
 */
static int
l_tokens(lua_State *L)
{
	static const char *const words[] = { "ready", "end", "unknown", "odd", "cut" };
	size_t len;
	const char *bytes = luaL_checklstring(L, 1, &len);
	uint8_t *copy = lua_newuserdatauv(L, len > 0 ? len : 1, 0);
	struct token_reader r = { copy, 0, len, (uint8_t)luaL_checkinteger(L, 2) };
	struct token t;
	enum token_status status;
	lua_Integer n = 0;

	memcpy(copy, bytes, len);
	lua_newtable(L);
	while ((status = token_next(&r, &t)) == TOKEN_READY) {
		lua_newtable(L);
		set_integer(L, "kind", t.kind);
		set_integer(L, "id", t.id);
		set_integer(L, "at", t.at);
		set_integer(L, "len", t.len);
		lua_rawseti(L, -2, ++n);
	}
	lua_pushstring(L, words[status]);
	return 2;
}

/*
 * trail(bytes, step [, max]) -> { { status, offset, bytes, reason, name, seconds, nanoseconds }, …
 * }, closed; the window grows by step bytes whenever the reader wants more
 */
static int
l_trail(lua_State *L)
{
	static const char *const words[] = { "record", "file", "damage", "cut", "more", "end" };
	size_t len, start = 0, end = 0, step = (size_t)luaL_checkinteger(L, 2);
	const char *bytes = luaL_checklstring(L, 1, &len);
	enum trail_status status;
	struct trail_item item;
	struct trail t;
	lua_Integer n = 0;

	trail_init(&t, (uint32_t)luaL_optinteger(L, 3, 0));
	lua_newtable(L);
	do {
		uint8_t *window = malloc(end - start + 1);

		memcpy(window, bytes + start, end - start);
		status = trail_next(&t, window, end - start, end == len, &item);
		if (status == TRAIL_MORE && (end == len || item.len <= end - start)) {
			free(window);
			return luaL_error(
			    L, "wants %d bytes of %d", (int)item.len, (int)(end - start));
		}
		if (status == TRAIL_MORE)
			end = len - end < step ? len : end + step;
		else if (status != TRAIL_END) {
			lua_newtable(L);
			set_text(L, "status", words[status]);
			set_integer(L, "offset", item.offset);
			lua_pushlstring(L, (const char *)item.at, item.len);
			lua_setfield(L, -2, "bytes");
			set_text(L, "reason", item.reason);
			if (status == TRAIL_FILE) {
				lua_pushlstring(L, item.file.name.at, item.file.name.len);
				lua_setfield(L, -2, "name");
				set_integer(L, "seconds", item.file.seconds);
				set_integer(L, "nanoseconds", item.nanoseconds);
			}
			lua_rawseti(L, -2, ++n);
			start += item.len;
			if (t.offset != start) {
				free(window);
				return luaL_error(L, "the trail has lost count");
			}
		}
		free(window);
	} while (status != TRAIL_END);
	lua_pushboolean(L, t.closed);
	return 2;
}

/* field_table() -> { { path, type, list, keyed, from, about }, … } */
static int
l_field_table(lua_State *L)
{
	static const char *const types[] = { "integer", "text", "object", "mixed" };

	lua_newtable(L);
	for (size_t i = 0; i < field_rows; i++) {
		const struct field_row *row = &field_table[i];

		lua_newtable(L);
		set_text(L, "path", row->path);
		set_text(L, "type", types[row->type]);
		set_boolean(L, "list", row->list);
		set_boolean(L, "keyed", row->keyed);
		set_text(L, "from", row->from);
		set_text(L, "about", row->about);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* The top-level names in the order of enum field. */
static int
l_field_names(lua_State *L)
{
	lua_newtable(L);
	for (int f = 0; f < FIELDS; f++) {
		lua_pushlstring(L, key_names[f].at, key_names[f].len);
		lua_rawseti(L, -2, f + 1);
	}
	return 1;
}

static int
push_name(lua_State *L, struct str name)
{
	if (name.len == 0)
		return 0;
	lua_pushlstring(L, name.at, name.len);
	return 1;
}

/* event_name(number, column) */
static int
l_event_name(lua_State *L)
{
	static const char *const columns[] = { "illumos", "smartos", "tsol", "darwin1", "openbsm",
		"apple", NULL };

	return push_name(
	    L, names_event((enum event_column)luaL_checkoption(L, 2, "illumos", columns),
		   (uint16_t)luaL_checkinteger(L, 1)));
}

/* event_names() -> { name, … } */
static int
l_event_names(lua_State *L)
{
	lua_newtable(L);
	for (size_t i = 0; i < names_event_count(); i++) {
		push_name(L, names_event_at(i));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
l_event_exists(lua_State *L)
{
	struct str name;

	name.at = luaL_checklstring(L, 1, &name.len);
	lua_pushboolean(L, names_event_exists(name));
	return 1;
}

static int
l_errno_name(lua_State *L)
{
	return push_name(L, names_errno((uint8_t)luaL_checkinteger(L, 1), lua_toboolean(L, 2)));
}

static int
l_signal_name(lua_State *L)
{
	return push_name(L, names_signal((uint64_t)luaL_checkinteger(L, 1), lua_toboolean(L, 2)));
}

static const luaL_Reg functions[] = {
	{ "json", l_json },
	{ "table", l_table },
	{ "fields", l_fields },
	{ "probe", l_probe },
	{ "tokens", l_tokens },
	{ "trail", l_trail },
	{ "field_table", l_field_table },
	{ "field_names", l_field_names },
	{ "event_name", l_event_name },
	{ "event_names", l_event_names },
	{ "event_exists", l_event_exists },
	{ "errno_name", l_errno_name },
	{ "signal_name", l_signal_name },
	{ NULL, NULL },
};

int luaopen_core_bsm(lua_State *L);

int
luaopen_core_bsm(lua_State *L)
{
	luaL_newmetatable(L, "bsm.subject");
	lua_pushcfunction(L, subject_gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	set_integer(L, "token_kinds", TOKEN_KINDS);
	return 1;
}
