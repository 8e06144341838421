/* template: strftime's letters that make sense in the name of an index. */
#include "script/template.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

const char *
index_name_fault(struct str name)
{
	if (name.len == 0)
		return "it is empty";
	if (name.len > INDEX_NAME_MOST)
		return "it has more than 255 bytes";
	if (strchr("_-+", name.at[0]) != NULL)
		return "it begins with _, - or +";
	if (str_equal(name, STR(".")) || str_equal(name, STR("..")))
		return "it is . or ..";
	if (!utf8_valid(name.at, name.len))
		return "it is not UTF-8";
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];

		if (c >= 'A' && c <= 'Z')
			return "it has upper-case letters";
		if (c <= ' ' || c == 0x7f || strchr("\"*\\<|,>/?#:", c) != NULL)
			return "it has a blank, a control character, or one of \" * \\ < | , > / ? # :";
	}
	return NULL;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The ISO week: that of the Thursday of the same week. */
static void
iso_week(int64_t seconds, int64_t *year, unsigned *week)
{
	int64_t day = floor_div(seconds, DAY), weekday = ((day + 3) % 7 + 7) % 7; /* Monday is 0 */
	int64_t thursday = day - weekday + 3;
	struct clock_date date;
	static const unsigned before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool leap;

	clock_date(thursday * DAY, &date);
	leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;
	*year = date.year;
	*week = (before[date.month - 1] + (leap && date.month > 2) + date.day - 1) / 7 + 1;
}

static size_t
make(const char *format, int64_t seconds, char *out, size_t room)
{
	struct clock_date date;
	int64_t year;
	unsigned week;
	size_t len = 0;

	clock_date(seconds, &date);
	iso_week(seconds, &year, &week);
	out[0] = '\0';
	for (; *format != '\0' && len < room; format++) {
		char *at = out + len;
		size_t left = room - len;
		int n = 0;

		if (*format != '%')
			n = snprintf(at, left, "%c", *format);
		else
			switch (*++format) {
			case 'Y': n = snprintf(at, left, "%04lld", (long long)date.year); break;
			case 'm': n = snprintf(at, left, "%02u", date.month); break;
			case 'd': n = snprintf(at, left, "%02u", date.day); break;
			case 'H': n = snprintf(at, left, "%02u", date.hour); break;
			case 'G': n = snprintf(at, left, "%04lld", (long long)year); break;
			case 'V': n = snprintf(at, left, "%02u", week); break;
			}
		len += n > 0 ? (size_t)n : 0;
	}
	return len < room ? len : room - 1;
}

struct err *
template_init(struct template *t, const char *format)
{
	const char *fault;

	*t = (struct template){ .unit = DAY, .number = INT64_MIN };
	for (const char *p = strchr(format, '%'); p != NULL; p = strchr(p + 2, '%')) {
		if (p[1] == '\0' || strchr("YmdHGV", p[1]) == NULL)
			return err_new("index \"%s\": after %% comes one of Y m d H G V", format);
		if (p[1] == 'H')
			t->unit = HOUR;
	}
	if ((t->format = strdup(format)) == NULL)
		return err_sys("index \"%s\"", format);
	if ((fault = index_name_fault(template_name(t, 0))) != NULL || strlen(format) > 200)
		return err_new("index \"%s\" makes no name of an index: %s", format,
		    fault != NULL ? fault : "it has more than 200 bytes");
	return NULL;
}

void
template_fini(struct template *t)
{
	free(t->format);
	*t = (struct template){ .number = INT64_MIN };
}

struct str
template_name(struct template *t, int64_t seconds)
{
	int64_t number = floor_div(seconds, t->unit);

	if (number != t->number) {
		t->len = make(t->format, seconds, t->name, sizeof(t->name));
		t->number = number;
	}
	return (struct str){ t->name, t->len };
}
