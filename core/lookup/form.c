/* form: uuids, addresses and plain texts, checked and made uniform. */
#include "lookup/form.h"

#include <arpa/inet.h>

#include "base/utf8.h"

bool
form_named(struct str name, enum form *out)
{
	static const char *const names[] = { "uuid", "address", "text" };

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (str_equal(name, str_of(names[i]))) {
			*out = (enum form)i;
			return true;
		}
	return false;
}

static bool
is_uuid(struct str key)
{
	static const unsigned char hex[256] = { ['0'] = 1,
		['1'] = 1,
		['2'] = 1,
		['3'] = 1,
		['4'] = 1,
		['5'] = 1,
		['6'] = 1,
		['7'] = 1,
		['8'] = 1,
		['9'] = 1,
		['a'] = 1,
		['b'] = 1,
		['c'] = 1,
		['d'] = 1,
		['e'] = 1,
		['f'] = 1 };
	unsigned good = 0;

	if (key.len != 36 || key.at[8] != '-' || key.at[13] != '-' || key.at[18] != '-' ||
	    key.at[23] != '-')
		return false;
	for (size_t i = 0; i < 36; i++)
		good += hex[(unsigned char)key.at[i]];
	return good == 32;
}

static bool
is_address(struct str *key, char room[ADDR_TEXT_SIZE])
{
	uint8_t bytes[16];

	if (key->len == 0 || key->len >= ADDR_TEXT_SIZE || memchr(key->at, '\0', key->len) != NULL)
		return false;
	memcpy(room, key->at, key->len);
	room[key->len] = '\0';
	if (inet_pton(AF_INET, room, bytes) == 1)
		return true;
	if (inet_pton(AF_INET6, room, bytes) != 1)
		return false;
	key->len = addr_text16(bytes, room);
	key->at = room;
	return true;
}

static bool
is_text(struct str key)
{
	if (key.len == 0 || key.len > FORM_KEY_MOST)
		return false;
	/* A URL's path would be another one with these steps in it, however they are written. */
	if (str_equal(key, STR(".")) || str_equal(key, STR("..")))
		return false;
	for (size_t i = 0; i < key.len; i++)
		if ((unsigned char)key.at[i] < 0x20 || key.at[i] == 0x7F)
			return false;
	return utf8_valid(key.at, key.len);
}

bool
form_check(enum form form, struct str *key, char room[ADDR_TEXT_SIZE])
{
	switch (form) {
	case FORM_UUID: return is_uuid(*key);
	case FORM_ADDRESS: return is_address(key, room);
	case FORM_TEXT: return is_text(*key);
	}
	return false;
}

void
form_escape(struct buf *out, struct str text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '_' || c == '~' || c == '-')
			buf_byte(out, (char)c);
		else {
			buf_byte(out, '%');
			buf_byte(out, hex[c >> 4]);
			buf_byte(out, hex[c & 15]);
		}
	}
}
