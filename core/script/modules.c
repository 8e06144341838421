/*
 * modules: `require` for rules: the library inside the program, and pure Lua files below the
 * rules directory.
 */
#include <lauxlib.h>
#include <string.h>

#include "script/ask.h"
#include "script/embed.h"
#include "script/policy.h"
#include "script/sandbox.h"

/*
 * registry: module → what rules get of it; module → the module itself, of ours; rule → where it
 * was described
 */
static char loaded_key, own_key;

static void
push_table(lua_State *L, void *key)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

/* Its one argument is at the top, and goes. */
static void
run_with(lua_State *L, const char *name, const char *bytes, size_t size)
{
	lua_pushfstring(L, "@%s", name);
	/* Text only: bytecode can crash the interpreter. */
	if (luaL_loadbufferx(L, bytes, size, lua_tostring(L, -1), "t") != LUA_OK)
		lua_error(L);
	lua_replace(L, -2);
	sandbox_push_environment(L);
	if (lua_setupvalue(L, -2, 1) == NULL)
		lua_pop(L, 1);
	lua_insert(L, -2);
	lua_call(L, 1, 1);
}

void
modules_run(lua_State *L, const char *name, const char *bytes, size_t size)
{
	lua_pushnil(L);
	run_with(L, name, bytes, size);
}

static const struct embedded *
embedded_named(const char *module)
{
	for (size_t i = 0; i < embedded_count; i++)
		if (strcmp(embedded_modules[i].module, module) == 0)
			return &embedded_modules[i];
	return NULL;
}

/* Pushes what a module returns. Ours are kept as they are, and locked for rules. */
static void
load(lua_State *L, const char *module)
{
	struct policy *p = policy_of(L);
	const struct embedded *ours = embedded_named(module);
	const struct source *source = NULL;
	struct err *e;
	char name[128];

	if (ours != NULL) {
		size_t len = strlen(module);

		if (len + 5 > sizeof(name))
			luaL_error(L, "module '%s' has too long a name", module);
		for (size_t i = 0; i <= len; i++)
			name[i] = (char)(module[i] == '.' ? '/' : module[i]);
		memcpy(name + len, ".lua", 5);
		if (strcmp(module, "auditrecv.lookup") == 0)
			ask_push_program(L);
		else
			lua_pushnil(L);
		run_with(L, name, ours->bytes, ours->size);
		push_table(L, &own_key);
		lua_pushvalue(L, -2);
		lua_setfield(L, -2, module);
		lua_pop(L, 1);
		if (lua_istable(L, -1))
			sandbox_lock(L);
		return;
	}
	if (p->loading && (e = sources_module(p->sources, module, &source)) != NULL) {
		lua_pushstring(L, err_text(e));
		err_free(e);
		lua_error(L);
	}
	if (source == NULL)
		luaL_error(L,
		    "there is no module '%s': rules may require auditrecv.* and Lua files below the rules "
		    "directory, while they are loaded",
		    module);
	modules_run(L, source->name, source->bytes, source->size);
}

int
modules_require(lua_State *L)
{
	const char *module = luaL_checkstring(L, 1);

	lua_settop(L, 1);
	push_table(L, &loaded_key); /* module loaded */
	if (lua_getfield(L, 2, module) != LUA_TNIL) {
		if (lua_islightuserdata(L, -1))
			return luaL_error(L, "module '%s' requires itself", module);
		return 1;
	}
	lua_pushlightuserdata(L, &loaded_key);
	lua_setfield(L, 2, module);
	lua_settop(L, 2);
	load(L, module); /* module loaded value */
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, 2, module);
	return 1;
}

void
modules_push_own(lua_State *L, const char *module)
{
	lua_pushcfunction(L, modules_require);
	lua_pushstring(L, module);
	lua_call(L, 1, 0);
	push_table(L, &own_key);
	lua_getfield(L, -1, module);
	lua_replace(L, -2);
}
