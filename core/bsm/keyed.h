/*
 * keyed: the tokens of a kind by the names in them, in the order of the names' bytes. Internal to
 * the room.
 */
#ifndef BSM_KEYED_H
#define BSM_KEYED_H

#include "bsm/scratch.h"

/*
 * Collects ARGUMENT, PRIVILEGE, SECFLAGS or UUID tokens into the scratch memory, sorted by their
 * names as shown; equal names keep their order. Returns how many; valid until the next call. 0 when
 * memory is out, which is noted in the scratch.
 */
size_t keyed_collect(const struct record *r, enum token_kind kind, struct keyed **out);

/* How many from i on have the same name. */
size_t keyed_run(const struct keyed *k, size_t i, size_t count);

/* The entries of all exec_env tokens that have a "=", sorted likewise; made once a record. */
size_t keyed_env(const struct record *r, struct keyed **out);

/* Those of them whose name came before, in their order on the wire. */
size_t keyed_env_repeats(const struct record *r, struct keyed **out);

#endif
