/* startups: who may open one more connection. */
#include <arpa/inet.h>
#include <lauxlib.h>
#include <lua.h>
#include <netinet/in.h>

#include "lua_values.h"
#include "wire/startups.h"

int luaopen_core_startups(lua_State *L);

#define TYPE "core.startups.arrivals"

/* drop(logins, begin, rate, full, random) */
static int
l_drop(lua_State *L)
{
	lua_pushboolean(
	    L, startups_drop((unsigned)luaL_checkinteger(L, 1), (unsigned)luaL_checkinteger(L, 2),
		   (unsigned)luaL_checkinteger(L, 3), (unsigned)luaL_checkinteger(L, 4),
		   (uint32_t)luaL_checkinteger(L, 5)));
	return 1;
}

/* arrivals(most, seed) */
static int
l_arrivals(lua_State *L)
{
	unsigned most = (unsigned)luaL_checkinteger(L, 1);
	uint32_t seed = (uint32_t)luaL_optinteger(L, 2, 0);
	struct arrivals **box = lua_newuserdatauv(L, sizeof(struct arrivals *), 0);

	if ((*box = arrivals_new(most, seed)) == NULL)
		return luaL_error(L, "out of memory");
	luaL_setmetatable(L, TYPE);
	return 1;
}

/* admit(address, seconds) */
static int
l_admit(lua_State *L)
{
	struct arrivals **box = luaL_checkudata(L, 1, TYPE);
	const char *text = luaL_checkstring(L, 2);
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (const struct sockaddr *)&v6;

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		sa = (const struct sockaddr *)&v4;
	else
		luaL_argcheck(L, inet_pton(AF_INET6, text, &v6.sin6_addr) == 1, 2, "an address");
	lua_pushboolean(L, arrivals_admit(*box, sa, (int64_t)(luaL_checknumber(L, 3) * 1e9)));
	return 1;
}

static int
l_close(lua_State *L)
{
	struct arrivals **box = luaL_checkudata(L, 1, TYPE);

	arrivals_free(*box);
	*box = NULL;
	return 0;
}

static const luaL_Reg methods[] = {
	{ "admit", l_admit },
	{ "__gc", l_close },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "drop", l_drop },
	{ "arrivals", l_arrivals },
	{ NULL, NULL },
};

int
luaopen_core_startups(lua_State *L)
{
	make_type(L, TYPE, methods);
	luaL_newlib(L, functions);
	return 1;
}
