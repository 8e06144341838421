/*
 * asker: the questions of rules go to the lookups.
 *
 * What rule files declare is taken as a set, from asker_begin() to asker_end(): two files, of one
 * group or of two, that declare a source of one name differently are an error; and when the set is
 * not taken into use (a reload that failed), the sources are as they were before.
 */
#ifndef DAEMON_ASKER_H
#define DAEMON_ASKER_H

#include "lookup/lookup.h"
#include "script/script.h"

struct declared;

struct asker {
	struct script_asker door; /* for script_config, which borrows it */
	struct lookup *lookup;
	struct declared *fresh, *in_force;
};

/* Begins the first set. The lookup is borrowed. */
void asker_init(struct asker *a, struct lookup *lookup);
void asker_begin(struct asker *a);
void asker_end(struct asker *a, bool taken);
/* Zeroed is fine. */
void asker_fini(struct asker *a);

#endif
