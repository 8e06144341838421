/* groups: who may send, and into which group of the settings he comes. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "daemon/group.h"
#include "daemon/principal.h"
#include "daemon/settings.h"
#include "lua_values.h"

int luaopen_core_groups(lua_State *L);

#define TYPE "core.groups"

struct box {
	struct settings *settings;
	struct groups *groups;
};

/* matches(pattern, principal); nil and the reason when either is none */
static int
l_matches(lua_State *L)
{
	struct principal_pattern pattern;
	struct principal p;
	struct err *e;

	if ((e = principal_pattern_parse(luaL_checkstring(L, 1), &pattern)) != NULL ||
	    (e = principal_parse(luaL_checkstring(L, 2), &p)) != NULL)
		return push_fault(L, e);
	lua_pushboolean(L, principal_matches(&pattern, &p));
	return 1;
}

/* host(principal) */
static int
l_host(lua_State *L)
{
	char host[PRINCIPAL_HOST_SIZE];
	struct principal p;
	struct err *e = principal_parse(luaL_checkstring(L, 1), &p);

	if (e != NULL)
		return push_fault(L, e);
	principal_host(&p, host);
	lua_pushstring(L, host);
	return 1;
}

static int
l_close(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 1, TYPE);

	groups_close(box->groups);
	settings_free(box->settings);
	*box = (struct box){ 0 };
	return 0;
}

/* open(settings file); nil and the error when it fails */
static int
l_open(lua_State *L)
{
	const char *file = luaL_checkstring(L, 1);
	struct box *box = lua_newuserdatauv(L, sizeof(*box), 0);
	struct err *e;

	*box = (struct box){ 0 };
	luaL_setmetatable(L, TYPE);
	if ((e = settings_read(&box->settings, file, NULL, 0)) != NULL ||
	    (e = groups_open(&box->groups, box->settings, NULL, NULL, NULL)) != NULL)
		return push_fault(L, settings_blame(e, file));
	return 1;
}

static struct groups *
check(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 1, TYPE);

	luaL_argcheck(L, box->groups != NULL, 1, "closed");
	return box->groups;
}

/* reload(settings file) -> true, or nil and the error */
static int
l_reload(lua_State *L)
{
	const char *file = luaL_checkstring(L, 2);
	struct settings *fresh = NULL;
	struct err *e = settings_read(&fresh, file, NULL, 0);

	if (e == NULL)
		e = groups_reload(check(L), fresh);
	settings_free(fresh);
	if (e != NULL)
		return push_fault(L, settings_blame(e, file));
	groups_tick(check(L));
	lua_pushboolean(L, 1);
	return 1;
}

/* admit{ from =, principal =, listener = 1 } -> { sender =, host =, group =, max_in_flight = } */
static int
l_admit(lua_State *L)
{
	struct wire_claim claim = { 0 };
	struct wire_admission as = { 0 };
	struct err *why = NULL;

	lua_settop(L, 2);
	lua_getfield(L, 2, "listener");
	claim.listener = (size_t)luaL_optinteger(L, -1, 1) - 1;
	lua_getfield(L, 2, "from");
	claim.from = luaL_optstring(L, -1, "192.0.2.1");
	lua_getfield(L, 2, "principal");
	claim.principal = luaL_optstring(L, -1, NULL);
	claim.mechanism = claim.principal != NULL ? "kerberos_v5" : "dummy";
	if (!groups_admit(check(L), &claim, &as, &why))
		return push_fault(L, why);
	lua_newtable(L);
	set_text(L, "sender", as.sender);
	set_text(L, "host", as.host);
	set_text(L, "group", ((struct group *)as.user)->name);
	set_integer(L, "max_in_flight", as.max_in_flight);
	return 1;
}

/*
 * list() -> { { name =, rules = names, shares =, journaled =, max_in_flight =, smartos =,
 * natural_ports =, services = { … } }, … }
 */
static int
l_list(lua_State *L)
{
	struct groups *all = check(L);
	struct script_rule rule;

	lua_newtable(L);
	for (size_t i = 0; i < groups_count(all); i++) {
		const struct group *g = groups_at(all, i);

		lua_newtable(L);
		set_text(L, "name", g->name);
		lua_newtable(L);
		for (size_t r = 0; r < script_rules(g->script); r++) {
			script_rule(g->script, r, &rule);
			lua_pushstring(L, rule.name);
			lua_rawseti(L, -2, (lua_Integer)r + 1);
		}
		lua_setfield(L, -2, "rules");
		set_boolean(L, "shares", i > 0 && g->script == groups_at(all, 0)->script);
		set_boolean(L, "journaled", g->journaled);
		set_integer(L, "max_in_flight", g->max_in_flight_sender);
		set_boolean(L, "smartos", g->dialect.events == EVENTS_SMARTOS);
		set_boolean(L, "natural_ports", g->dialect.natural_ports);
		lua_newtable(L);
		for (unsigned s = 0; s < g->dialect.service_count; s++) {
			lua_pushinteger(L, g->dialect.services[s]);
			lua_rawseti(L, -2, (lua_Integer)s + 1);
		}
		lua_setfield(L, -2, "services");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* named(name) -> the name of the group that is taken for it */
static int
l_named(lua_State *L)
{
	struct groups *all = check(L);

	lua_pushstring(L, groups_named(all, str_of(luaL_checkstring(L, 2)))->name);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "admit", l_admit },
	{ "reload", l_reload },
	{ "list", l_list },
	{ "named", l_named },
	{ "close", l_close },
	{ "__gc", l_close },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "open", l_open },
	{ "matches", l_matches },
	{ "host", l_host },
	{ NULL, NULL },
};

int
luaopen_core_groups(lua_State *L)
{
	make_type(L, TYPE, methods);
	luaL_newlib(L, functions);
	return 1;
}
