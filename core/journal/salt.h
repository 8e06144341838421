/* salt: random numbers that a sender cannot guess. */
#ifndef JOURNAL_SALT_H
#define JOURNAL_SALT_H

#include <stdint.h>

/* Never 0. */
uint32_t salt_new(void);

#endif
