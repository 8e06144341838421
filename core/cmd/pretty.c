/* pretty: indents JSON that is known to be right, without reading it as values. */
#include "cmd/pretty.h"

static void
new_line(struct buf *out, unsigned depth)
{
	buf_byte(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_append(out, "  ", 2);
}

/* Appends the text that begins at i, quotes included; returns the index behind it. */
static size_t
copy_text(struct str json, size_t i, struct buf *out)
{
	size_t from = i++;

	while (i < json.len && json.at[i] != '"')
		i += json.at[i] == '\\' ? 2 : 1;
	i = i < json.len ? i + 1 : json.len;
	buf_append(out, json.at + from, i - from);
	return i;
}

void
pretty_print(struct str json, struct buf *out)
{
	unsigned depth = 0;

	for (size_t i = 0; i < json.len;) {
		char c = json.at[i];

		if (c == '"') {
			i = copy_text(json, i, out);
			continue;
		}
		i++;
		if ((c == '{' || c == '[') && i < json.len && json.at[i] != '}' &&
		    json.at[i] != ']') {
			buf_byte(out, c);
			new_line(out, ++depth);
		} else if ((c == '}' || c == ']') && i >= 2 && json.at[i - 2] != '{' &&
			   json.at[i - 2] != '[') {
			new_line(out, --depth);
			buf_byte(out, c);
		} else if (c == ',') {
			buf_byte(out, c);
			new_line(out, depth);
		} else {
			buf_byte(out, c);
			if (c == ':')
				buf_byte(out, ' ');
		}
	}
	buf_byte(out, '\n');
}
