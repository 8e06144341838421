/* salt: random, or at least another one each time. */
#include "journal/salt.h"

#include <unistd.h>
#ifdef __sun
#include <sys/random.h>
#endif

#include "base/clock.h"

uint32_t
salt_new(void)
{
	uint32_t salt = 0;

	/* Without any, what is left is a number that is at least another one each time. */
	if (getentropy(&salt, sizeof(salt)) != 0 || salt == 0)
		salt = (uint32_t)clock_now() | 1;
	return salt;
}
