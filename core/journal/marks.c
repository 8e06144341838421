/* marks: a short list that thins itself out when it is full. */
#include "journal/marks.h"

#define GAP_LEAST 20000000 /* 20 ms */

/* Every other mark goes; they may be twice as far apart from now on. */
static void
thin(struct marks *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->len; i += 2)
		m->at[n++] = m->at[m->head + i];
	m->head = 0;
	m->len = n;
	m->gap *= 2;
}

void
marks_add(struct marks *m, uint64_t number, int64_t received)
{
	size_t end = m->head + m->len;
	int64_t apart;

	if (m->len == 0) {
		m->gap = GAP_LEAST;
		m->head = end = 0;
	} else if (number <= m->at[end - 1].number ||
		   __builtin_sub_overflow(received, m->at[end - 1].received, &apart) ||
		   apart < m->gap) {
		return;
	}
	if (end == MARKS_MAX) {
		if (m->head < MARKS_MAX / 2) {
			thin(m);
		} else {
			for (size_t i = 0; i < m->len; i++)
				m->at[i] = m->at[m->head + i];
			m->head = 0;
		}
		end = m->head + m->len;
	}
	m->at[end].number = number;
	m->at[end].received = received;
	m->len++;
}

void
marks_drop(struct marks *m, uint64_t number)
{
	while (m->len > 1 && m->at[m->head + 1].number <= number) {
		m->head++;
		m->len--;
	}
}

int64_t
marks_find(const struct marks *m, uint64_t number)
{
	int64_t found = 0;

	for (size_t i = 0; i < m->len && m->at[m->head + i].number <= number; i++)
		found = m->at[m->head + i].received;
	return found;
}
