/*
 * journal: core/journal for specs: a journal with a loop that turns when the spec says so, a
 * reader, the checksum, and the disk of journal_disk.h.
 */
#include <ev.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <unistd.h>

#include "base/log.h"
#include "journal/crc32c.h"
#include "journal/journal.h"
#include "journal/reader.h"
#include "journal_disk.h"
#include "lua_values.h"

int luaopen_core_journal(lua_State *L);

#define DISK    "journal.disk"
#define JOURNAL "journal"
#define READER  "journal.reader"

static struct str
field_str(lua_State *L, int at, const char *name)
{
	struct str s = { "", 0 };

	/* The table keeps the text alive. */
	if (lua_getfield(L, at, name) != LUA_TNIL)
		s.at = luaL_checklstring(L, -1, &s.len);
	lua_pop(L, 1);
	return s;
}

static lua_Number
field_number(lua_State *L, int at, const char *name, lua_Number otherwise)
{
	lua_Number v;

	lua_getfield(L, at, name);
	v = luaL_optnumber(L, -1, otherwise);
	lua_pop(L, 1);
	return v;
}

/* ---- disk ---- */

static struct disk *
check_disk(lua_State *L, int i)
{
	return *(struct disk **)luaL_checkudata(L, i, DISK);
}

/* disk(seed) */
static int
l_disk(lua_State *L)
{
	struct disk *d = malloc(sizeof(*d));

	disk_init(d, (unsigned)luaL_optinteger(L, 1, 1));
	*(struct disk **)lua_newuserdatauv(L, sizeof(d), 0) = d;
	luaL_setmetatable(L, DISK);
	return 1;
}

/* disk:fail(call, errno name | "short", after, times): so many calls from the nth on */
static int
l_disk_fail(lua_State *L)
{
	static const char *const names[] = { "short", "EIO", "ENOSPC", "EINTR", "EROFS", "ENOENT",
		NULL };
	static const int numbers[] = { 0, EIO, ENOSPC, EINTR, EROFS, ENOENT };
	struct disk *d = check_disk(L, 1);
	int call = luaL_checkoption(L, 2, NULL, disk_call_names);

	pthread_mutex_lock(&d->lock);
	d->fails[call].error = numbers[luaL_checkoption(L, 3, NULL, names)];
	d->fails[call].after = (unsigned)luaL_optinteger(L, 4, 0);
	d->fails[call].times = (unsigned)luaL_optinteger(L, 5, 1);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* disk:calls(name) */
static int
l_disk_calls(lua_State *L)
{
	struct disk *d = check_disk(L, 1);

	pthread_mutex_lock(&d->lock);
	lua_pushinteger(L, d->calls[luaL_checkoption(L, 2, NULL, disk_call_names)]);
	pthread_mutex_unlock(&d->lock);
	return 1;
}

/* disk:power_left(calls): the power goes with the nth call that changes something */
static int
l_disk_power_left(lua_State *L)
{
	struct disk *d = check_disk(L, 1);

	pthread_mutex_lock(&d->lock);
	d->power_left = (int)luaL_checkinteger(L, 2);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* disk:off(): nothing works, and nothing is lost: what a killed program leaves */
static int
l_disk_off(lua_State *L)
{
	struct disk *d = check_disk(L, 1);

	pthread_mutex_lock(&d->lock);
	d->off = true;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* disk:on(): it works again, with everything that was written */
static int
l_disk_on(lua_State *L)
{
	struct disk *d = check_disk(L, 1);

	d->off = false;
	d->power_left = -1;
	memset(d->fails, 0, sizeof(d->fails));
	return 0;
}

/* disk:power_cut(): what was not synced may be lost */
static int
l_disk_power_cut(lua_State *L)
{
	disk_power_cut(check_disk(L, 1));
	return 0;
}

static int
l_disk_room(lua_State *L)
{
	struct disk *d = check_disk(L, 1);

	pthread_mutex_lock(&d->lock);
	d->room = (uint64_t)luaL_checkinteger(L, 2);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* disk:files([folder]) -> { name = bytes }: folder "damaged", or the journal's */
static int
l_disk_files(lua_State *L)
{
	struct disk *d = check_disk(L, 1);
	int f = !lua_isnoneornil(L, 2);

	lua_newtable(L);
	for (size_t i = 0; i < d->names_len[f]; i++) {
		struct disk_name *n = &d->names[f][i];

		if (n->now != NULL)
			set_str(L, n->name, (struct str){ n->now->now.at, n->now->now.len });
	}
	return 1;
}

/* disk:put(name, bytes | nil): for good */
static int
l_disk_put(lua_State *L)
{
	struct disk *d = check_disk(L, 1);
	const char *name = luaL_checkstring(L, 2);
	struct disk_name *n = disk_name(d, 0, name, true);
	struct str bytes;

	n->now = n->safe = NULL;
	if (lua_isnoneornil(L, 3))
		return 0;
	bytes = check_str(L, 3);
	disk_put(d, name, bytes.at, bytes.len);
	return 0;
}

static int
l_disk_gc(lua_State *L)
{
	struct disk *d = check_disk(L, 1);

	disk_fini(d);
	free(d);
	return 0;
}

/* ---- journal ---- */

struct opened {
	lua_State *L;
	struct ev_loop *loop;
	struct journal *journal;
	uint64_t told; /* by stored() */
	int stalls;    /* list of what stalled() said */
	int fetched;   /* list, while a fetch is under way */
	bool fetching;
	uint64_t after;
	char *directory;
	struct journal_sender sender;
};

static struct opened *
check_journal(lua_State *L)
{
	struct opened *o = luaL_checkudata(L, 1, JOURNAL);

	luaL_argcheck(L, o->journal != NULL, 1, "it is closed");
	return o;
}

static void
on_stored(void *ctx, uint64_t below)
{
	struct opened *o = ctx;

	o->told = below;
}

static void
on_stalled(void *ctx, const char *reason)
{
	struct opened *o = ctx;

	lua_rawgeti(o->L, LUA_REGISTRYINDEX, o->stalls);
	lua_pushstring(o->L, reason != NULL ? reason : "goes on");
	lua_rawseti(o->L, -2, (lua_Integer)lua_rawlen(o->L, -2) + 1);
	lua_pop(o->L, 1);
}

static void
read_config(lua_State *L, struct journal_config *c)
{
	c->segment_bytes = (uint64_t)field_integer(L, 1, "segment_bytes", 1 << 20);
	c->max_bytes = (uint64_t)field_integer(L, 1, "max_bytes", INT64_C(1) << 40);
	c->reserve = (uint64_t)field_integer(L, 1, "reserve", 0);
	c->keep_for = field_number(L, 1, "keep_for", 0);
	c->keep_bytes = (uint64_t)field_integer(L, 1, "keep_bytes", 0);
	c->max_memory = (uint64_t)field_integer(L, 1, "max_memory", 64 << 20);
	c->directory = field_str(L, 1, "directory").at;
	lua_getfield(L, 1, "disk");
	if (!lua_isnil(L, -1))
		c->storage = &check_disk(L, -1)->storage;
	lua_pop(L, 1);
}

/* open{ directory = , disk = , segment_bytes = … } -> journal | nil, reason */
static int
l_open(lua_State *L)
{
	struct journal_handler handler = { on_stored, on_stalled, NULL };
	struct journal_config config = { 0 };
	struct opened *o;
	struct err *e;

	luaL_checktype(L, 1, LUA_TTABLE);
	read_config(L, &config);
	o = lua_newuserdatauv(L, sizeof(*o), 1);
	*o = (struct opened){ .loop = ev_loop_new(0) };
	lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
	o->L = lua_tothread(L, -1);
	lua_pop(L, 1);
	config.directory = o->directory = strdup(config.directory);
	lua_newtable(L);
	o->stalls = luaL_ref(L, LUA_REGISTRYINDEX);
	/* The disk lives as long as its journal. */
	lua_getfield(L, 1, "disk");
	lua_setiuservalue(L, -2, 1);
	handler.ctx = o;
	if ((e = journal_open(&o->journal, o->loop, &config, &handler)) != NULL) {
		ev_loop_destroy(o->loop);
		free(o->directory);
		return push_fault(L, e);
	}
	luaL_setmetatable(L, JOURNAL);
	return 1;
}

/* check{ … } -> true | nil, reason */
static int
l_check(lua_State *L)
{
	struct journal_config config = { 0 };
	struct err *e;

	read_config(L, &config);
	if ((e = journal_check(&config)) != NULL)
		return push_fault(L, e);
	lua_pushboolean(L, 1);
	return 1;
}

/* journal:append{ name = , sequence = , bytes = … } -> number | nil */
static int
l_append(lua_State *L)
{
	struct opened *o = check_journal(L);
	struct journal_entry e = { .sender = &o->sender };
	uint64_t number;

	o->sender.name = field_str(L, 2, "name");
	o->sender.from = field_str(L, 2, "from");
	o->sender.host = field_str(L, 2, "host");
	o->sender.principal = field_str(L, 2, "principal");
	o->sender.group = field_str(L, 2, "group");
	e.sequence = (uint64_t)field_integer(L, 2, "sequence", 0);
	e.received = field_integer(L, 2, "received", 0);
	e.full_size = (uint64_t)field_integer(L, 2, "full_size", 0);
	e.bytes = field_str(L, 2, "bytes");
	e.note = field_str(L, 2, "note");
	if ((number = journal_append(o->journal, &e)) == 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, (lua_Integer)number);
	return 1;
}

static void
on_guard(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	*(bool *)w->data = true;
}

/* Turns the loop until is_over(), or for so long at most. */
static bool
turn(struct opened *o, bool (*is_over)(struct opened *o), double seconds)
{
	bool late = false;
	ev_timer guard;

	ev_timer_init(&guard, on_guard, seconds, 0);
	guard.data = &late;
	ev_now_update(o->loop);
	ev_timer_start(o->loop, &guard);
	while (!late && !is_over(o))
		ev_run(o->loop, EVRUN_ONCE);
	ev_timer_stop(o->loop, &guard);
	return is_over(o);
}

static bool
is_stored(struct opened *o)
{
	return journal_stored(o->journal) == journal_next(o->journal);
}

static bool
never(struct opened *o)
{
	(void)o;
	return false;
}

static bool
is_stalled(struct opened *o)
{
	struct journal_counters c;

	journal_counters(o->journal, &c);
	return c.stalled != NULL || is_stored(o);
}

static bool
is_fetched(struct opened *o)
{
	return !o->fetching;
}

/* journal:settle([seconds]) -> is everything stored? */
static int
l_settle(lua_State *L)
{
	lua_pushboolean(L, turn(check_journal(L), is_stored, luaL_optnumber(L, 2, 10)));
	return 1;
}

/* journal:stall([seconds]): turns until the disk refuses; is it so? */
static int
l_stall(lua_State *L)
{
	struct opened *o = check_journal(L);

	turn(o, is_stalled, luaL_optnumber(L, 2, 10));
	lua_pushboolean(L, !is_stored(o));
	return 1;
}

/* journal:turn(seconds): lets time pass */
static int
l_turn(lua_State *L)
{
	turn(check_journal(L), never, luaL_checknumber(L, 2));
	return 0;
}

static void
push_entry(lua_State *L, const struct journal_entry *e)
{
	lua_newtable(L);
	set_integer(L, "number", e->number);
	set_str(L, "name", e->sender->name);
	set_str(L, "from", e->sender->from);
	set_str(L, "host", e->sender->host);
	set_str(L, "principal", e->sender->principal);
	set_str(L, "group", e->sender->group);
	set_integer(L, "sequence", e->sequence);
	set_integer(L, "received", (uint64_t)e->received);
	set_integer(L, "full_size", e->full_size);
	set_str(L, "bytes", e->bytes);
	set_str(L, "note", e->note);
}

static void
on_fetched(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after)
{
	struct opened *o = ctx;

	lua_rawgeti(o->L, LUA_REGISTRYINDEX, o->fetched);
	for (size_t i = 0; i < count; i++) {
		push_entry(o->L, &entries[i]);
		lua_rawseti(o->L, -2, (lua_Integer)i + 1);
	}
	lua_pop(o->L, 1);
	o->after = after;
	o->fetching = false;
}

/* journal:fetch(number, bytes) -> entries, after */
static int
l_fetch(lua_State *L)
{
	struct opened *o = check_journal(L);

	lua_newtable(L);
	o->fetched = luaL_ref(L, LUA_REGISTRYINDEX);
	o->fetching = true;
	if (!journal_fetch(o->journal, (uint64_t)luaL_checkinteger(L, 2),
		(size_t)luaL_optinteger(L, 3, 1 << 16), on_fetched, o))
		return luaL_error(L, "a fetch is under way");
	turn(o, is_fetched, 10);
	lua_rawgeti(L, LUA_REGISTRYINDEX, o->fetched);
	luaL_unref(L, LUA_REGISTRYINDEX, o->fetched);
	lua_pushinteger(L, (lua_Integer)o->after);
	return o->fetching ? luaL_error(L, "the fetch does not come back") : 2;
}

static int
l_next(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)journal_next(check_journal(L)->journal));
	return 1;
}

/* journal:stored() -> as it says when asked, as it said by itself */
static int
l_stored(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)journal_stored(check_journal(L)->journal));
	lua_pushinteger(L, (lua_Integer)check_journal(L)->told);
	return 2;
}

static int
l_cursor(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)journal_cursor(check_journal(L)->journal));
	return 1;
}

static int
l_move(lua_State *L)
{
	journal_move_cursor(check_journal(L)->journal, (uint64_t)luaL_checkinteger(L, 2));
	return 0;
}

static int
l_oldest(lua_State *L)
{
	lua_pushinteger(L, journal_oldest(check_journal(L)->journal));
	return 1;
}

static int
l_stalls(lua_State *L)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, check_journal(L)->stalls);
	return 1;
}

static int
l_counters(lua_State *L)
{
	struct journal_counters c;

	journal_counters(check_journal(L)->journal, &c);
	lua_newtable(L);
	set_integer(L, "appended", c.appended);
	set_integer(L, "stored", c.stored);
	set_integer(L, "bytes", c.bytes);
	set_integer(L, "syncs", c.syncs);
	set_integer(L, "write_faults", c.write_faults);
	set_integer(L, "damaged", c.damaged);
	set_integer(L, "damaged_bytes", c.damaged_bytes);
	set_integer(L, "torn_bytes", c.torn_bytes);
	set_integer(L, "segments", c.segments);
	set_integer(L, "disk_bytes", c.disk_bytes);
	set_integer(L, "expired", c.expired);
	if (c.stalled != NULL)
		set_str(L, "stalled", str_of(c.stalled));
	return 1;
}

static int
l_close(lua_State *L)
{
	struct opened *o = luaL_checkudata(L, 1, JOURNAL);

	if (o->journal == NULL)
		return 0;
	journal_close(o->journal);
	o->journal = NULL;
	ev_loop_destroy(o->loop);
	free(o->directory);
	luaL_unref(L, LUA_REGISTRYINDEX, o->stalls);
	return 0;
}

/* ---- reader ---- */

static const struct storage *
opt_storage(lua_State *L, int i)
{
	return lua_isnoneornil(L, i) ? &storage_system : &check_disk(L, i)->storage;
}

static struct journal_reader *
check_reader(lua_State *L)
{
	struct journal_reader **r = luaL_checkudata(L, 1, READER);

	luaL_argcheck(L, *r != NULL, 1, "it is closed");
	return *r;
}

/* reader(directory, disk) -> reader | nil, reason */
static int
l_reader(lua_State *L)
{
	struct journal_reader *r;
	struct err *e;

	if ((e = journal_reader_open_on(&r, opt_storage(L, 2), luaL_checkstring(L, 1))) != NULL)
		return push_fault(L, e);
	*(struct journal_reader **)lua_newuserdatauv(L, sizeof(r), 0) = r;
	luaL_setmetatable(L, READER);
	return 1;
}

/* reader:next() -> "entry", table | "damage", table | "end" | "fault", reason */
static int
l_reader_next(lua_State *L)
{
	struct journal_damage d;
	struct journal_entry e;
	struct err *why;

	switch (journal_reader_next(check_reader(L), &e, &d, &why)) {
	case JOURNAL_ENTRY:
		lua_pushstring(L, "entry");
		push_entry(L, &e);
		return 2;
	case JOURNAL_DAMAGE:
		lua_pushstring(L, "damage");
		lua_newtable(L);
		set_str(L, "file", str_of(d.file));
		set_str(L, "what", str_of(d.what));
		set_integer(L, "offset", d.offset);
		set_integer(L, "bytes", d.bytes);
		return 2;
	case JOURNAL_END: break;
	}
	lua_pushstring(L, why != NULL ? "fault" : "end");
	lua_pushstring(L, why != NULL ? err_text(why) : NULL);
	err_free(why);
	return 2;
}

static int
l_reader_segments(lua_State *L)
{
	struct journal_reader *r = check_reader(L);
	struct journal_segment s;

	lua_newtable(L);
	for (size_t i = 0; i < journal_reader_segments(r); i++) {
		journal_reader_segment(r, i, &s);
		lua_newtable(L);
		set_str(L, "file", str_of(s.file));
		set_integer(L, "first", s.first);
		set_integer(L, "after", s.after);
		set_integer(L, "bytes", s.bytes);
		set_integer(L, "from", (uint64_t)s.from);
		set_integer(L, "to", (uint64_t)s.to);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
l_reader_seek(lua_State *L)
{
	journal_reader_seek(check_reader(L), (uint64_t)luaL_checkinteger(L, 2));
	return 0;
}

static int
l_reader_cursor(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)journal_reader_cursor(check_reader(L)));
	return 1;
}

static int
l_reader_progress(lua_State *L)
{
	uint64_t at, of;

	journal_reader_progress(check_reader(L), &at, &of);
	lua_pushinteger(L, (lua_Integer)at);
	lua_pushinteger(L, (lua_Integer)of);
	return 2;
}

static int
l_reader_close(lua_State *L)
{
	struct journal_reader **r = luaL_checkudata(L, 1, READER);

	journal_reader_close(*r);
	*r = NULL;
	return 0;
}

/* forget(directory, { numbers }, disk) -> true | nil, reason */
static int
l_forget(lua_State *L)
{
	size_t count = (size_t)luaL_len(L, 2);
	uint64_t *numbers = calloc(count + 1, sizeof(*numbers));
	struct err *e;

	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, 2, (lua_Integer)i + 1);
		numbers[i] = (uint64_t)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	e = journal_forget_on(opt_storage(L, 3), luaL_checkstring(L, 1), numbers, count);
	free(numbers);
	if (e != NULL)
		return push_fault(L, e);
	lua_pushboolean(L, 1);
	return 1;
}

/* crc32c(bytes[, before]) -> by the processor, by tables */
static int
l_crc32c(lua_State *L)
{
	struct str s = check_str(L, 1);
	uint32_t before = (uint32_t)luaL_optinteger(L, 2, 0);

	lua_pushinteger(L, crc32c(before, s.at, s.len));
	lua_pushinteger(L, crc32c_plain(before, s.at, s.len));
	return 2;
}

static const luaL_Reg disk_methods[] = { { "fail", l_disk_fail }, { "calls", l_disk_calls },
	{ "power_left", l_disk_power_left }, { "power_cut", l_disk_power_cut },
	{ "off", l_disk_off }, { "on", l_disk_on }, { "room", l_disk_room },
	{ "files", l_disk_files }, { "put", l_disk_put }, { "__gc", l_disk_gc }, { NULL, NULL } };
static const luaL_Reg journal_methods[] = { { "append", l_append }, { "settle", l_settle },
	{ "stall", l_stall }, { "turn", l_turn }, { "fetch", l_fetch }, { "next", l_next },
	{ "stored", l_stored }, { "cursor", l_cursor }, { "move", l_move }, { "oldest", l_oldest },
	{ "stalls", l_stalls }, { "counters", l_counters }, { "close", l_close },
	{ "__gc", l_close }, { NULL, NULL } };
static const luaL_Reg reader_methods[] = { { "next", l_reader_next },
	{ "segments", l_reader_segments }, { "seek", l_reader_seek }, { "cursor", l_reader_cursor },
	{ "progress", l_reader_progress }, { "close", l_reader_close }, { NULL, NULL } };
static const luaL_Reg functions[] = { { "disk", l_disk }, { "open", l_open }, { "check", l_check },
	{ "reader", l_reader }, { "forget", l_forget }, { "crc32c", l_crc32c }, { NULL, NULL } };

int
luaopen_core_journal(lua_State *L)
{
	log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
	make_type(L, DISK, disk_methods);
	make_type(L, JOURNAL, journal_methods);
	make_type(L, READER, reader_methods);
	luaL_newlib(L, functions);
	return 1;
}
