/*
 * admission: who may send, and into which group he comes: the lists of principals and addresses of
 * all listeners and groups. A value made from settings, exchanged as a whole.
 */
#ifndef DAEMON_ADMISSION_H
#define DAEMON_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "daemon/principal.h"

struct admission;
struct settings;

#define ADMISSION_DEFAULT SIZE_MAX /* admitted, and in none of the groups of the settings */

/*
 * Checks and copies the lists; errors begin with the path of the setting. running: the settings by
 * which we listen; a listener that has changed since then admits nobody but who is in a group.
 */
struct err *admission_new(
    struct admission **out, const struct settings *s, const struct settings *running) MUST_USE;
/* NULL is fine. */
void admission_free(struct admission *a);
/*
 * The group of a principal that asks at a listener (counted from 0), as its place in the settings;
 * false when nobody has allowed it.
 */
bool admission_of_principal(
    const struct admission *a, size_t listener, const struct principal *p, size_t *group) MUST_USE;
/* The group of an address, which a listener has allowed. */
size_t admission_of_address(const struct admission *a, const char *address);

#endif
