/*
 * log: one line an event on stderr: time, level, event, then key=value pairs.
 *
 *	log_info("listening", log_s("address", "::1"), log_i("port", 16162));
 *	2026-11-22T18:07:00.123Z level=info event=listening address=::1 port=16162
 *
 * A value is quoted where it holds a blank, a quote, an equals sign or a control character, so that
 * a line is always one line. A line that repeats within LOG_FOLD_SECONDS is counted, not printed;
 * the count comes with the next one of its kind, or from log_tick(). Not for use by several
 * threads: workers hand back what they have to say.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define LOG_FOLD_SECONDS 10

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_pair {
	const char *key;
	enum { LOG_PAIR_TEXT, LOG_PAIR_INTEGER } kind;
	struct str text;
	int64_t integer;
};

/* A text (NULL prints as "-"), bytes, an integer, an error: each borrowed for the call. */
static inline struct log_pair
log_s(const char *key, const char *text)
{
	return (struct log_pair){ key, LOG_PAIR_TEXT, str_of(text != NULL ? text : "-"), 0 };
}

static inline struct log_pair
log_b(const char *key, struct str bytes)
{
	return (struct log_pair){ key, LOG_PAIR_TEXT, bytes, 0 };
}

static inline struct log_pair
log_i(const char *key, int64_t integer)
{
	return (struct log_pair){ key, LOG_PAIR_INTEGER, { 0 }, integer };
}

static inline struct log_pair
log_e(const struct err *e)
{
	return (struct log_pair){ "reason", LOG_PAIR_TEXT, str_of(err_text(e)), 0 };
}

/* Lines above this level are not made. The default is LOG_INFO. */
void log_set_level(enum log_level level);
/* The level of that name ("error", "warn", "info", "debug"), or -1. */
int log_level_named(const char *name);
/* Where lines go; stderr unless set. For tests and for `auditrecv decode`. */
void log_set_fd(int fd);
/*
 * Prints the counts of folded lines whose time is over; call every second or so, and at the end
 * with all = 1.
 */
void log_tick(int all);

/* The writer behind the macros; pairs end with a NULL key. With fold, a line that repeats is counted. */
void log_write(enum log_level level, const char *event, const struct log_pair *pairs, bool fold);
extern enum log_level log_level;

#define LOG_AT(lvl, fold, event, ...)                                                              \
	do {                                                                                       \
		if ((lvl) <= log_level)                                                            \
			log_write((lvl), (event), (const struct log_pair[]){ __VA_ARGS__, { 0 } }, \
			    (fold));                                                               \
	} while (0)
#define log_error(event, ...) LOG_AT(LOG_ERROR, true, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_AT(LOG_WARN, true, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_AT(LOG_INFO, true, event, __VA_ARGS__)
#define log_debug(event, ...) LOG_AT(LOG_DEBUG, true, event, __VA_ARGS__)
/* A line that somebody asked for: printed each time. */
#define log_answer(event, ...) LOG_AT(LOG_INFO, false, event, __VA_ARGS__)

#endif
