/* addr: network addresses as text, and lists of networks. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define ADDR_TEXT_SIZE 48 /* room for any address made here, NUL included */

struct sockaddr;

/* "192.0.2.1" from four bytes in network order; returns the length. */
size_t addr_text4(const uint8_t bytes[4], char out[ADDR_TEXT_SIZE]);
/* The form of RFC 5952 from sixteen bytes; an IPv4-mapped address in its IPv4 form. */
size_t addr_text16(const uint8_t bytes[16], char out[ADDR_TEXT_SIZE]);
/* Of an IPv4 or IPv6 socket address, without port and zone; "?" of any other. */
size_t addr_text_sock(const struct sockaddr *sa, char out[ADDR_TEXT_SIZE]);

/* A network: the first `bits` bits of an address; IPv4 is kept in its IPv4-mapped form. */
struct addr_net {
	uint8_t bytes[16];
	unsigned bits;
};

/* Reads "192.0.2.0/24", "2001:db8::/32" or one address; the reason names the text. */
struct err *addr_net_parse(const char *text, struct addr_net *out) MUST_USE;
bool addr_net_has(const struct addr_net *net, const struct sockaddr *sa);

/* Is the host of a URL this machine: an address like 127.0.0.1, [::1], or localhost? */
bool addr_is_loopback(struct str host);

#endif
