/* fault: takes the quotes out of Lua's messages. */
#include "script/fault.h"

#include <ctype.h>
#include <string.h>

#define FAULT_MOST 300 /* bytes of a message that are kept */

/* The length of "file.lua:7: " at the start, or 0. */
static size_t
place_length(const char *message)
{
	const char *colon = strstr(message, ".lua:"), *end;

	if (colon == NULL)
		return 0;
	end = colon + 5;
	while (isdigit((unsigned char)*end))
		end++;
	if (end == colon + 5 || end[0] != ':' || end[1] != ' ')
		return 0;
	for (const char *p = message; p < colon; p++)
		if (isspace((unsigned char)*p))
			return 0;
	return (size_t)(end + 2 - message);
}

/* Is what stands between two quotes a name of the program's, like 'doc' or 'string'? */
static bool
is_name(const char *at, const char *end)
{
	if (end - at > 40)
		return false;
	for (; at < end; at++)
		if (!isalnum((unsigned char)*at) && strchr("_.?:", *at) == NULL)
			return false;
	return true;
}

static void
add_unquoted(struct buf *out, const char *text)
{
	const char *end;

	for (; *text != '\0'; text++) {
		buf_byte(out, *text);
		if (*text != '\'' && *text != '"')
			continue;
		if ((end = strchr(text + 1, *text)) == NULL) {
			buf_append(out, "…", strlen("…"));
			return;
		}
		if (is_name(text + 1, end))
			buf_append(out, text + 1, (size_t)(end - text - 1));
		else
			buf_append(out, "…", strlen("…"));
		buf_byte(out, *end);
		text = end;
	}
}

void
fault_text(struct buf *out, const char *message, bool own_words)
{
	size_t place = message != NULL ? place_length(message) : 0;

	buf_cut(out, 0);
	if (message == NULL)
		buf_str(out, STR("it raised an error that is no text"));
	else {
		buf_append(out, message, place);
		if (own_words)
			buf_str(out,
			    STR("it raised an error of its own (its words are logged at level debug)"));
		else
			add_unquoted(out, message + place);
	}
	if (out->len > FAULT_MOST)
		buf_cut(out, FAULT_MOST);
	buf_byte(out, '\0');
	if (!buf_failed(out))
		out->len--;
}
