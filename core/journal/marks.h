/* marks: when entries were received, about: enough to say how old the oldest one is. */
#ifndef JOURNAL_MARKS_H
#define JOURNAL_MARKS_H

#include <stddef.h>
#include <stdint.h>

#define MARKS_MAX 512

struct marks {
	size_t head, len;
	int64_t gap; /* nanoseconds between two marks at least */
	struct {
		uint64_t number;
		int64_t received;
	} at[MARKS_MAX];
};

/* Numbers grow. */
void marks_add(struct marks *m, uint64_t number, int64_t received);
/* Forgets what says nothing about entries from this number on. */
void marks_drop(struct marks *m, uint64_t number);
/* When the entry with this number was received, at the earliest; 0: not known. */
int64_t marks_find(const struct marks *m, uint64_t number);

#endif
