#include "daemon/identity.h"

#include "base/bytes.h"
#include "base/hash.h"

void
identity_make(const char *sender, uint64_t sequence, int64_t seconds, struct str record,
    char out[IDENTITY_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t digest[SHA256_SIZE];
	char number[8];
	struct str parts[3];

	put_be64(number, sequence);
	parts[0] = (struct str){ sender, strlen(sender) + 1 }; /* with its zero byte */
	parts[1] = (struct str){ number, sizeof(number) };
	parts[2] = record;
	hash_sha256(parts, 3, digest);
	for (int i = 0; i < 8; i++)
		out[i] = hex[(uint64_t)seconds >> (28 - 4 * i) & 15];
	hash_base64url(digest, 16, out + 8);
}
