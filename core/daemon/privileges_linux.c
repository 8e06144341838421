/* Linux: capabilities(7), and a process that others cannot look into. */
#ifdef __linux__

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/privileges_system.h"

/* Capabilities are two words of 32; what we keep is in the first. */
static uint32_t
needed(bool low_port)
{
	return 1u << CAP_DAC_READ_SEARCH | (low_port ? 1u << CAP_NET_BIND_SERVICE : 0);
}

static struct err *
set_capabilities(uint32_t low)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct words[2] = { { low, low, 0 }, { 0, 0, 0 } };

	return syscall(SYS_capset, &head, words) < 0 ? err_sys("capabilities") : NULL;
}

struct err *
privileges_keep(bool low_port)
{
	(void)low_port;
	/* In a container root may lack this; no_new_privs then does the same. */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
			return err_sys("capabilities");
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? err_sys("capabilities") : NULL;
}

static struct err *
get_permitted(uint32_t words[2])
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	if (syscall(SYS_capget, &head, data) < 0)
		return err_sys("capabilities");
	words[0] = data[0].permitted;
	words[1] = data[1].permitted;
	return NULL;
}

struct err *
privileges_resume(bool low_port)
{
	uint32_t had[2] = { 0 };
	struct err *e;

	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_sys("capabilities");
	if ((e = get_permitted(had)) != NULL)
		return e;
	return set_capabilities(needed(low_port) & had[0]); /* root of a container may lack some */
}

/* Capabilities belong to threads: has this one any? */
static bool
thread_is_bare(const char *id)
{
	char path[320], line[128];
	uint64_t caps, any = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", id);
	if ((f = fopen(path, "re")) == NULL)
		return errno == ENOENT; /* it has ended */
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "CapPrm: %" SCNx64, &caps) == 1 ||
		    sscanf(line, "CapEff: %" SCNx64, &caps) == 1 ||
		    sscanf(line, "CapAmb: %" SCNx64, &caps) == 1)
			any |= caps;
	fclose(f);
	return any == 0;
}

static struct err *
every_thread_is_bare(void)
{
	DIR *threads = opendir("/proc/self/task");
	struct dirent *entry;
	bool bare = true;

	if (threads == NULL)
		return err_sys("capabilities: /proc/self/task");
	while (bare && (entry = readdir(threads)) != NULL)
		if (entry->d_name[0] != '.')
			bare = thread_is_bare(entry->d_name);
	closedir(threads);
	return bare ? NULL : err_new("capabilities: a thread has kept some of its start");
}

struct err *
privileges_drop_rest(void)
{
	uint32_t had[2] = { 0 };
	struct err *e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys("no_new_privs");
	if (geteuid() == 0)
		return NULL; /* somebody wants it to be root */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys("capabilities");
	if ((e = get_permitted(had)) != NULL)
		return e;
	/* Who has none does not ask: the filter of a service manager may refuse the question. */
	if ((had[0] | had[1]) != 0 && (e = set_capabilities(0)) != NULL)
		return e;
	return every_thread_is_bare();
}

/*
 * The limit of core dumps alone does not do: where cores go to a program (core_pattern), the kernel
 * does not ask for it.
 */
struct err *
privileges_hide(bool core_dumps)
{
	return prctl(PR_SET_DUMPABLE, core_dumps ? 1 : 0, 0, 0, 0) < 0 ? err_sys("core dumps")
								       : NULL;
}

#endif
