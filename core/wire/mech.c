/* mech: the table of mechanisms, and how a first token names one. */
#include "wire/mech.h"

#include "wire/der.h"

const struct mech *const mech_all[] = { &mech_dummy, &mech_kerberos, NULL };

const struct mech *
mech_named(const char *name)
{
	for (size_t i = 0; mech_all[i] != NULL; i++)
		if (strcmp(mech_all[i]->name, name) == 0)
			return mech_all[i];
	return NULL;
}

/*
 * RFC 2743 section 3.1: 60, length of the rest, 06, length of the OID, the OID, what the
 * mechanism likes.
 */
bool
mech_token_oid(struct str token, struct str *oid)
{
	uint32_t len;
	size_t used;

	if (token.len < 1 || (uint8_t)token.at[0] != 0x60)
		return false;
	token = (struct str){ token.at + 1, token.len - 1 };
	if (der_get_length(token, &len, &used) != DER_OK || len != token.len - used)
		return false;
	token = (struct str){ token.at + used, len };
	if (token.len < 1 || token.at[0] != 0x06)
		return false;
	token = (struct str){ token.at + 1, token.len - 1 };
	if (der_get_length(token, &len, &used) != DER_OK || len > token.len - used)
		return false;
	*oid = (struct str){ token.at + used, len };
	return true;
}
