/*
 * clock: loaded before a program (LD_PRELOAD), sets its wall clock and lets it ask sooner.
 *
 * The wall clock differs by as many seconds as the file CLOCK_SHIFT holds (8 bytes), from the moment
 * at which they change; the steady clock is left alone. Where CLOCK_HURRY is set, TCP keep-alive asks
 * so many times as soon. Only Linux is meant.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;
static int hurry;

static void __attribute__((constructor)) begin(void)
{
	const char *file = getenv("CLOCK_SHIFT"), *times = getenv("CLOCK_HURRY");
	void *at;
	int fd;

	hurry = times != NULL ? atoi(times) : 1;
	if (file == NULL || (fd = open(file, O_RDONLY | O_CLOEXEC)) < 0)
		return;
	at = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		shift = at;
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (syscall(SYS_clock_gettime, clock, ts) != 0)
		return -1;
	if (shift != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ts->tv_sec += *shift;
	return 0;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	*tv = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

int
setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	int seconds;

	if (level == IPPROTO_TCP && (option == TCP_KEEPIDLE || option == TCP_KEEPINTVL) &&
	    len == sizeof(seconds) && hurry > 1) {
		seconds = *(const int *)value / hurry;
		if (seconds < 1)
			seconds = 1;
		value = &seconds;
	}
	return (int)syscall(SYS_setsockopt, fd, level, option, value, len);
}
