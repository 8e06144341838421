/*
 * document: the shape of a document, written down once, as a walk over a record that feeds a sink.
 *
 * The fields come in the order of enum field (keys.h). Inside an object the names that field_table knows come in its order; those under
 * `more` count as if they stood at the top ("more.process" is ordered like "process"). All others, which are the
 * names from the record (args, exec_env, privs …) and those of `more` itself, come in the order of their bytes. So every
 * sink that keeps what it gets can write the same document again.
 *
 * Nothing is allocated for an ordinary record; the walks use the record's scratch memory, so two walks over one record may
 * not run at the same time.
 */
#ifndef BSM_DOCUMENT_H
#define BSM_DOCUMENT_H

#include <stdbool.h>

#include "bsm/record.h"
#include "bsm/sink.h"

/*
 * Feeds a whole document: open_object, each field's key and value, close_object. False when memory for it ran out; then the sink has
 * got a part of it.
 */
bool document_walk(const struct record *r, const struct origin *o, const struct sink_ops *ops,
    void *sink) MUST_USE;

/* "success", "failure" or "unknown". */
struct str document_outcome(const struct record *r);

/* Has the document this field? O(1) but for ESCAPED, EXEC_ENV_MORE and MORE, which look once and remember. */
bool document_has(const struct record *r, const struct origin *o, enum field field) MUST_USE;

/* Feeds the value of one field that the document has, without its key. False when memory for it ran out. */
bool document_field(const struct record *r, const struct origin *o, enum field field,
    const struct sink_ops *ops, void *sink) MUST_USE;

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
