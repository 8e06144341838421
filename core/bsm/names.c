/* names: look-ups in the tables that are made when the program is built. */
#include "bsm/names.h"

#include "bsm/names_tables.h"

struct str
names_event(enum event_column column, uint16_t number)
{
	return names_events[names_event_cell[names_event_page[column][number >> 8]][number & 255]];
}

size_t
names_event_count(void)
{
	return names_event_total;
}

struct str
names_event_at(size_t i)
{
	return names_events[i + 1];
}

bool
names_event_exists(struct str name)
{
	size_t low = 1, high = names_event_total + 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_compare(name, names_events[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

struct str
names_errno(uint8_t number, bool openbsm)
{
	return names_errnos[openbsm][number];
}

struct str
names_signal(uint64_t number, bool openbsm)
{
	return number < ARRAY_LEN(names_signals[0]) ? names_signals[openbsm][number] : STR("");
}

struct str
names_value(enum names_list list, int64_t value)
{
	struct names_rows rows = names_lists[list];

	for (unsigned i = 0; i < rows.count; i++)
		if (rows.row[i].value == value)
			return rows.row[i].name;
	return STR("");
}

unsigned
names_bits(enum names_list list, uint64_t mask, struct str out[NAMES_BITS], uint64_t *rest)
{
	struct names_rows rows = names_lists[list];
	unsigned count = 0;

	*rest = mask;
	for (unsigned i = 0; i < rows.count && count < NAMES_BITS; i++) {
		uint64_t bit = (uint64_t)rows.row[i].value;

		if ((bit & (bit - 1)) == 0 && (*rest & bit) != 0) {
			out[count++] = rows.row[i].name;
			*rest &= ~bit;
		}
	}
	return count;
}

unsigned
names_classes(enum names_list list, uint64_t mask, struct str out[NAMES_BITS], uint64_t *rest)
{
	struct names_rows rows = names_lists[list];
	unsigned count = 0;

	*rest = mask;
	for (unsigned i = rows.count; i > 0 && count < NAMES_BITS; i--) {
		uint64_t bits = (uint64_t)rows.row[i - 1].value;

		if ((*rest & bits) == bits) {
			out[count++] = rows.row[i - 1].name;
			*rest &= ~bits;
		}
	}
	for (unsigned i = 0; i < count / 2; i++) {
		struct str name = out[i];

		out[i] = out[count - 1 - i];
		out[count - 1 - i] = name;
	}
	return count;
}

const struct names_failure *
names_failure(int64_t code)
{
	for (size_t i = 0; i < names_failure_total; i++)
		if (names_failures[i].code == code)
			return &names_failures[i];
	return NULL;
}
