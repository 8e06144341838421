/* record_damage: in words, why a record or the rest of it could not be read. */
#include <inttypes.h>

#include "bsm/record.h"

static void
put_reason(struct buf *out, const struct damage *d)
{
	switch (d->kind) {
	case DAMAGE_EMPTY: buf_printf(out, "no bytes"); return;
	case DAMAGE_NOT_A_HEADER:
		buf_printf(out, "0x%02x does not begin a record", (unsigned)d->a);
		break;
	case DAMAGE_HEADER_CUT: buf_printf(out, "the header runs past the end"); break;
	case DAMAGE_ADDRESS_TYPE:
		buf_printf(out, "invalid address type %" PRIu64 " in the header", d->a);
		break;
	case DAMAGE_LENGTH_SMALL:
		buf_printf(out, "record length %" PRIu64 " is smaller than its header of %" PRIu64,
		    d->a, d->b);
		break;
	case DAMAGE_LENGTH_LARGE:
		buf_printf(out, "record length %" PRIu64 " is larger than the maximum of %" PRIu64,
		    d->a, d->b);
		break;
	case DAMAGE_INCOMPLETE:
		buf_printf(out,
		    "incomplete: record length %" PRIu64 ", %" PRIu64 " bytes are there", d->a,
		    d->b);
		break;
	case DAMAGE_SURPLUS:
		buf_printf(out, "surplus data: %" PRIu64 " bytes follow the record", d->a);
		break;
	case DAMAGE_VERSION: buf_printf(out, "unknown header version %" PRIu64, d->a); break;
	case DAMAGE_TIME:
		buf_printf(out, "time out of range: %" PRId64 " seconds", (int64_t)d->a);
		break;
	case DAMAGE_FRACTION:
		buf_printf(out, "fraction of the time out of range: %" PRIu64, d->a);
		break;
	case DAMAGE_TOKEN_CUT:
		buf_printf(out, "token 0x%02x runs past the end of the record", (unsigned)d->a);
		break;
	case DAMAGE_TOKEN_ODD:
		buf_printf(out, "token 0x%02x has no known length", (unsigned)d->a);
		break;
	case DAMAGE_HEADER_INSIDE:
		buf_printf(out, "token 0x%02x inside a record", (unsigned)d->a);
		break;
	case DAMAGE_STRINGS:
		buf_printf(out,
		    "strings run past the end of the record: %" PRIu64 " announced, %" PRIu64
		    " read",
		    d->a, d->b);
		break;
	case DAMAGE_TRAILER_MAGIC: buf_printf(out, "bad trailer magic"); break;
	case DAMAGE_TRAILER_LENGTH:
		buf_printf(out,
		    "trailer length differs from header length (%" PRIu64 ", %" PRIu64 ")", d->a,
		    d->b);
		break;
	case DAMAGE_AFTER_TRAILER: buf_printf(out, "tokens after the trailer"); break;
	case DAMAGE_TOO_MANY: buf_printf(out, "more than %" PRIu64 " tokens", d->a); break;
	case DAMAGE_MEMORY: buf_printf(out, "not enough memory for all tokens"); break;
	}
	buf_printf(out, " at byte %" PRIu64, d->at);
}

void
record_damage_text(const struct record *r, struct buf *out)
{
	for (unsigned i = 0; i < r->damages; i++) {
		if (i > 0)
			buf_append(out, "; ", 2);
		put_reason(out, &r->damage[i]);
	}
}
