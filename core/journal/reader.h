/* reader: a journal_reader on another storage, for specs. */
#ifndef JOURNAL_READER_H
#define JOURNAL_READER_H

#include "journal/journal_read.h"
#include "journal/storage.h"

struct err *journal_reader_open_on(
    struct journal_reader **out, const struct storage *storage, const char *directory) MUST_USE;
struct err *journal_forget_on(const struct storage *storage, const char *directory,
    const uint64_t *numbers, size_t count) MUST_USE;

#endif
