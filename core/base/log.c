/* log: a line leaves in one write; one that was written a moment ago is only counted. */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define LOG_FOLDS 32

/* A line that was printed lately, by the hash of everything but its time. */
struct fold {
	uint64_t hash;
	time_t since; /* 0: unused */
	unsigned repeats;
	enum log_level level;
	char event[48];
};

enum log_level log_level = LOG_INFO;
static int log_fd = STDERR_FILENO;
static struct fold folds[LOG_FOLDS];
static const char *const level_names[] = { "error", "warn", "info", "debug" };

void
log_set_level(enum log_level level)
{
	log_level = level;
}

int
log_level_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (strcmp(name, level_names[i]) == 0)
			return (int)i;
	return -1;
}

void
log_set_fd(int fd)
{
	log_fd = fd;
}

static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
			return false;
	}
	return s.len > 0;
}

static void
put_value(struct buf *b, struct str s)
{
	if (is_plain(s)) {
		buf_str(b, s);
		return;
	}
	buf_byte(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c == '"' || c == '\\') {
			buf_byte(b, '\\');
			buf_byte(b, (char)c);
		} else if (c == '\n')
			buf_append(b, "\\n", 2);
		else if (c < ' ' || c == 0x7f)
			buf_printf(b, "\\x%02X", c);
		else
			buf_byte(b, (char)c);
	}
	buf_byte(b, '"');
}

static void
put_line(struct str tail)
{
	struct buf line = { 0 };
	char stamp[CLOCK_TEXT_SIZE];
	size_t done = 0;
	ssize_t n;

	clock_text_ms(clock_now(), stamp);
	buf_printf(&line, "%s ", stamp);
	buf_str(&line, tail);
	buf_byte(&line, '\n');
	/* A log that cannot be written must not stop the daemon: what does not go out is lost. */
	while (!buf_failed(&line) && done < line.len) {
		n = write(log_fd, line.at + done, line.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	buf_fini(&line);
}

static void
fold_report(struct fold *f)
{
	struct buf tail = { 0 };

	if (f->repeats > 0) {
		buf_printf(&tail, "level=%s event=repeated of=%s times=%u", level_names[f->level],
		    f->event, f->repeats);
		put_line(buf_view(&tail));
		buf_fini(&tail);
	}
	*f = (struct fold){ 0 };
}

void
log_tick(int all)
{
	time_t now = time(NULL);

	for (size_t i = 0; i < LOG_FOLDS; i++)
		if (folds[i].since != 0 && (all || now - folds[i].since >= LOG_FOLD_SECONDS))
			fold_report(&folds[i]);
}

/* True when the line was counted instead of being printed. */
static bool
fold_line(enum log_level level, const char *event, uint64_t hash)
{
	struct fold *oldest = &folds[0];

	log_tick(0);
	for (size_t i = 0; i < LOG_FOLDS; i++) {
		if (folds[i].since != 0 && folds[i].hash == hash) {
			folds[i].repeats++;
			return true;
		}
		if (folds[i].since < oldest->since)
			oldest = &folds[i];
	}
	fold_report(oldest);
	*oldest = (struct fold){ .hash = hash, .since = time(NULL), .level = level };
	snprintf(oldest->event, sizeof(oldest->event), "%s", event);
	return false;
}

void
log_write(enum log_level level, const char *event, const struct log_pair *pairs, bool fold)
{
	struct buf tail = { 0 };

	buf_printf(&tail, "level=%s event=%s", level_names[level], event);
	for (; pairs->key != NULL; pairs++) {
		buf_printf(&tail, " %s=", pairs->key);
		if (pairs->kind == LOG_PAIR_INTEGER)
			buf_printf(&tail, "%lld", (long long)pairs->integer);
		else
			put_value(&tail, pairs->text);
	}
	if (!buf_failed(&tail) &&
	    !(fold && fold_line(level, event, str_hash(STR_HASH, buf_view(&tail)))))
		put_line(buf_view(&tail));
	buf_fini(&tail);
}
