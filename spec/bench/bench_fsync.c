/*
 * bench_fsync: what a bare fdatasync() costs on a disk, for comparison: appends a few KiB and
 * syncs, again and again.
 *
 *	bench_fsync FOLDER TIMES
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define BYTES 4000

static int
by_size(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

int
main(int argc, char **argv)
{
	size_t times = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int64_t *costs = calloc(times + 1, sizeof(*costs)), began;
	char path[4096], bytes[BYTES];
	int fd;

	if (times == 0 || costs == NULL)
		return 2;
	snprintf(path, sizeof(path), "%s/bench_fsync", argv[1]);
	memset(bytes, 'x', sizeof(bytes));
	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0) {
		perror(path);
		return 1;
	}
	for (size_t i = 0; i < times; i++) {
		began = clock_steady();
		if (write(fd, bytes, sizeof(bytes)) != BYTES || fdatasync(fd) != 0) {
			perror(path);
			return 1;
		}
		costs[i] = clock_steady() - began;
	}
	unlink(path);
	qsort(costs, times, sizeof(*costs), by_size);
	printf("p50=%.1f p99=%.1f max=%.1f\n", (double)costs[times / 2] / 1e3,
	    (double)costs[times * 99 / 100] / 1e3, (double)costs[times - 1] / 1e3);
	return 0;
}
