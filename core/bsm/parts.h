/* parts: how the value of each field is made. Internal to the room. */
#ifndef BSM_PARTS_H
#define BSM_PARTS_H

#include "bsm/walk.h"

struct part {
	enum {
		FROM_RECORD, /* record() has all that is needed */
		FROM_FIRST,  /* token() of the first token of the kind */
		FROM_LAST,   /* of the last */
		FROM_EACH,   /* a list, token() of each */
	} from;
	enum token_kind kind;
	void (*record)(struct walk *w);
	void (*token)(struct walk *w, const struct token *t);
};

/* Empty for fields that only rules and outputs make. */
extern const struct part parts[FIELDS];

#endif
