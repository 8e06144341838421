/* declaration: a source as a rule file declares it, read from the JSON of auditrecv.lookup. */
#ifndef LOOKUP_DECLARATION_H
#define LOOKUP_DECLARATION_H

#include <stdbool.h>

#include "base/hash.h"
#include "lookup/fields.h"

#define DECLARATION_STATUSES 16
#define DECLARATION_KEYS     8

struct declared_status {
	unsigned status;
	char *code; /* NULL: any */
};

struct declared_statuses {
	struct declared_status at[DECLARATION_STATUSES];
	size_t count;
};

enum declared_page { PAGE_ONE, PAGE_MARKER, PAGE_OFFSET };

/* Paths hold words in braces, as declared: {key}, {keys}, {limit}, {marker}, {offset}. */
struct declaration {
	char *text; /* all of it */
	size_t text_len;
	char *name, *service;
	enum form form;
	char *path; /* NULL: single keys are not asked for */
	struct field fields;
	struct key_path at; /* count 0: the answer itself */
	double keep, keep_none, stale;
	struct declared_statuses none, not_ready;
	struct key_path keys[DECLARATION_KEYS];
	size_t key_count;
	struct {
		char *path, *separator; /* NULL: one key a request */
		bool object;
		size_t most;
	} batch;
	struct {
		char *path; /* NULL: none */
		bool object;
		enum declared_page page;
		char *marker;
		unsigned limit;
		double every;
	} preload;
	bool whole;
	uint8_t shape[SHA256_SIZE]; /* of what decides on how an answer is kept */
};

struct err *declaration_read(struct declaration *out, struct str json) MUST_USE;
/* Zeroed is fine. */
void declaration_fini(struct declaration *d);

#endif
