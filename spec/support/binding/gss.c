/* gss: a peer of kerberos_v5 that asks for other things than it should; for specs. */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lua_values.h"

#define PEER    "core.gss.peer"
#define BINDING "0101"

int luaopen_core_gss(lua_State *L);

struct gss_peer {
	gss_ctx_id_t context;
	gss_cred_id_t credential;
	gss_name_t target;
	OM_uint32 flags;
	bool spnego;
};

static gss_OID
mech(const struct gss_peer *p)
{
	static gss_OID_desc spnego = { 6, (void *)(uintptr_t) "\x2b\x06\x01\x05\x05\x02" };

	return p->spnego ? &spnego : (gss_OID)(uintptr_t)gss_mech_krb5;
}

/* peer(keytab, flags by name...): mutual, replay, sequence, delegation; spnego */
static int
l_peer(lua_State *L)
{
	static const char *const names[] = { "mutual", "replay", "sequence", "delegation", "spnego",
		NULL };
	static const OM_uint32 bits[] = { GSS_C_MUTUAL_FLAG, GSS_C_REPLAY_FLAG, GSS_C_SEQUENCE_FLAG,
		GSS_C_DELEG_FLAG, 0 };
	static unsigned peers;
	char cache[32]; /* of its own: another realm may have the same name */
	gss_key_value_element_desc elements[] = { { "client_keytab", luaL_checkstring(L, 1) },
		{ "ccache", cache } };
	gss_key_value_set_desc store = { 2, elements };
	gss_buffer_desc name = { strlen("audit@localhost"), (char[]){ "audit@localhost" } };
	int last = lua_gettop(L);
	struct gss_peer *p = lua_newuserdatauv(L, sizeof(*p), 0);
	gss_OID_set_desc mechs = { 1, NULL };
	OM_uint32 minor;

	snprintf(cache, sizeof(cache), "MEMORY:gss-peer-%u", ++peers);
	memset(p, 0, sizeof(*p));
	luaL_setmetatable(L, PEER);
	p->flags = GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
	for (int i = 2; i <= last; i++) {
		p->flags |= bits[luaL_checkoption(L, i, NULL, names)];
		p->spnego |= strcmp(lua_tostring(L, i), "spnego") == 0;
	}
	mechs.elements = mech(p);
	if (gss_import_name(&minor, &name, (gss_OID)GSS_C_NT_HOSTBASED_SERVICE, &p->target) != 0 ||
	    gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechs, GSS_C_INITIATE,
		&store, &p->credential, NULL, NULL) != 0)
		return luaL_error(L, "no credential");
	return 1;
}

/* step(token) -> answer, done | nil */
static int
l_step(lua_State *L)
{
	struct gss_peer *p = luaL_checkudata(L, 1, PEER);
	struct gss_channel_bindings_struct binding = { .initiator_addrtype = GSS_C_AF_NULLADDR,
		.acceptor_addrtype = GSS_C_AF_NULLADDR,
		.application_data = { sizeof(BINDING) - 1, (char[]){ BINDING } } };
	gss_buffer_desc in = GSS_C_EMPTY_BUFFER, out = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor;

	in.value = (void *)(uintptr_t)luaL_optlstring(L, 2, "", &in.length);
	major = gss_init_sec_context(&minor, p->credential, &p->context, p->target, mech(p),
	    p->flags, 0, &binding, &in, NULL, &out, NULL, NULL);
	if (GSS_ERROR(major))
		return 0;
	lua_pushlstring(L, out.length > 0 ? out.value : "", out.length);
	gss_release_buffer(&minor, &out);
	lua_pushboolean(L, (major & GSS_S_CONTINUE_NEEDED) == 0);
	return 2;
}

/* wrap(plain): with integrity only */
static int
l_wrap(lua_State *L)
{
	struct gss_peer *p = luaL_checkudata(L, 1, PEER);
	gss_buffer_desc in, out = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;

	in.value = (void *)(uintptr_t)luaL_checklstring(L, 2, &in.length);
	if (gss_wrap(&minor, p->context, 0, GSS_C_QOP_DEFAULT, &in, NULL, &out) != GSS_S_COMPLETE)
		return luaL_error(L, "gss_wrap");
	lua_pushlstring(L, out.value, out.length);
	gss_release_buffer(&minor, &out);
	return 1;
}

/* mic(plain) */
static int
l_mic(lua_State *L)
{
	struct gss_peer *p = luaL_checkudata(L, 1, PEER);
	gss_buffer_desc in, out = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;

	in.value = (void *)(uintptr_t)luaL_checklstring(L, 2, &in.length);
	if (gss_get_mic(&minor, p->context, GSS_C_QOP_DEFAULT, &in, &out) != GSS_S_COMPLETE)
		return luaL_error(L, "gss_get_mic");
	lua_pushlstring(L, out.value, out.length);
	gss_release_buffer(&minor, &out);
	return 1;
}

static int
l_close(lua_State *L)
{
	struct gss_peer *p = luaL_checkudata(L, 1, PEER);
	OM_uint32 minor;

	gss_delete_sec_context(&minor, &p->context, GSS_C_NO_BUFFER);
	gss_release_cred(&minor, &p->credential);
	gss_release_name(&minor, &p->target);
	return 0;
}

static const luaL_Reg methods[] = {
	{ "step", l_step },
	{ "wrap", l_wrap },
	{ "mic", l_mic },
	{ "__gc", l_close },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "peer", l_peer },
	{ NULL, NULL },
};

int
luaopen_core_gss(lua_State *L)
{
	make_type(L, PEER, methods);
	luaL_newlib(L, functions);
	return 1;
}
