/*
 * document_check: what every document must be, whatever the record: one JSON object in valid UTF-8,
 * the same through a walk of all fields and field by field, and each field where the record says it
 * is.
 */
#ifndef FUZZ_DOCUMENT_CHECK_H
#define FUZZ_DOCUMENT_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "bsm/document.h"
#include "bsm/probe.h"
#include "bsm/sink_json.h"

static inline void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "must be: %s\n", what);
	abort();
}

/* Walks over one JSON value; NULL when it is none. */
static const char *
json_value(const char *p, const char *end, int depth)
{
	char close;

	must(depth < 32, "depth of a document below 32");
	if (p == end)
		return NULL;
	if (*p == '"') {
		for (p++; p < end && *p != '"'; p++) {
			if ((unsigned char)*p < 0x20)
				return NULL;
			if (*p == '\\' && ++p == end)
				return NULL;
		}
		return p < end ? p + 1 : NULL;
	}
	if (*p == '-' || (*p >= '0' && *p <= '9')) {
		for (p++; p < end && *p >= '0' && *p <= '9'; p++)
			;
		return p;
	}
	if (*p != '{' && *p != '[')
		return NULL;
	close = *p == '{' ? '}' : ']';
	p++;
	if (p < end && *p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			if (p == end || *p != '"' || (p = json_value(p, end, depth)) == NULL ||
			    p == end || *p++ != ':')
				return NULL;
		}
		if ((p = json_value(p, end, depth + 1)) == NULL || p == end)
			return NULL;
		if (*p == close)
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

static inline bool
never(void *context, const struct probe_value *value)
{
	(void)context;
	must(!value->is_text || utf8_valid(value->text.at, value->text.len),
	    "a probe's text valid UTF-8");
	return false;
}

static inline void
document_check(const struct record *r, const struct origin *o, struct buf *whole, struct buf *parts)
{
	struct json j;
	const char *end;

	buf_cut(whole, 0);
	json_init(&j, whole);
	must(document_walk(r, o, &sink_json, &j), "memory for a document");
	end = whole->at + whole->len;
	must(utf8_valid(whole->at, whole->len), "valid UTF-8");
	must(whole->at[0] == '{' && json_value(whole->at, end, 0) == end, "one JSON object");

	buf_cut(parts, 0);
	json_init(&j, parts);
	json_open(&j, '{');
	for (enum field f = 0; f < FIELDS; f++) {
		struct probe probe;

		must(probe_compile(key_names[f], &probe), "every field can be asked for");
		must(
		    !probe_any(&probe, r, o, never, NULL), "a probe that nothing stops ends empty");
		if (!document_has(r, o, f))
			continue;
		json_key(&j, key_names[f].at, key_names[f].len);
		must(document_field(r, o, f, &sink_json, &j), "memory for a field");
	}
	json_close(&j, '}');
	must(str_equal(buf_view(whole), buf_view(parts)), "the same field by field");
}

#endif
