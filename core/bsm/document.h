/*
 * document: the shape of a document, written down once, as a walk over a record that feeds a sink.
 *
 * The fields come in the order of enum field (keys.h). Inside an object the names that field_table
 * knows come in its order; those under `more` count as if they stood at the top ("more.process" is
 * ordered like "process"). All others, which are the names from the record (args, exec_env, privs
 * …) and those of `more` itself, come in the order of their bytes. So every sink that keeps what it
 * gets can write the same document again.
 *
 * Nothing is allocated for an ordinary record; the walks use the record's scratch memory, so two
 * walks over one record may not run at the same time.
 */
#ifndef BSM_DOCUMENT_H
#define BSM_DOCUMENT_H

#include <stdbool.h>

#include "bsm/record.h"
#include "bsm/sink.h"

/*
 * Feeds a whole document: open_object, each field's key and value, close_object. False when memory
 * for it ran out; then the sink has got a part of it.
 */
bool document_walk(const struct record *r, const struct origin *o, const struct sink_ops *ops,
    void *sink) MUST_USE;

/*
 * Has the document this field? O(1) but for ESCAPED, EXEC_ENV_MORE and MORE, which look once and
 * remember.
 */
bool document_has(const struct record *r, const struct origin *o, enum field field) MUST_USE;

/*
 * Feeds the value of one field that the document has, without its key. False when memory for it ran
 * out.
 */
bool document_field(const struct record *r, const struct origin *o, enum field field,
    const struct sink_ops *ops, void *sink) MUST_USE;

/* A bit for each field. */
#define FIELD_SET_WORDS (RECORD_FIELDS / 64)

/*
 * The fields that the document has. ESCAPED and EXEC_ENV_MORE are told only by looking: they may be
 * in the set and not there.
 */
void document_set(const struct record *r, const struct origin *o, uint64_t set[FIELD_SET_WORDS]);

/*
 * Feeds key and value of those fields of the set that the document has, in their order: a walk in
 * parts, for a sink that has some of the fields from elsewhere. The set has to be part of
 * document_set(), without ESCAPED. *spelled becomes true when a text was not UTF-8, and is left
 * alone otherwise. False when memory for it ran out.
 */
bool document_some(const struct record *r, const struct origin *o,
    const uint64_t set[FIELD_SET_WORDS], const struct sink_ops *ops, void *sink,
    bool *spelled) MUST_USE;

/* What a field holds. */
enum value_type { VALUE_INTEGER, VALUE_TEXT, VALUE_OBJECT, VALUE_MIXED };

/* One row of the one table of all fields; nested ones have a dot: "subject.pid". */
struct field_row {
	const char *path;
	enum value_type type; /* of each element, where it is a list */
	bool list;
	bool keyed;        /* an object whose keys come from the record */
	const char *from;  /* the token, or what else it comes from */
	const char *about; /* meaning, one line */
};

extern const struct field_row field_table[];
extern const size_t field_rows;

/* The top-level field of this name, or FIELDS. */
enum field document_field_named(struct str name) MUST_USE;

#endif
