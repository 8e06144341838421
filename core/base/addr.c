/* addr: addresses to text as RFC 5952 spells them, and membership of networks. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

size_t
addr_text4(const uint8_t bytes[4], char out[ADDR_TEXT_SIZE])
{
	char *p = out;

	for (int i = 0; i < 4; i++) {
		unsigned v = bytes[i];

		if (v >= 100)
			*p++ = (char)('0' + v / 100);
		if (v >= 10)
			*p++ = (char)('0' + v / 10 % 10);
		*p++ = (char)('0' + v % 10);
		*p++ = '.';
	}
	*--p = '\0';
	return (size_t)(p - out);
}

/* The first longest run of two or more zero groups; its length, 0 when there is none. */
static int
zero_run(const uint8_t bytes[16], int *start)
{
	int best = 1, run = 0;

	*start = -1;
	for (int i = 0; i < 8; i++) {
		run = bytes[2 * i] == 0 && bytes[2 * i + 1] == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*start = i - run + 1;
		}
	}
	return *start < 0 ? 0 : best;
}

/* A group of an IPv6 address in hex, without leading zeros. */
static char *
put_group(char *p, unsigned group)
{
	static const char hex[] = "0123456789abcdef";

	for (int shift = 12; shift > 0; shift -= 4)
		if (group >> shift != 0)
			*p++ = hex[group >> shift & 15];
	*p++ = hex[group & 15];
	return p;
}

size_t
addr_text16(const uint8_t bytes[16], char out[ADDR_TEXT_SIZE])
{
	int start, run;
	char *p = out;

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return addr_text4(bytes + 12, out);
	run = zero_run(bytes, &start);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			*p++ = ':';
			*p++ = ':';
			i += run - 1;
			continue;
		}
		if (p > out && p[-1] != ':')
			*p++ = ':';
		p = put_group(p, (unsigned)(bytes[2 * i] << 8 | bytes[2 * i + 1]));
	}
	*p = '\0';
	return (size_t)(p - out);
}

size_t
addr_text_sock(const struct sockaddr *sa, char out[ADDR_TEXT_SIZE])
{
	if (sa->sa_family == AF_INET)
		return addr_text4(
		    (const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr,
		    out);
	if (sa->sa_family == AF_INET6)
		return addr_text16(
		    ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr, out);
	strcpy(out, "?");
	return 1;
}

struct err *
addr_net_parse(const char *text, struct addr_net *out)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned base = 0, most;
	char address[ADDR_TEXT_SIZE], *end;
	unsigned long bits;

	if (len >= sizeof(address))
		return err_new("\"%s\" is not an address or network", text);
	memcpy(address, text, len);
	address[len] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, address, out->bytes) == 1)
		most = 128;
	else if (inet_pton(AF_INET, address, out->bytes + 12) == 1) {
		memcpy(out->bytes, mapped, sizeof(mapped));
		base = 96;
		most = 32;
	} else
		return err_new("\"%s\" is not an address or network", text);
	bits = most;
	if (slash != NULL) {
		bits = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits > most)
			return err_new(
			    "\"%s\": the part behind the slash goes from 0 to %u", text, most);
	}
	out->bits = base + (unsigned)bits;
	return NULL;
}

bool
addr_net_has(const struct addr_net *net, const struct sockaddr *sa)
{
	uint8_t bytes[16];
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (sa->sa_family == AF_INET) {
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6)
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	else
		return false;
	if (memcmp(bytes, net->bytes, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ net->bytes[whole]) >> (8 - rest)) == 0;
}

bool
addr_is_loopback(struct str host)
{
	static const char name[] = ".localhost";
	size_t len = sizeof(name) - 1;

	if (host.len >= 4 && memcmp(host.at, "127.", 4) == 0) {
		/* A name that begins with 127. but is no address is not this machine. */
		for (size_t i = 4; i < host.len; i++)
			if (strchr("0123456789.", host.at[i]) == NULL || host.at[i] == '\0')
				return false;
		return true;
	}
	if (host.len == len - 1)
		return strncasecmp(host.at, name + 1, len - 1) == 0;
	return str_equal(host, STR("[::1]")) ||
	       (host.len > len && strncasecmp(host.at + host.len - len, name, len) == 0);
}
