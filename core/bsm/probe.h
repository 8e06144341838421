/*
 * probe: asks a record for the values at one path of its document, without making the document.
 *
 * A path is a field's name, or names parted by dots: "event", "subject.uid", "text", "args.new file
 * mode", "exec_env.PATH". Lists are looked into: every element is a value. Only integers and texts
 * are values; a path that ends at an object has none.
 */
#ifndef BSM_PROBE_H
#define BSM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"
#include "bsm/keys.h"
#include "bsm/record.h"

#define PROBE_STEPS 6

struct probe {
	enum field field;
	int quick;      /* which of the direct ways, 0: through the walk */
	unsigned steps; /* names behind the field's */
	struct str step[PROBE_STEPS];
};

struct probe_value {
	bool is_text;
	int64_t integer;
	struct str text; /* as the document has it; valid during the call */
};

/*
 * Compiles a path, which has to outlive the probe. False when no document can have it: an unknown
 * field, or a name that an object with fixed names does not have.
 */
bool probe_compile(struct str path, struct probe *out) MUST_USE;

/*
 * Adds one more name below a compiled path (for names that hold a dot); false when no document can
 * have it.
 */
bool probe_descend(struct probe *p, struct str name) MUST_USE;

/* True as soon as match says so of a value; false when it says so of none, or there is none. */
bool probe_any(const struct probe *p, const struct record *r, const struct origin *o,
    bool (*match)(void *context, const struct probe_value *value), void *context) MUST_USE;

#endif
