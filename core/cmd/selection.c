/* selection: options to conditions, and conditions asked of entry, record and index. */
#include "cmd/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonread.h"

static const char *
add(const char *list[SELECTION_MOST], size_t *count, const char *value)
{
	if (*count == SELECTION_MOST)
		return "at most 64 of them can be given";
	list[(*count)++] = value;
	return NULL;
}

static const char *
add_event(struct selection *s, const char *name)
{
	if (!names_event_exists(str_of(name)))
		return "there is no event of that name (documents show them, without AUE_)";
	return add(s->events, &s->event_count, name);
}

static const char *
set_time(const char *value, int64_t *out, bool *set)
{
	*set = clock_parse(value, out);
	return *set ? NULL : "a time is written 2026-03-01, or 2026-03-01T12:34:56, in UTC";
}

/* "17" or "17-42" or "17-". */
static const char *
set_numbers(struct selection *s, const char *value)
{
	char *end;

	errno = 0;
	s->from = s->to = strtoull(value, &end, 10);
	if (end != value && *end == '-') {
		value = end + 1;
		s->to = *value == '\0' ? 0 : strtoull(value, &end, 10);
		if (*value == '\0')
			end = (char *)value;
		else if (s->to < s->from)
			errno = EINVAL;
	}
	return errno == 0 && *end == '\0' && s->from > 0
		   ? NULL
		   : "numbers of entries are written 17, 17-42 or 17-";
}

const char *
selection_option(struct selection *s, int option, const char *value, bool *ours)
{
	*ours = true;
	switch (option) {
	case SELECT_SENDER: return add(s->senders, &s->sender_count, value);
	case SELECT_EVENT: return add_event(s, value);
	case SELECT_SINCE: return set_time(value, &s->since, &s->has_since);
	case SELECT_UNTIL: return set_time(value, &s->until, &s->has_until);
	case SELECT_INDEX: s->index = value; return NULL;
	case SELECT_REASON: s->reason = value; return NULL;
	case SELECT_NUMBERS: return set_numbers(s, value);
	default: *ours = false; return NULL;
	}
}

struct str
selection_note(struct str note, const char *key)
{
	struct jsonread r;

	jsonread_init(&r, note);
	if (note.len == 0 || jsonread_next(&r) != JSONREAD_OBJECT)
		return (struct str){ 0 };
	while (jsonread_next(&r) == JSONREAD_KEY) {
		bool found = jsonread_is(&r, str_of(key));

		if (!jsonread_skip(&r))
			break;
		if (found)
			return r.text;
	}
	return (struct str){ 0 };
}

static bool
is_listed(const char *const *list, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(name, str_of(list[i])))
			return true;
	return count == 0;
}

/* The reason is a text of plain words; `found` has its quotes. */
static bool
has_reason(struct str note, const char *reason)
{
	struct str found = selection_note(note, "reason");

	return found.len >= 2 &&
	       str_equal((struct str){ found.at + 1, found.len - 2 }, str_of(reason));
}

bool
selection_has_entry(const struct selection *s, const struct journal_entry *entry)
{
	return entry->number >= s->from && (s->to == 0 || entry->number <= s->to) &&
	       is_listed(s->senders, s->sender_count, entry->sender->name) &&
	       (s->reason == NULL || has_reason(entry->note, s->reason));
}

static int64_t
event_time(const struct journal_entry *entry, const struct record *record)
{
	int64_t at;

	if (!record->decodable ||
	    __builtin_mul_overflow(record->header.seconds, CLOCK_SECOND, &at) ||
	    __builtin_add_overflow(at, record->nanoseconds, &at))
		return entry->received;
	return at;
}

bool
selection_has_record(
    const struct selection *s, const struct journal_entry *entry, const struct record *record)
{
	int64_t at = event_time(entry, record);

	return (!s->has_since || at >= s->since) && (!s->has_until || at < s->until) &&
	       is_listed(s->events, s->event_count, record->event);
}

bool
selection_has_index(const struct selection *s, struct str index)
{
	size_t len = s->index == NULL ? 0 : strlen(s->index);

	return index.len >= len && (len == 0 || memcmp(index.at, s->index, len) == 0);
}
