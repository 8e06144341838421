/* identity: the digest of a record and its spelling as _id. */
#include "daemon/identity.h"

#include "base/bytes.h"
#include "base/hash.h"

void
identity_digest(
    const char *sender, uint64_t sequence, struct str record, uint8_t out[IDENTITY_DIGEST])
{
	uint8_t digest[SHA256_SIZE];
	char number[8];
	struct str parts[3];

	put_be64(number, sequence);
	parts[0] = (struct str){ sender, strlen(sender) + 1 }; /* with its zero byte */
	parts[1] = (struct str){ number, sizeof(number) };
	parts[2] = record;
	hash_sha256(parts, 3, digest);
	memcpy(out, digest, IDENTITY_DIGEST);
}

void
identity_make(const uint8_t digest[IDENTITY_DIGEST], int64_t seconds, char out[IDENTITY_SIZE])
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < 8; i++)
		out[i] = hex[(uint64_t)seconds >> (28 - 4 * i) & 15];
	hash_base64url(digest, IDENTITY_DIGEST, out + 8);
}
