/* privileges: the steps that all systems have in common. */
#include "daemon/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/privileges_system.h"
#include "daemon/seccomp_filter.h"
#include "daemon/settings.h"

#define LOW_PORTS 1024 /* below, binding takes a privilege */

struct privileges
privileges_wanted(const struct settings *s)
{
	struct privileges p = { .user = s->service.user,
		.group = s->service.group,
		.core_dumps = s->service.core_dumps,
		.seccomp = s->service.seccomp };

	for (size_t i = 0; i < s->listen_count; i++)
		if (s->listen[i].port > 0 && s->listen[i].port < LOW_PORTS)
			p.low_port = true;
	return p;
}

static struct err *
limit_cores(bool core_dumps)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		return err_sys("limit of core dumps");
	if (limit.rlim_cur == (core_dumps ? limit.rlim_max : 0))
		return NULL;
	limit.rlim_cur = core_dumps ? limit.rlim_max : 0;
	if (!core_dumps)
		limit.rlim_max = 0;
	return setrlimit(RLIMIT_CORE, &limit) < 0 ? err_sys("limit of core dumps") : NULL;
}

/* Who the settings ask for. */
static struct err *
look_up(const struct privileges *p, const struct passwd **user, gid_t *gid)
{
	struct group *group;

	errno = 0;
	if ((*user = getpwnam(p->user)) == NULL)
		return errno != 0 ? err_sys("service.user: %s", p->user)
				  : err_new("service.user: there is no user \"%s\"", p->user);
	*gid = (*user)->pw_gid;
	if (p->group == NULL)
		return NULL;
	errno = 0;
	if ((group = getgrnam(p->group)) == NULL)
		return errno != 0 ? err_sys("service.group: %s", p->group)
				  : err_new("service.group: there is no group \"%s\"", p->group);
	*gid = group->gr_gid;
	return NULL;
}

static struct err *
become(const struct passwd *user, gid_t gid, bool low_port)
{
	struct err *e;

	if ((e = privileges_keep(low_port)) != NULL)
		return e;
	/* As root these set the real, the effective and the saved one. */
	if (initgroups(user->pw_name, gid) < 0 || setgid(gid) < 0 || setuid(user->pw_uid) < 0)
		return err_sys("service.user: becoming %s", user->pw_name);
	return privileges_resume(low_port);
}

static struct err *
change_user(const struct privileges *p)
{
	const struct passwd *user;
	struct err *e;
	gid_t gid = (gid_t)-1;

	if (p->user == NULL && p->group != NULL)
		return err_new("service.group: it takes service.user beside it");
	if (p->user == NULL) {
		if (geteuid() == 0)
			log_warn(
			    "runs_as_root", log_s("cure", "set service.user to a user of its own"));
		return NULL;
	}
	if ((e = look_up(p, &user, &gid)) != NULL)
		return e;
	if (user->pw_uid == geteuid() && gid == getegid())
		return NULL;
	if (geteuid() != 0)
		return err_new("service.user: only root can become %s; start it as root or as "
			       "that user, or take the setting away",
		    p->user);
	return become(user, gid, p->low_port);
}

struct err *
privileges_lower(const struct privileges *p)
{
	struct err *e;

	umask(077);
	if ((e = limit_cores(p->core_dumps)) != NULL || (e = change_user(p)) != NULL)
		return e;
	return privileges_hide(p->core_dumps); /* a change of user decides it anew */
}

/* Proved by trying: what is said about the process by its system is only what it says. */
static struct err *
try_to_return(void)
{
	if (setuid(0) == 0 || seteuid(0) == 0)
		return err_new("privileges: the way back to root is open after the change of user");
	if (getegid() != 0 && (setgid(0) == 0 || setegid(0) == 0))
		return err_new("privileges: the way back to root's group is open");
	return NULL;
}

struct err *
privileges_drop(const struct privileges *p)
{
	struct err *e;

	if ((e = privileges_drop_rest()) != NULL)
		return e;
	if (geteuid() != 0 && (e = try_to_return()) != NULL)
		return e;
	return p->seccomp ? seccomp_filter_enter() : NULL;
}
