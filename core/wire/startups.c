/* startups: random early drop, and when each address of late may come again. */
#include "wire/startups.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

#define MINUTE (INT64_C(60) * 1000 * 1000 * 1000)
#define SETS   512 /* of the table; a power of two */
#define WAYS   8   /* places that one address may stand in */

bool
startups_drop(unsigned logins, unsigned begin, unsigned rate, unsigned full, uint32_t random)
{
	uint64_t percent = rate;

	if (begin == 0 || logins < begin)
		return false;
	if (logins >= full)
		return true;
	percent = percent * (full - begin) + (uint64_t)(100 - rate) * (logins - begin);
	return (uint64_t)random * 100 * (full - begin) < percent << 32;
}

/* due: when all that it may still do has come back to it; in the past, it is as if never seen. */
struct place {
	uint8_t address[16];
	int64_t due;
};

struct arrivals {
	int64_t interval; /* between two that come evenly */
	uint32_t seed;
	struct place places[SETS][WAYS];
};

struct arrivals *
arrivals_new(unsigned most, uint32_t seed)
{
	struct arrivals *a = calloc(1, sizeof(*a));

	if (a != NULL) {
		a->interval = MINUTE / most;
		a->seed = seed;
		for (size_t s = 0; s < SETS; s++)
			for (size_t w = 0; w < WAYS; w++)
				a->places[s][w].due = INT64_MIN;
	}
	return a;
}

void
arrivals_free(struct arrivals *a)
{
	free(a);
}

static void
address_of(const struct sockaddr *sa, uint8_t out[16])
{
	memset(out, 0, 16);
	if (sa->sa_family == AF_INET) {
		out[15] = 4; /* no network of IPv6 begins like that and ends so */
		memcpy(out, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 8);
}

static struct place *
set_of(struct arrivals *a, const uint8_t address[16])
{
	uint64_t h = str_hash(STR_HASH ^ a->seed, (struct str){ (const char *)address, 16 });

	return a->places[(h ^ h >> 32) & (SETS - 1)];
}

bool
arrivals_admit(struct arrivals *a, const struct sockaddr *sa, int64_t now)
{
	uint8_t address[16];
	struct place *set, *at = NULL;
	int64_t due;

	address_of(sa, address);
	set = set_of(a, address);
	for (size_t i = 0; i < WAYS && at == NULL; i++)
		if (memcmp(set[i].address, address, sizeof(address)) == 0)
			at = &set[i];
	if (at == NULL) { /* the place of the one that came least of late */
		at = &set[0];
		for (size_t i = 1; i < WAYS; i++)
			if (set[i].due < at->due)
				at = &set[i];
		memcpy(at->address, address, sizeof(address));
		at->due = INT64_MIN;
	}
	due = (at->due > now ? at->due : now) + a->interval;
	if (due - now > MINUTE)
		return false;
	at->due = due;
	return true;
}
