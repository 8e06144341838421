/*
 * kerberos: the keys with which we accept kerberos_v5. Private to the room.
 *
 * The keys of the service `audit` are copied from the keytab file to memory, so a file that is being
 * written, or is not fit to be used, leaves those in use that were read before.
 */
#ifndef WIRE_KERBEROS_H
#define WIRE_KERBEROS_H

#include "base/err.h"

struct wire_kerberos;
struct kerberos_acceptor;

/* Reads the keytab. */
struct err *kerberos_acceptor_open(
    struct kerberos_acceptor **out, const struct wire_kerberos *config) MUST_USE;
/*
 * Reads the keytab again if the file has changed, and logs what came of it. In the loop; contexts
 * that are being made on other threads keep the keys that they began with.
 */
void kerberos_acceptor_refresh(struct kerberos_acceptor *a);
/* No accept_open() may run or follow. NULL is fine. */
void kerberos_acceptor_close(struct kerberos_acceptor *a);

#endif
