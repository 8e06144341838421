/* keys: the texts of all keys, in the order of enum key. */
#include "bsm/keys.h"

const struct str key_names[KEYS] = {
#define KEY_NAME(name, text) [KEY_##name] = { text, sizeof(text) - 1 },
	FIELD_KEYS(KEY_NAME) INNER_KEYS(KEY_NAME)
#undef KEY_NAME
};
