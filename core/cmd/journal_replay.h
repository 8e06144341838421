/* journal_replay: what replaying dead letters shares with replaying records. Private to cmd. */
#ifndef CMD_JOURNAL_REPLAY_H
#define CMD_JOURNAL_REPLAY_H

#include "cmd/journal.h"

/*
 * Sends the documents of the selected entries to the output of the settings, waits for all answers,
 * and prints the sums. settled (NULL: nobody asks) is called with the number of each entry that was
 * stored, found there, dropped by a rule (stored: true), or refused (false).
 */
struct err *journal_replay_to(struct journal_command *c, bool overwrite,
    void (*settled)(void *ctx, uint64_t number, bool stored), void *ctx) MUST_USE;

#endif
