#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec;
}

int64_t
clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_steady(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Days since 1970 to a date, by eras of 400 years that begin in March. */
void
clock_date(int64_t seconds, struct clock_date *out)
{
	int64_t days = seconds / 86400, rest = seconds % 86400, era;
	unsigned day_of_era, year_of_era, day_of_year, month;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	day_of_era = (unsigned)(days - era * 146097);
	year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	out->day = day_of_year - (153 * month + 2) / 5 + 1;
	out->month = month < 10 ? month + 3 : month - 9;
	out->year = (int64_t)year_of_era + era * 400 + (out->month <= 2);
	out->hour = (unsigned)(rest / 3600);
	out->minute = (unsigned)(rest / 60 % 60);
	out->second = (unsigned)(rest % 60);
}

/* "2019-09-27T01:39:19" of the second asked for last. */
struct second_text {
	int64_t seconds;
	unsigned len; /* 0: none yet */
	char text[CLOCK_TEXT_SIZE];
};

static const struct second_text *
second_text(int64_t seconds)
{
	static _Thread_local struct second_text last;
	struct clock_date d;

	if (last.len > 0 && last.seconds == seconds)
		return &last;
	clock_date(seconds, &d);
	last.seconds = seconds;
	last.len = (unsigned)snprintf(last.text, sizeof(last.text),
	    "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u", d.year, d.month, d.day, d.hour, d.minute,
	    d.second);
	return &last;
}

static size_t
put_fraction(char *out, const struct second_text *s, uint32_t fraction, unsigned digits)
{
	char *p = out + s->len;

	memcpy(out, s->text, s->len);
	*p = '.';
	for (unsigned i = digits; i > 0; i--, fraction /= 10)
		p[i] = (char)('0' + fraction % 10);
	p[digits + 1] = 'Z';
	p[digits + 2] = '\0';
	return s->len + digits + 2;
}

size_t
clock_text(int64_t seconds, uint32_t nanoseconds, char out[CLOCK_TEXT_SIZE])
{
	return put_fraction(out, second_text(seconds), nanoseconds, 9);
}

size_t
clock_text_ms(int64_t nanoseconds, char out[CLOCK_TEXT_SIZE])
{
	int64_t seconds = nanoseconds / CLOCK_SECOND, rest = nanoseconds % CLOCK_SECOND;

	if (rest < 0) {
		rest += CLOCK_SECOND;
		seconds--;
	}
	return put_fraction(out, second_text(seconds), (uint32_t)(rest / 1000000), 3);
}
