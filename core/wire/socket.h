/*
 * socket: what we ask of the system's sockets; what only one system has is behind a function
 * here.
 */
#ifndef WIRE_SOCKET_H
#define WIRE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

/* Solaris and older illumos have no such flag: a program that writes to peers ignores SIGPIPE. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

struct addrinfo;

/*
 * A listening socket, non-blocking, for one address; port (host order) instead of the one in ai
 * when it is not 0.
 */
struct err *socket_listen(int *out, const struct addrinfo *ai, uint16_t port) MUST_USE;
/* The port that a socket is bound to. */
uint16_t socket_port(int fd);
/* Bytes that nobody has read; 0 when the system does not say. */
size_t socket_unread(int fd);
/* Are there any? */
bool socket_has_unread(int fd);
/*
 * Settings of a connection: no delay, and a keep-alive that outlasts the peer's own patience.
 * Faults do not matter.
 */
void socket_tune(int fd);
/* Soon finds out whether the other end of a connection is still there. Faults do not matter. */
void socket_doubt(int fd);
/*
 * Asks for the peer's bytes to be confirmed at once; the system forgets it soon, so it is said
 * after each read.
 */
void socket_quick_ack(int fd);

#endif
