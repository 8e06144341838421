/*
 * illumos: the illumos half of core/daemon/privileges*, run on a process that we only imagine: its
 * four sets and its flags, with the rules of privileges(7).
 */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/err.h"

#define __sun 1
#include "daemon/privileges_illumos.c" /* NOLINT: it is what is tested */
#undef __sun

int luaopen_core_illumos(lua_State *L);

struct priv_set {
	uint32_t bits;
};

/* The basic ones come first; the last of them is missing on older systems. */
static const char *const names[] = { "file_link_any", "file_read", "file_write", "net_access",
	"proc_exec", "proc_fork", "proc_info", "proc_session", "proc_secflags", "file_dac_read",
	"file_dac_search", "net_privaddr", "proc_setid", "sys_mount" };
#define BASIC     8
#define SECFLAGS  8
#define BIT(i)    (UINT32_C(1) << (i))
#define ALL       (BIT(ARRAY_LEN(names)) - 1)
#define KINDS     4
#define PERMITTED 0
#define EFFECTIVE 1
#define INHERITED 2
#define LIMIT     3

static const char *const kinds[KINDS] = { PRIV_PERMITTED, PRIV_EFFECTIVE, PRIV_INHERITABLE,
	PRIV_LIMIT };

static struct {
	uint32_t sets[KINDS];
	unsigned flags;
	bool old; /* a system without proc_secflags */
} process;

static int
find(const char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return (int)i;
	return -1;
}

/* The bit of a privilege; 0 and EINVAL when this system has none of that name. */
static uint32_t
bit_of(const char *name)
{
	int i = find(names, ARRAY_LEN(names), name);

	if (i < 0 || (process.old && i == SECFLAGS)) {
		errno = EINVAL;
		return 0;
	}
	return BIT(i);
}

priv_set_t *
priv_allocset(void)
{
	return calloc(1, sizeof(priv_set_t));
}

void
priv_freeset(priv_set_t *set)
{
	free(set);
}

void
priv_basicset(priv_set_t *set)
{
	set->bits = BIT(process.old ? BASIC : BASIC + 1) - 1;
}

int
priv_addset(priv_set_t *set, const char *name)
{
	uint32_t bit = bit_of(name);

	set->bits |= bit;
	return bit != 0 ? 0 : -1;
}

int
priv_delset(priv_set_t *set, const char *name)
{
	uint32_t bit = bit_of(name);

	set->bits &= ~bit;
	return bit != 0 ? 0 : -1;
}

void
priv_intersect(const priv_set_t *from, priv_set_t *into)
{
	into->bits &= from->bits;
}

int
priv_issubset(const priv_set_t *inner, const priv_set_t *outer)
{
	return (inner->bits & ~outer->bits) == 0;
}

/* Permitted and limit only shrink; effective and inheritable stay within permitted. */
int
setppriv(priv_op_t op, priv_ptype_t which, const priv_set_t *set)
{
	int kind = find(kinds, KINDS, which);
	uint32_t bound;

	if (op != PRIV_SET || kind < 0) {
		errno = EINVAL;
		return -1;
	}
	bound = kind == LIMIT ? process.sets[LIMIT] : process.sets[PERMITTED];
	if ((set->bits & ~bound) != 0) {
		errno = EPERM;
		return -1;
	}
	process.sets[kind] = set->bits;
	if (kind == PERMITTED)
		process.sets[EFFECTIVE] &= set->bits;
	return 0;
}

int
getppriv(priv_ptype_t which, priv_set_t *set)
{
	int kind = find(kinds, KINDS, which);

	if (kind < 0) {
		errno = EINVAL;
		return -1;
	}
	set->bits = process.sets[kind];
	return 0;
}

int
setpflags(unsigned flag, unsigned value)
{
	process.flags = value != 0 ? process.flags | flag : process.flags & ~flag;
	return 0;
}

/* A process without PRIV_AWARE that gives up uid 0 has its effective set fall to the inheritable one. */
static void
become_user(void)
{
	if ((process.flags & PRIV_AWARE) == 0)
		process.sets[EFFECTIVE] = process.sets[PERMITTED] &= process.sets[INHERITED];
}

static void
push_process(lua_State *L)
{
	lua_newtable(L); /* answer */
	for (int kind = 0; kind < KINDS; kind++) {
		luaL_Buffer b;

		luaL_buffinit(L, &b);
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if ((process.sets[kind] & BIT(i)) != 0) {
				luaL_addstring(&b, names[i]);
				luaL_addchar(&b, ' ');
			}
		luaL_pushresult(&b); /* answer text */
		lua_setfield(L, -2, kinds[kind]);
	}
	lua_pushboolean(L, (process.flags & __PROC_PROTECT) != 0);
	lua_setfield(L, -2, "protected");
}

/* start(root, old, without): a process; `without` names a privilege that nobody gave it. */
static int
l_start(lua_State *L)
{
	bool root = lua_toboolean(L, 1);
	const char *without = luaL_optstring(L, 3, NULL);
	priv_set_t basic;

	memset(&process, 0, sizeof(process));
	process.old = lua_toboolean(L, 2);
	priv_basicset(&basic);
	process.sets[INHERITED] = basic.bits;
	process.sets[PERMITTED] = process.sets[EFFECTIVE] = root ? ALL : basic.bits;
	process.sets[LIMIT] = root ? ALL : basic.bits;
	if (without != NULL)
		for (int kind = 0; kind < KINDS; kind++)
			process.sets[kind] &= ~bit_of(without);
	push_process(L);
	return 1;
}

static int
answer(lua_State *L, struct err *e)
{
	if (e != NULL) {
		lua_pushstring(L, err_text(e));
		err_free(e);
		return lua_error(L);
	}
	push_process(L);
	return 1;
}

/* become(low_port): what happens around the change of user. */
static int
l_become(lua_State *L)
{
	bool low_port = lua_toboolean(L, 1);
	struct err *e = privileges_keep(low_port);

	if (e == NULL) {
		become_user();
		e = privileges_resume(low_port);
	}
	return answer(L, e);
}

static int
l_drop(lua_State *L)
{
	return answer(L, privileges_drop_rest());
}

static int
l_hide(lua_State *L)
{
	return answer(L, privileges_hide(lua_toboolean(L, 1)));
}

static const luaL_Reg functions[] = {
	{ "start", l_start },
	{ "become", l_become },
	{ "drop", l_drop },
	{ "hide", l_hide },
	{ NULL, NULL },
};

int
luaopen_core_illumos(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
