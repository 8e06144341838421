/* seccomp_filter: the list of calls, and the conditions on the arguments of some. */
#include "daemon/seccomp_filter.h"

#ifdef HAVE_LIBSECCOMP

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define WHOLE    UINT64_C(0xffffffff) /* of an argument that is an int */
#define ALL_BITS UINT64_MAX

/* By name, since some exist on some processors only; a blank behind each. */
static const char allowed[] =
    /* descriptors and files */
    "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 "
    "close close_range lseek _llseek open openat creat stat stat64 lstat lstat64 "
    "fstat fstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs fstatfs64 "
    "access faccessat faccessat2 dup dup2 dup3 pipe pipe2 fcntl fcntl64 flock "
    "fsync fdatasync sync_file_range sync_file_range2 ftruncate ftruncate64 "
    "truncate truncate64 fallocate fadvise64 fadvise64_64 readahead rename "
    "renameat renameat2 unlink unlinkat link linkat mkdir mkdirat rmdir getdents "
    "getdents64 readlink readlinkat chmod fchmod fchmodat umask getcwd sendfile "
    "sendfile64 utimensat "
    /* memory */
    "brk munmap mremap madvise msync mlock mlock2 munlock mincore membarrier "
    /* network; socket() by its family, below */
    "connect bind listen accept accept4 shutdown getsockname getpeername "
    "getsockopt setsockopt socketpair sendto recvfrom sendmsg recvmsg sendmmsg "
    "recvmmsg send recv "
    /* waiting and time */
    "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 "
    "poll ppoll select _newselect pselect6 eventfd eventfd2 timerfd_create "
    "timerfd_settime timerfd_gettime inotify_init1 inotify_add_watch "
    "inotify_rm_watch nanosleep clock_nanosleep clock_gettime clock_getres "
    "gettimeofday time getitimer setitimer timer_create timer_settime timer_gettime "
    "timer_getoverrun timer_delete clock_gettime64 futex_time64 ppoll_time64 "
    "pselect6_time64 clock_nanosleep_time64 timerfd_settime64 recvmmsg_time64 "
    "utimensat_time64 "
    /* threads and signals; clone() by its flags, tgkill() by its target, below */
    "futex set_robust_list get_robust_list rseq set_tid_address gettid exit "
    "exit_group sched_yield sched_getaffinity sched_getparam sched_getscheduler "
    "getcpu rt_sigaction rt_sigprocmask rt_sigreturn sigreturn rt_sigpending "
    "rt_sigtimedwait rt_sigsuspend sigaltstack signalfd4 restart_syscall "
    "arch_prctl "
    /* what it is, and what the machine is */
    "getpid getppid getuid geteuid getgid getegid getuid32 geteuid32 getgid32 "
    "getegid32 getresuid getresgid getresuid32 getresgid32 getgroups getgroups32 "
    "getpgrp getpgid getrusage getrlimit ugetrlimit sysinfo uname times "
    "getrandom ";

/* Nobody but an intruder would try these. */
static const char hostile[] =
    "execve execveat fork vfork ptrace process_vm_readv process_vm_writev kill "
    "tkill setuid setgid setreuid setregid setresuid setresgid setgroups "
    "setfsuid setfsgid capset bpf keyctl add_key request_key mount umount2 "
    "pivot_root chroot unshare setns init_module finit_module delete_module "
    "kexec_load kexec_file_load reboot sethostname swapon swapoff acct "
    "settimeofday clock_settime userfaultfd io_uring_setup perf_event_open mknod "
    "mknodat chown fchown lchown fchownat symlink symlinkat personality "
    "open_by_handle_at ";

static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
/* Names of threads, names of memory areas (PR_SET_VMA), and asking whether we may leave a core. */
static const int prctls[] = { PR_SET_NAME, PR_GET_NAME, 0x53564d41, PR_GET_DUMPABLE };

/* Bytes that wait, non-blocking mode, is it a terminal and how wide. */
static const int ioctls[] = { FIONREAD, FIONBIO, TCGETS, TIOCGWINSZ };

/* Argument number n, masked, is value. */
static struct scmp_arg_cmp
argument_is(unsigned n, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ n, SCMP_CMP_MASKED_EQ, mask, value };
}

/* Rules for calls that the processor does not have are none. */
static int
add(scmp_filter_ctx f, uint32_t action, const char *name, unsigned count,
    const struct scmp_arg_cmp *args)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(f, action, number, count, args);
}

static int
add_all(scmp_filter_ctx f, uint32_t action, const char *names)
{
	char name[32];
	int rc = 0;

	for (size_t len; rc == 0 && *names != '\0'; names += len + 1) {
		len = strcspn(names, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		rc = add(f, action, name, 0, NULL);
	}
	return rc;
}

static int
add_if(scmp_filter_ctx f, const char *name, struct scmp_arg_cmp condition)
{
	return add(f, SCMP_ACT_ALLOW, name, 1, &condition);
}

static int
add_equal(scmp_filter_ctx f, const char *name, unsigned n, const int *values, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = add_if(f, name, argument_is(n, WHOLE, (scmp_datum_t)(unsigned)values[i]));
	return rc;
}

/* No memory is both written and run; only what is a file becomes code (modules of GSS). */
static int
add_memory(scmp_filter_ctx f)
{
	static const char *const maps[] = { "mmap", "mmap2" };
	const struct scmp_arg_cmp data = argument_is(2, PROT_EXEC, 0);
	const struct scmp_arg_cmp code[] = { argument_is(2, PROT_WRITE | PROT_EXEC, PROT_EXEC),
		argument_is(3, MAP_ANONYMOUS, 0) };
	int rc = add_if(f, "mprotect", data);

	for (size_t i = 0; i < ARRAY_LEN(maps) && rc == 0; i++)
		if ((rc = add_if(f, maps[i], data)) == 0)
			rc = add(f, SCMP_ACT_ALLOW, maps[i], 2, code);
	return rc;
}

/* Calls whose arguments decide. */
static int
add_conditions(scmp_filter_ctx f)
{
	int rc;

	if ((rc = add_memory(f)) != 0 ||
	    (rc = add_equal(f, "socket", 0, families, ARRAY_LEN(families))) != 0 ||
	    (rc = add_equal(f, "prctl", 0, prctls, ARRAY_LEN(prctls))) != 0 ||
	    (rc = add_equal(f, "ioctl", 1, ioctls, ARRAY_LEN(ioctls))) != 0)
		return rc;
	/* A thread, not a process. clone3 hides its flags, so it is not known here. */
	if ((rc = add_if(f, "clone", argument_is(0, CLONE_THREAD, CLONE_THREAD))) != 0)
		return rc;
	/* abort() */
	if ((rc = add_if(f, "tgkill", argument_is(0, WHOLE, (scmp_datum_t)getpid()))) != 0)
		return rc;
	/* Asking for a limit, not setting it. */
	return add_if(f, "prlimit64", argument_is(2, ALL_BITS, 0));
}

static int
fill(scmp_filter_ctx f)
{
	int rc;

	/* On all threads, and without asking for a privilege. */
	if ((rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 1)) != 0 ||
	    (rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1)) != 0)
		return rc;
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree; older ones have none */
	if ((rc = add_all(f, SCMP_ACT_ALLOW, allowed)) != 0 ||
	    (rc = add_all(f, SCMP_ACT_ERRNO(EPERM), hostile)) != 0)
		return rc;
	return add_conditions(f);
}

bool
seccomp_filter_is_built_in(void)
{
	return true;
}

struct err *
seccomp_filter_enter(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc;

	if (f == NULL)
		return err_new("service.seccomp: the filter could not be made");
	if ((rc = fill(f)) != 0) {
		seccomp_release(f);
		errno = -rc;
		return err_sys("service.seccomp: the filter could not be made");
	}
	if ((rc = seccomp_load(f)) != 0)
		log_warn("seccomp_refused", log_i("error", -rc),
		    log_s("cure", "this kernel or container takes no filter of system calls; set "
				  "service.seccomp = false if that is meant"));
	seccomp_release(f);
	return NULL;
}

#else

bool
seccomp_filter_is_built_in(void)
{
	return false;
}

struct err *
seccomp_filter_enter(void)
{
	return NULL;
}

#endif
