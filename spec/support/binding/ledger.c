/*
 * ledger: the parts of the daemon that keep account of records, for specs: places of the journal,
 * numbers of senders, drops in their kernels, resends, pledges.
 */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "daemon/kernel_drops.h"
#include "daemon/ledger.h"
#include "daemon/pledge.h"
#include "daemon/prefix.h"
#include "daemon/resends.h"
#include "daemon/sequences.h"

#include "lua_values.h"

int luaopen_core_ledger(lua_State *L);

#define PREFIX    "core.ledger.prefix"
#define PLACES    "core.ledger.places"
#define SEQUENCES "core.ledger.sequences"
#define DROPS     "core.ledger.kernel_drops"
#define RESENDS   "core.ledger.resends"
#define PLEDGES   "core.ledger.pledges"

static uint64_t
number(lua_State *L, int i)
{
	return (uint64_t)luaL_checkinteger(L, i);
}

/* ---- prefix ---- */

static int
l_prefix(lua_State *L)
{
	struct prefix *p = lua_newuserdatauv(L, sizeof(*p), 0);

	prefix_init(p, number(L, 1));
	luaL_setmetatable(L, PREFIX);
	return 1;
}

static int
prefix_l_reserve(lua_State *L)
{
	lua_pushboolean(L, prefix_reserve(luaL_checkudata(L, 1, PREFIX), number(L, 2)));
	return 1;
}

static int
prefix_l_settle(lua_State *L)
{
	struct prefix *p = luaL_checkudata(L, 1, PREFIX);

	prefix_settle(p, number(L, 2));
	lua_pushinteger(L, (lua_Integer)p->base);
	return 1;
}

static int
prefix_l_base(lua_State *L)
{
	const struct prefix *p = luaL_checkudata(L, 1, PREFIX);

	lua_pushinteger(L, (lua_Integer)p->base);
	lua_pushinteger(L, (lua_Integer)p->settled.room);
	return 2;
}

static int
prefix_l_close(lua_State *L)
{
	prefix_fini(luaL_checkudata(L, 1, PREFIX));
	return 0;
}

static const luaL_Reg prefix_methods[] = {
	{ "reserve", prefix_l_reserve },
	{ "settle", prefix_l_settle },
	{ "base", prefix_l_base },
	{ "__gc", prefix_l_close },
	{ NULL, NULL },
};

/* ---- places ---- */

static int
l_places(lua_State *L)
{
	memset(lua_newuserdatauv(L, sizeof(struct places), 0), 0, sizeof(struct places));
	luaL_setmetatable(L, PLACES);
	return 1;
}

/* add(base, place) → false: no room */
static int
places_l_add(lua_State *L)
{
	struct places *p = luaL_checkudata(L, 1, PLACES);
	bool room = places_reserve(p, number(L, 2), number(L, 3));

	if (room)
		places_add(p, number(L, 3));
	lua_pushboolean(L, room);
	return 1;
}

static int
places_l_remove(lua_State *L)
{
	places_remove(luaL_checkudata(L, 1, PLACES), number(L, 2));
	return 0;
}

static int
places_l_next(lua_State *L)
{
	lua_pushinteger(
	    L, (lua_Integer)places_next(luaL_checkudata(L, 1, PLACES), number(L, 2), number(L, 3)));
	return 1;
}

static int
places_l_close(lua_State *L)
{
	places_fini(luaL_checkudata(L, 1, PLACES));
	return 0;
}

static const luaL_Reg places_methods[] = {
	{ "add", places_l_add },
	{ "remove", places_l_remove },
	{ "next", places_l_next },
	{ "__gc", places_l_close },
	{ NULL, NULL },
};

/* ---- sequences ---- */

static int
l_sequences(lua_State *L)
{
	memset(lua_newuserdatauv(L, sizeof(struct sequences), 0), 0, sizeof(struct sequences));
	luaL_setmetatable(L, SEQUENCES);
	return 1;
}

/* note(number, other, reach) -> found missing just now */
static int
sequences_l_note(lua_State *L)
{
	lua_pushinteger(
	    L, (lua_Integer)sequences_note(luaL_checkudata(L, 1, SEQUENCES), number(L, 2),
		   lua_toboolean(L, 3), (uint64_t)luaL_optinteger(L, 4, 1024)));
	return 1;
}

static int
sequences_l_kernel(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)sequences_note_kernel(luaL_checkudata(L, 1, SEQUENCES),
			       number(L, 2), (uint32_t)number(L, 3)));
	return 1;
}

static int
sequences_l_join(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)sequences_join(
			       luaL_checkudata(L, 1, SEQUENCES), luaL_checkudata(L, 2, SEQUENCES)));
	return 1;
}

/* counts() -> missing, restarts, missing in the kernel */
static int
sequences_l_counts(lua_State *L)
{
	const struct sequences *s = luaL_checkudata(L, 1, SEQUENCES);

	lua_pushinteger(L, (lua_Integer)s->missing);
	lua_pushinteger(L, (lua_Integer)s->restarts);
	lua_pushinteger(L, (lua_Integer)s->kernel_missing);
	return 3;
}

static int
sequences_l_close(lua_State *L)
{
	(void)L;
	return 0;
}

static const luaL_Reg sequences_methods[] = {
	{ "note", sequences_l_note },
	{ "kernel", sequences_l_kernel },
	{ "join", sequences_l_join },
	{ "counts", sequences_l_counts },
	{ "__gc", sequences_l_close },
	{ NULL, NULL },
};

/* ---- drops in a kernel ---- */

static int
l_kernel_drops(lua_State *L)
{
	memset(
	    lua_newuserdatauv(L, sizeof(struct kernel_drops), 0), 0, sizeof(struct kernel_drops));
	luaL_setmetatable(L, DROPS);
	return 1;
}

/* note(record) -> drops that were not known before, dropped in all; nil: it is no report */
static int
drops_l_note(lua_State *L)
{
	struct kernel_drops *k = luaL_checkudata(L, 1, DROPS);
	struct str bytes = check_str(L, 2);
	struct kernel_report report;
	struct dialect dialect = { 0 };
	struct record record;
	bool is_one;

	if (!record_init(&record))
		return luaL_error(L, "no memory");
	record_decode(&record, (const uint8_t *)bytes.at, bytes.len, &dialect);
	is_one = kernel_drops_read(&record, &report);
	record_fini(&record);
	if (!is_one)
		return 0;
	lua_pushinteger(L, (lua_Integer)kernel_drops_note(k, &report));
	lua_pushinteger(L, (lua_Integer)k->dropped);
	return 2;
}

static const luaL_Reg drops_methods[] = {
	{ "note", drops_l_note },
	{ NULL, NULL },
};

/* ---- resends ---- */

struct memory {
	struct resends resends;
	struct resends_budget budget;
};

/* resends(bytes of all, sharers) */
static int
l_resends(lua_State *L)
{
	struct resends_budget budget = { .most = number(L, 1),
		.sharers = (size_t)luaL_optinteger(L, 2, 1) };
	struct memory *m = lua_newuserdatauv(L, sizeof(*m), 0);

	*m = (struct memory){ .budget = budget };
	luaL_setmetatable(L, RESENDS);
	return 1;
}

static void
digest_of(lua_State *L, int i, uint8_t out[IDENTITY_DIGEST])
{
	struct str bytes = check_str(L, i);

	identity_digest("sender", 1, bytes, out);
}

/* find(number, bytes) -> "new" | "known" | "other" */
static int
resends_l_find(lua_State *L)
{
	static const char *const names[] = { "new", "known", "other" };
	struct memory *m = luaL_checkudata(L, 1, RESENDS);
	uint8_t digest[IDENTITY_DIGEST];
	struct resend *out;

	digest_of(L, 3, digest);
	lua_pushstring(L, names[resends_find(&m->resends, number(L, 2), digest, &out)]);
	return 1;
}

static int
resends_l_note(lua_State *L)
{
	struct memory *m = luaL_checkudata(L, 1, RESENDS);
	struct resend record = { .sequence = number(L, 2) };

	digest_of(L, 3, record.digest);
	resends_note(&m->resends, &m->budget, &record);
	lua_pushinteger(L, (lua_Integer)m->resends.room);
	lua_pushinteger(L, (lua_Integer)m->budget.used);
	return 2;
}

static int
resends_l_close(lua_State *L)
{
	struct memory *m = luaL_checkudata(L, 1, RESENDS);

	resends_fini(&m->resends, &m->budget);
	return 0;
}

static const luaL_Reg resends_methods[] = {
	{ "find", resends_l_find },
	{ "note", resends_l_note },
	{ "__gc", resends_l_close },
	{ NULL, NULL },
};

/* ---- pledges ---- */

static int
l_pledges(lua_State *L)
{
	memset(lua_newuserdatauv(L, sizeof(struct pledges), 0), 0, sizeof(struct pledges));
	luaL_setmetatable(L, PLEDGES);
	return 1;
}

/* add(place, receipt) */
static int
pledges_l_add(lua_State *L)
{
	struct pledges *p = luaL_checkudata(L, 1, PLEDGES);
	struct pledge pledge = { .place = number(L, 2), .receipt = number(L, 3) };

	if (!pledges_reserve(p))
		return luaL_error(L, "no memory");
	pledges_add(p, &pledge);
	return 0;
}

/* take(below) -> list of receipts */
static int
pledges_l_take(lua_State *L)
{
	struct pledges *p = luaL_checkudata(L, 1, PLEDGES);
	struct pledge pledge;

	lua_newtable(L);
	for (lua_Integer n = 1; pledges_take(p, number(L, 2), &pledge); n++) {
		lua_pushinteger(L, (lua_Integer)pledge.receipt);
		lua_rawseti(L, -2, n);
	}
	return 1;
}

static int
pledges_l_close(lua_State *L)
{
	pledges_fini(luaL_checkudata(L, 1, PLEDGES));
	return 0;
}

static const luaL_Reg pledges_methods[] = {
	{ "add", pledges_l_add },
	{ "take", pledges_l_take },
	{ "__gc", pledges_l_close },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "prefix", l_prefix },
	{ "places", l_places },
	{ "sequences", l_sequences },
	{ "kernel_drops", l_kernel_drops },
	{ "resends", l_resends },
	{ "pledges", l_pledges },
	{ NULL, NULL },
};

int
luaopen_core_ledger(lua_State *L)
{
	make_type(L, PREFIX, prefix_methods);
	make_type(L, PLACES, places_methods);
	make_type(L, SEQUENCES, sequences_methods);
	make_type(L, DROPS, drops_methods);
	make_type(L, RESENDS, resends_methods);
	make_type(L, PLEDGES, pledges_methods);
	luaL_newlib(L, functions);
	return 1;
}
