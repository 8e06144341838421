/*
 * asking: lookups for commands that run rules over one record after the other: each question is
 * answered, or its deadline has passed, before the rule goes on.
 */
#ifndef CMD_ASKING_H
#define CMD_ASKING_H

#include "daemon/asker.h"
#include "daemon/build.h"

/* Begins zeroed. */
struct asking {
	struct build_lookup parts;
	struct lookup *lookup;
	struct asker asker;
};

/* The services of the settings, which are borrowed. The daemon's cache file is left alone. */
struct err *asking_open(struct asking *a, const struct settings *s) MUST_USE;
/* Takes half-opened ones too. Scripts that ask have to be closed before. */
void asking_close(struct asking *a);

#endif
