/* writer_senders: the senders that stand in the newest segment, with their numbers there. */
#ifndef JOURNAL_WRITER_SENDERS_H
#define JOURNAL_WRITER_SENDERS_H

#include "journal/writer.h"

struct writer_sender {
	struct journal_sender sender; /* borrows from text */
	char *text;
	uint64_t hash;
	uint64_t written_at; /* offset in the file of late */
	uint16_t number;
};

/* The sender, which may be new to the segment. Valid until the next call; NULL and errno. */
struct writer_sender *writer_senders_find(
    struct writer *w, struct pending_sender *sender, bool *is_new) MUST_USE;
void writer_senders_clear(struct writer *w);
void writer_senders_fini(struct writer *w);

#endif
