/* segments: the list of a journal's files, by the number of their first entry. */
#include <stdlib.h>
#include <string.h>

#include "journal/inside.h"

int64_t
segments_age(int64_t then)
{
	int64_t age;

	return __builtin_sub_overflow(clock_now(), then, &age) ? INT64_MAX : age;
}

bool
segments_add(struct journal *j, const struct segment *s)
{
	struct segment *more;

	if (j->segments_len == j->segments_room) {
		size_t room = j->segments_room == 0 ? 16 : j->segments_room * 2;

		if ((more = realloc(j->segments, room * sizeof(*more))) == NULL)
			return false;
		j->segments = more;
		j->segments_room = room;
	}
	j->segments[j->segments_len++] = *s;
	j->counters.disk_bytes += s->end;
	return true;
}

void
segments_drop(struct journal *j, size_t n)
{
	for (size_t i = 0; i < n; i++)
		j->counters.disk_bytes -= j->segments[i].end;
	j->segments_len -= n;
	memmove(j->segments, j->segments + n, j->segments_len * sizeof(*j->segments));
}

size_t
segments_find(const struct journal *j, uint64_t number)
{
	size_t low = 0, high = j->segments_len;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (j->segments[middle].header.first <= number)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint64_t
segments_after(const struct journal *j, size_t i)
{
	return i + 1 < j->segments_len ? j->segments[i + 1].header.first : j->stored;
}
