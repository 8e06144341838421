/*
 * terminal: what the port word of a subject or process says: a network login's ports, or a device.
 *
 * The word does not tell which; see terminal.c for how it is decided. Pure.
 */
#ifndef BSM_TERMINAL_H
#define BSM_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/record.h"

enum terminal_kind {
	TERMINAL_NONE,   /* nothing known */
	TERMINAL_LOGIN,  /* both ports */
	TERMINAL_PEER,   /* the remote port only: OpenBSM */
	TERMINAL_DEVICE, /* major and minor */
};

struct terminal {
	enum terminal_kind kind;
	bool guessed; /* a login that could be a device, too */
	uint32_t local_port, remote_port;
	uint32_t major, minor;
};

/* From the word as on the wire, 64 bits of it if wide. */
struct terminal terminal_of(uint64_t port, bool wide, bool openbsm, const struct dialect *d);

#endif
