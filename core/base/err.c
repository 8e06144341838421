/* err: reasons put together to one text; the one for want of memory needs none. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct err {
	char *text;
};

/* Given out when an error cannot even be allocated; never freed. */
static struct err out_of_memory = { "out of memory" };

static struct err *
err_make(const char *tail, const char *format, va_list args)
{
	va_list again;
	struct err *e;
	size_t len, tail_len = tail != NULL ? strlen(tail) : 0;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0 || (e = malloc(sizeof(*e))) == NULL)
		return &out_of_memory;
	len = (size_t)n + (tail != NULL ? 2 : 0) + tail_len + 1;
	if ((e->text = malloc(len)) == NULL) {
		free(e);
		return &out_of_memory;
	}
	vsnprintf(e->text, len, format, args);
	if (tail != NULL) {
		memcpy(e->text + n, ": ", 2);
		memcpy(e->text + n + 2, tail, tail_len + 1);
	}
	return e;
}

struct err *
err_new(const char *format, ...)
{
	va_list args;
	struct err *e;

	va_start(args, format);
	e = err_make(NULL, format, args);
	va_end(args);
	return e;
}

struct err *
err_sys(const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list args;
	struct err *e;

	va_start(args, format);
	e = err_make(reason, format, args);
	va_end(args);
	return e;
}

struct err *
err_wrap(struct err *cause, const char *format, ...)
{
	va_list args;
	struct err *e;

	va_start(args, format);
	e = err_make(err_text(cause), format, args);
	va_end(args);
	err_free(cause);
	return e;
}

const char *
err_text(const struct err *e)
{
	return e != NULL ? e->text : "no error";
}

void
err_free(struct err *e)
{
	if (e == NULL || e == &out_of_memory)
		return;
	free(e->text);
	free(e);
}
