/* fields: which fields a decoded record gives its document. Internal to the room. */
#ifndef BSM_FIELDS_H
#define BSM_FIELDS_H

#include "bsm/keys.h"
#include "bsm/record.h"

/* Fills r->fields and what is chosen beside it. */
void fields_find(struct record *r);

static inline void
fields_add(uint64_t *fields, enum field f)
{
	fields[f / 64] |= UINT64_C(1) << (f % 64);
}

static inline void
fields_remove(uint64_t *fields, enum field f)
{
	fields[f / 64] &= ~(UINT64_C(1) << (f % 64));
}

static inline bool
fields_have(const uint64_t *fields, enum field f)
{
	return (fields[f / 64] >> (f % 64) & 1) != 0;
}

#endif
