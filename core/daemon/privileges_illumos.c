/* illumos and Solaris: privileges(7). */
#ifdef __sun

#include <errno.h>
#include <priv.h>
#include <stddef.h>

#include "daemon/privileges_system.h"

/* Of the basic set: we start no program, link no file, and look at no other process. */
static const char *const unneeded[] = { PRIV_PROC_EXEC, PRIV_PROC_FORK, PRIV_PROC_INFO,
	PRIV_PROC_SESSION, PRIV_FILE_LINK_ANY, "proc_secflags", NULL };

/* What a receiver needs for good, and with start what its start needs. */
static struct err *
make_set(priv_set_t **out, bool start, bool low_port)
{
	priv_set_t *set = priv_allocset();

	if (set == NULL)
		return err_sys("privileges");
	priv_basicset(set);
	for (size_t i = 0; unneeded[i] != NULL; i++)
		/* EINVAL: this system does not know it, so nobody has it */
		if (priv_delset(set, unneeded[i]) < 0 && errno != EINVAL)
			goto fail;
	if (start && (priv_addset(set, PRIV_FILE_DAC_READ) < 0 ||
			 priv_addset(set, PRIV_FILE_DAC_SEARCH) < 0 ||
			 (low_port && priv_addset(set, PRIV_NET_PRIVADDR) < 0)))
		goto fail;
	*out = set;
	return NULL;
fail:
	priv_freeset(set);
	return err_sys("privileges");
}

/* From the permitted set the effective one; the limit set is what even a program run by root has. */
static struct err *
set_all(const priv_set_t *set)
{
	if (setppriv(PRIV_SET, PRIV_EFFECTIVE, set) < 0 ||
	    setppriv(PRIV_SET, PRIV_PERMITTED, set) < 0 ||
	    setppriv(PRIV_SET, PRIV_INHERITABLE, set) < 0 ||
	    setppriv(PRIV_SET, PRIV_LIMIT, set) < 0)
		return err_sys("privileges");
	return NULL;
}

/* A process that knows of privileges keeps its permitted set through a change of user. */
struct err *
privileges_keep(bool low_port)
{
	(void)low_port;
	return setpflags(PRIV_AWARE, 1) < 0 ? err_sys("privileges") : NULL;
}

struct err *
privileges_resume(bool low_port)
{
	priv_set_t *set;
	struct err *e;

	if ((e = make_set(&set, true, low_port)) != NULL)
		return e;
	e = set_all(set);
	priv_freeset(set);
	return e;
}

struct err *
privileges_drop_rest(void)
{
	priv_set_t *set, *had = priv_allocset();
	struct err *e;

	if (had == NULL)
		return err_sys("privileges");
	if ((e = make_set(&set, false, false)) != NULL) {
		priv_freeset(had);
		return e;
	}
	/* A service that was started with less than this keeps less. */
	if (getppriv(PRIV_PERMITTED, had) < 0)
		e = err_sys("privileges");
	else {
		priv_intersect(had, set); /* into set */
		e = set_all(set);
	}
	if (e == NULL && (getppriv(PRIV_PERMITTED, had) < 0 || !priv_issubset(had, set)))
		e = err_new("privileges: more are left than a receiver needs");
	priv_freeset(set);
	priv_freeset(had);
	return e;
}

/*
 * A protected process leaves no core, and no other process of its user may look into it. Where
 * cores would go is coreadm(8)'s to say.
 */
struct err *
privileges_hide(bool core_dumps)
{
	return setpflags(__PROC_PROTECT, core_dumps ? 0 : 1) < 0 ? err_sys("core dumps") : NULL;
}

#endif
