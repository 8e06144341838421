/*
 * format: the bytes of a segment, as etc/doc/journal.md describes them. Pure.
 *
 * A segment is a header and entries behind each other. Each entry has a head of fixed size with a
 * checksum of its own, so that the next one is found behind damage, and a body with another. All
 * checksums are CRC32C; those of entries go on from the segment's salt, a random number, so that no
 * bytes that were sent to us, or that stood in another file before, pass for an entry.
 */
#ifndef JOURNAL_FORMAT_H
#define JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

#define FORMAT_VERSION     1
#define FORMAT_HEADER      256 /* two copies of 128 bytes */
#define FORMAT_HEAD        36  /* of an entry */
#define FORMAT_SENDERS_MAX 60000
#define FORMAT_NAME_SIZE   48 /* room for the name of a segment's file */

struct format_header {
	uint32_t size;    /* entries begin there */
	uint32_t attempt; /* the higher one counts where two segments have the same first */
	uint64_t first;   /* number of its first entry */
	int64_t created;  /* nanoseconds since 1970 */
	uint64_t cursor;  /* where it stood then */
	/* The segment before this one, when there was one, and its bytes that count; else 0. */
	uint64_t previous_first, previous_end;
	uint32_t previous_attempt;
	uint32_t salt;
};

enum format_status {
	FORMAT_OK,
	FORMAT_BAD,
	FORMAT_NEWER, /* of a version that is not known here; only first and attempt are set */
};

enum format_kind {
	FORMAT_SENDER = 1,
	FORMAT_RECORD = 2,
};

enum format_flag {
	FORMAT_FULL = 1, /* the body begins with the size of the whole record */
	FORMAT_NOTE = 2, /* then comes the length of the note, which stands at the body's end */
};

struct format_head {
	uint32_t body_check;
	uint32_t length; /* of the body */
	uint8_t kind, flags;
	uint16_t sender;   /* of a record: whose; of a sender: its number in this segment */
	uint32_t relative; /* number of the entry, from the segment's first */
	uint64_t sequence;
	int64_t received;
};

void format_put_header(uint8_t out[FORMAT_HEADER], const struct format_header *h);
enum format_status format_get_header(
    const uint8_t *in, size_t len, struct format_header *out) MUST_USE;

/* Writes a head; its body_check is given. */
void format_put_head(uint8_t out[FORMAT_HEAD], uint32_t salt, const struct format_head *h);
/* False: there is no head. in has FORMAT_HEAD bytes. */
bool format_get_head(const uint8_t *in, uint32_t salt, struct format_head *out) MUST_USE;

/* Bytes of a sender's body. */
size_t format_sender_size(const struct journal_sender *s);
void format_put_sender(uint8_t *out, const struct journal_sender *s);
/* The texts borrow from the body. */
bool format_get_sender(struct str body, struct journal_sender *out) MUST_USE;

/* Bytes of a record's body, and its flags. */
size_t format_record_size(const struct journal_entry *e, uint8_t *flags);
void format_put_record(uint8_t *out, const struct journal_entry *e, uint8_t flags);
/* Sets full_size, bytes and note, borrowed from the body. */
bool format_get_record(struct str body, uint8_t flags, struct journal_entry *out) MUST_USE;

/* The file's name. */
void format_name(uint64_t first, uint32_t attempt, char out[FORMAT_NAME_SIZE]);
/* Is it the name of a segment, perhaps one that is on its way to another name? */
bool format_is_name(const char *name);

#endif
