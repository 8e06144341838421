/* header: the header of a record, and the file tokens between records. */
#include "bsm/cursor.h"

enum header_status
header_read(const uint8_t *bytes, size_t len, struct header *out)
{
	struct cursor c = { bytes, len, false };
	bool wide;

	*out = (struct header){ 0 };
	if (len == 0)
		return HEADER_CUT;
	out->id = take8(&c);
	if (!header_is_id(out->id))
		return HEADER_FOREIGN;
	wide = out->id >= 0x74;
	out->length = take32(&c);
	out->version = take8(&c);
	out->event = take16(&c);
	out->modifier = take16(&c);
	if ((out->id == 0x15 || out->id == 0x79) && !take_typed_addr(&c, &out->host))
		return HEADER_ODD;
	out->seconds = wide ? (int64_t)take64(&c) : (int64_t)take32(&c);
	out->fraction = wide ? take64(&c) : take32(&c);
	out->size = (uint32_t)(c.at - bytes);
	return c.cut ? HEADER_CUT : HEADER_READY;
}

enum token_status
file_token_read(const uint8_t *bytes, size_t len, struct file_token *out)
{
	struct cursor c = { bytes, len, false };
	bool wide;

	*out = (struct file_token){ 0 };
	if (len == 0)
		return TOKEN_CUT;
	out->id = take8(&c);
	if (out->id != 0x11 && out->id != 0x78)
		return TOKEN_UNKNOWN;
	wide = out->id == 0x78;
	out->seconds = wide ? (int64_t)take64(&c) : (int64_t)take32(&c);
	out->fraction = wide ? take64(&c) : take32(&c);
	out->name = take_text(&c);
	out->size = (uint32_t)(c.at - bytes);
	return c.cut ? TOKEN_CUT : TOKEN_READY;
}
