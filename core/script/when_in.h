/* when_in: what the three halves of `when` share: compiling, asking, and asking a doc. */
#ifndef SCRIPT_WHEN_IN_H
#define SCRIPT_WHEN_IN_H

#include "script/needles.h"
#include "script/when.h"

enum test_kind {
	TEST_INTEGER, /* equals */
	TEST_TEXT,
	TEST_FLOAT,
	TEST_BOOLEAN,
	TEST_PREFIX,
	TEST_SUFFIX,
	TEST_CONTAINS,
	TEST_AT_LEAST,
	TEST_AT_MOST,
	TEST_PRESENT,
	TEST_ABSENT,
	TEST_NO,  /* not inner */
	TEST_ANY, /* one of count inner ones */
};

struct test {
	enum test_kind kind;
	int64_t integer; /* INTEGER, BOOLEAN */
	double number;   /* FLOAT, AT_LEAST, AT_MOST */
	struct str text; /* owned */
	struct test *inner;
	size_t count;
	bool of_values; /* ANY: one value can tell, no inner one asks for presence or for none */
	struct needles *needles; /* ANY of values: all that inner ones ask of texts, together */
};

/* One value to be tested; kind is one of the first four. */
struct test_value {
	enum test_kind kind;
	int64_t integer;
	double number;
	struct str text;
};

struct when_path {
	char *text; /* names parted by NUL, owned: the field, then the steps */
	size_t text_len;
	struct probe probe;
	bool own;       /* a field that only rules set: the record is never asked */
	unsigned steps; /* names behind the field's */
	struct str step[PROBE_STEPS];
	lua_Integer name; /* names[name] is the field's, the steps' follow */
	uint64_t *rules;  /* that have an equality on it; NULL: none */
};

struct condition {
	uint32_t path;
	struct test test;
};

struct equality {
	uint32_t path, rule;
	bool is_text;
	int64_t integer;
	struct str text; /* owned */
};

struct when_rule {
	size_t first, count; /* conditions */
	size_t functions;
};

struct when {
	struct when_rule *rules;
	size_t rule_count, words;
	uint64_t *all; /* a bit for every rule */
	uint64_t fields[FIELD_WORDS];
	bool has_own;

	struct when_path *paths; /* those with equalities first, once finished */
	size_t path_count, equal_paths;
	struct condition *conditions;
	size_t condition_count;
	struct equality *equalities; /* sorted, once finished: equal ones side by side */
	size_t equality_count;
	uint32_t *slots; /* open hash over equalities: index + 1 of the first of a group */
	uint32_t slot_mask;

	uint64_t *hits; /* room for one path's answer */
	struct when_work work;
};

static inline bool
equality_same(const struct equality *a, const struct equality *b)
{
	return a->path == b->path && a->is_text == b->is_text &&
	       (a->is_text ? str_equal(a->text, b->text) : a->integer == b->integer);
}

static inline uint32_t
equality_hash(const struct equality *e)
{
	uint64_t h = (e->path + 1) * UINT64_C(0x9e3779b97f4a7c15), word;
	const char *at = e->text.at;
	size_t len;

	if (!e->is_text)
		h = (h ^ (uint64_t)e->integer) * UINT64_C(0xff51afd7ed558ccd);
	else {
		for (len = e->text.len; len >= 8; len -= 8, at += 8) {
			memcpy(&word, at, 8);
			h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
			h ^= h >> 29;
		}
		for (word = e->text.len; len > 0; len--)
			word = word << 8 | (unsigned char)*at++;
		h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
	}
	return (uint32_t)(h >> 32);
}

/* Does one value pass? Not for PRESENT, ABSENT, NO, and an ANY with one of these in it. */
bool when_test(const struct test *t, const struct test_value *v);

/* Gives back what a test holds, not the test itself. */
void when_test_free(struct test *t);
/* Is there something at the path, be it a value, an object or a list? */
bool when_present(const struct when_path *p, const struct run *run, const struct when_live *live);
/* The integers and texts at a path of the doc. */
bool when_live_any(const struct when_path *p, const struct when_live *live,
    bool (*match)(void *, const struct probe_value *), void *context);
/* Does any value at a path of the doc pass? Floats and booleans count here. */
bool when_live_test(const struct when_path *p, const struct when_live *live, const struct test *t);

#endif
