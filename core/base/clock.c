/* clock: the two clocks, and the calendar between seconds and text. */
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

/* The date of a day since 1970, by eras of 400 years that begin in March. */
static void
day_date(int64_t days, struct clock_date *out)
{
	int64_t era;
	unsigned day_of_era, year_of_era, day_of_year, month;

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
}

/* Splits into the day since 1970 and the second of the day. */
static int64_t
split_day(int64_t seconds, unsigned *second)
{
	int64_t day = seconds / 86400, rest = seconds % 86400;

	if (rest < 0) {
		rest += 86400;
		day--;
	}
	*second = (unsigned)rest;
	return day;
}

void
clock_date(int64_t seconds, struct clock_date *out)
{
	unsigned second;

	day_date(split_day(seconds, &second), out);
	out->hour = second / 3600;
	out->minute = second / 60 % 60;
	out->second = second % 60;
}

/* Days asked for lately, as "2019-09-27T": events and their receipt are often of two. */
struct day_text {
	int64_t day;  /* since 1970 */
	unsigned len; /* 0: none yet */
	char text[CLOCK_TEXT_SIZE];
};

static const struct day_text *
day_text(int64_t day)
{
	static _Thread_local struct day_text lately[2];
	static _Thread_local unsigned latest;
	struct day_text *t = &lately[latest];
	struct clock_date d;

	if (t->len > 0 && t->day == day)
		return t;
	latest ^= 1;
	t = &lately[latest];
	if (t->len > 0 && t->day == day)
		return t;
	day_date(day, &d);
	t->day = day;
	t->len = (unsigned)snprintf(
	    t->text, sizeof(t->text), "%04" PRId64 "-%02u-%02uT", d.year, d.month, d.day);
	return t;
}

static char *
put_two(char *p, unsigned v, char then)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
	p[2] = then;
	return p + 3;
}

/* Up to the second and the dot behind it; returns the end. */
static char *
put_second(char *p, int64_t seconds)
{
	unsigned second;
	const struct day_text *t = day_text(split_day(seconds, &second));

	memcpy(p, t->text, sizeof(t->text) / 2); /* the longest date has 20 characters */
	p += t->len;
	p = put_two(p, second / 3600, ':');
	p = put_two(p, second / 60 % 60, ':');
	return put_two(p, second % 60, '.');
}

static size_t
put_fraction(char *out, char *p, uint32_t fraction, unsigned digits)
{
	for (unsigned i = digits; i > 0; i--, fraction /= 10)
		p[i - 1] = (char)('0' + fraction % 10);
	p[digits] = 'Z';
	p[digits + 1] = '\0';
	return (size_t)(p - out) + digits + 1;
}

size_t
clock_text(int64_t seconds, uint32_t nanoseconds, char out[CLOCK_TEXT_SIZE])
{
	return put_fraction(out, put_second(out, seconds), nanoseconds, 9);
}

size_t
clock_text_ms(int64_t nanoseconds, char out[CLOCK_TEXT_SIZE])
{
	int64_t seconds = nanoseconds / CLOCK_SECOND, rest = nanoseconds % CLOCK_SECOND;

	if (rest < 0) {
		rest += CLOCK_SECOND;
		seconds--;
	}
	return put_fraction(out, put_second(out, seconds), (uint32_t)(rest / 1000000), 3);
}

/* Days since 1970 of a date, the reverse of day_date(). */
static int64_t
date_day(int64_t year, unsigned month, unsigned day)
{
	int64_t era;
	unsigned year_of_era, day_of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = (unsigned)(year - era * 400);
	day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + (int64_t)(year_of_era * 365 + year_of_era / 4 - year_of_era / 100) +
	       day_of_year - 719468;
}

/* Exactly `digits` digits; moves *at behind them. */
static bool
take_number(const char **at, unsigned digits, unsigned most, unsigned *out)
{
	unsigned value = 0;

	for (; digits > 0; digits--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (unsigned)(**at - '0');
	}
	*out = value;
	return value <= most;
}

static bool
take(const char **at, const char *any)
{
	if (**at == '\0' || strchr(any, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

/* Up to nine digits behind the point. */
static bool
take_fraction(const char **at, int64_t *nanoseconds)
{
	int64_t unit = CLOCK_SECOND / 10;

	if (**at < '0' || **at > '9')
		return false;
	for (*nanoseconds = 0; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
		*nanoseconds += (**at - '0') * unit;
	return true;
}

bool
clock_parse(const char *text, int64_t *out)
{
	unsigned year, month, day, hour = 0, minute = 0, second = 0;
	struct clock_date back;
	int64_t seconds, fraction = 0;

	if (!take_number(&text, 4, 2261, &year) || year < 1678 || !take(&text, "-") ||
	    !take_number(&text, 2, 12, &month) || !take(&text, "-") ||
	    !take_number(&text, 2, 31, &day))
		return false;
	if (take(&text, "T ")) {
		if (!take_number(&text, 2, 23, &hour) || !take(&text, ":") ||
		    !take_number(&text, 2, 59, &minute))
			return false;
		if (take(&text, ":") && (!take_number(&text, 2, 59, &second) ||
					    (take(&text, ".") && !take_fraction(&text, &fraction))))
			return false;
	}
	if (*text != '\0' && !take(&text, "Zz"))
		return false;
	if (*text != '\0' || month == 0 || day == 0)
		return false;
	seconds = date_day(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	clock_date(seconds, &back);
	*out = seconds * CLOCK_SECOND + fraction;
	return back.day == day; /* no 30th of February */
}
