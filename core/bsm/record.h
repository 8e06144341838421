/*
 * record: one audit record, decoded: its header, its tokens in order, and an index by kind.
 *
 * A record borrows the bytes it was decoded from; they must stay until the next record_decode or
 * the end of its use. Decoding never fails. What cannot be read is kept as bytes with the reason;
 * the worst is a record that is "undecodable", of which only the bytes are known.
 */
#ifndef BSM_RECORD_H
#define BSM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"
#include "bsm/names.h"
#include "bsm/token.h"

#define DIALECT_SERVICES   16
#define RECORD_MAX_DEFAULT (8u << 20) /* bytes */
#define RECORD_MAX_TOKENS  65536      /* more are left unread, as if the next one were unknown */

enum event_table {
	EVENTS_ILLUMOS, /* 313 is sacl, 314 auditon_getpinfo, 315 auditon_setpmask … */
	EVENTS_SMARTOS, /* SmartOS of about 2019: 313 auditon_getpinfo, 314 auditon_setpmask … */
};

/* How to read one sender. What the bytes do not tell, configuration does. */
struct dialect {
	bool natural_ports; /* a SPARC sender; the default, x86, stores ports swapped */
	bool apple;         /* an OpenBSM sender known to be macOS: its own event names first */
	enum event_table events;
	/* Service ports beside the known ones, for telling logins from devices. */
	uint16_t services[DIALECT_SERVICES];
	unsigned service_count;
	/* Bytes; a header that announces more is not believed. 0: RECORD_MAX_DEFAULT. */
	uint32_t record_max;
};

/*
 * What comes from the stream and not from the record. Absent when a trail file is decoded (present
 * is false).
 */
struct origin {
	bool present;
	struct str from;      /* address of the sender, as text */
	struct str host;      /* its authenticated name; empty: none */
	struct str principal; /* by which it authenticated; empty: none */
	int64_t received;     /* nanoseconds since 1970 */
	uint64_t sequence;    /* audit_remote's number */
};

enum damage_kind {
	DAMAGE_EMPTY,          /* no bytes */
	DAMAGE_NOT_A_HEADER,   /* a: the byte */
	DAMAGE_HEADER_CUT,     /* a: bytes there */
	DAMAGE_ADDRESS_TYPE,   /* a: the type in the header */
	DAMAGE_LENGTH_SMALL,   /* a: length, b: header's size */
	DAMAGE_LENGTH_LARGE,   /* a: length, b: limit */
	DAMAGE_INCOMPLETE,     /* a: length, b: bytes there */
	DAMAGE_SURPLUS,        /* a: bytes behind the record */
	DAMAGE_VERSION,        /* a: version */
	DAMAGE_TIME,           /* a: seconds */
	DAMAGE_FRACTION,       /* a: fraction */
	DAMAGE_TOKEN_CUT,      /* a: token id */
	DAMAGE_TOKEN_ODD,      /* a: token id */
	DAMAGE_HEADER_INSIDE,  /* a: token id; file tokens too */
	DAMAGE_STRINGS,        /* a: announced, b: there */
	DAMAGE_TRAILER_MAGIC,  /* a: magic */
	DAMAGE_TRAILER_LENGTH, /* a: trailer's, b: header's */
	DAMAGE_AFTER_TRAILER,
	DAMAGE_TOO_MANY, /* a: limit of tokens */
	DAMAGE_MEMORY,
};

struct damage {
	enum damage_kind kind;
	uint64_t at; /* offset of the byte in question */
	uint64_t a, b;
};

#define RECORD_DAMAGES 8 /* the first ones are kept */
/* At least as many bits as keys.h has fields. */
#define RECORD_FIELDS 128

struct record_scratch;

struct record {
	const uint8_t *bytes; /* the whole message, surplus included */
	size_t size;
	size_t end; /* where the record ends in it */
	struct dialect dialect;

	/* False: not even the header could be read; only bytes, size and damage count. */
	bool decodable;
	struct header header;
	uint32_t nanoseconds; /* of the header's time, 0 to 999,999,999 */
	/* The event's name: from the tables, or the number in decimal, or "undecodable". */
	struct str event;
	char event_digits[8];     /* for a number without a name */
	enum event_column column; /* whose event numbers */
	bool openbsm;             /* of header version 1, 10 or 11 */

	struct token *tokens; /* in their order on the wire */
	uint32_t count, room;
	uint64_t kinds;              /* bit k: there is a token of kind k */
	uint64_t repeated;           /* bit k: there are several */
	uint32_t first[TOKEN_KINDS]; /* index of the first of a kind; only where its bit is set */
	uint32_t last[TOKEN_KINDS];
	uint32_t number[TOKEN_KINDS]; /* how many */

	bool unknown;  /* bytes[unread] is a token that could not be read */
	size_t unread; /* from here to size nothing was read; size when all was */

	struct damage damage[RECORD_DAMAGES];
	unsigned damages;

	/* What the document shows in a field of its own; TOKEN_NONE: none. */
	uint32_t attributes, target_attributes, used_privs, failed_privs;
	uint64_t fields[RECORD_FIELDS / 64]; /* document.h: the fields that it has or may have */
	struct record_scratch *scratch;      /* for the walks over it */
};

/* Makes an empty record; false when memory is out. A record is reused for many decodings. */
bool record_init(struct record *r) MUST_USE;
/* Takes half-made and zeroed ones too. */
void record_fini(struct record *r);

/*
 * Decodes one message: exactly one record is expected in it; surplus bytes are a damage. The
 * dialect is copied.
 */
void record_decode(
    struct record *r, const uint8_t *bytes, size_t size, const struct dialect *dialect);

/* The first token of a kind, or NULL. */
static inline const struct token *
record_first(const struct record *r, enum token_kind kind)
{
	return (r->kinds >> kind & 1) != 0 ? &r->tokens[r->first[kind]] : NULL;
}

/* The next token of the same kind, or NULL. */
static inline const struct token *
record_next(const struct record *r, const struct token *t)
{
	return t->next != TOKEN_NONE ? &r->tokens[t->next] : NULL;
}

static inline const struct token *
record_last(const struct record *r, enum token_kind kind)
{
	return (r->kinds >> kind & 1) != 0 ? &r->tokens[r->last[kind]] : NULL;
}

static inline uint32_t
record_number(const struct record *r, enum token_kind kind)
{
	return (r->kinds >> kind & 1) != 0 ? r->number[kind] : 0;
}

/* Appends what is wrong with it, in words, reasons parted by "; "; nothing when it is whole. */
void record_damage_text(const struct record *r, struct buf *out);

#endif
