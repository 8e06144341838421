/* csv: cells as they stand in the text; only quoted ones are copied. */
#include "lookup/csv.h"

void
csv_init(struct csv *c, struct str text)
{
	c->at = text.at;
	c->end = text.at + text.len;
	c->line = 1;
	c->in_row = false;
	if (text.len >= 3 && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0)
		c->at += 3;
}

/* Behind a cell: a comma, or the end of the row. */
static enum csv_status
finish_cell(struct csv *c)
{
	if (c->at < c->end && *c->at == ',') {
		c->at++;
		c->in_row = true;
		return CSV_CELL;
	}
	if (c->at < c->end && *c->at == '\r')
		c->at++;
	if (c->at < c->end) {
		if (*c->at != '\n')
			return CSV_BAD;
		c->at++;
	}
	c->line++;
	c->in_row = false;
	return CSV_LAST;
}

static enum csv_status
quoted_cell(struct csv *c, struct buf *room, struct str *out)
{
	buf_cut(room, 0);
	c->at++;
	for (;;) {
		const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));

		if (quote == NULL)
			return CSV_BAD;
		for (const char *p = c->at; p < quote; p++)
			c->line += *p == '\n';
		buf_append(room, c->at, (size_t)(quote - c->at));
		c->at = quote + 1;
		if (c->at == c->end || *c->at != '"')
			break;
		buf_byte(room, '"');
		c->at++;
	}
	if (buf_failed(room))
		return CSV_BAD;
	*out = buf_view(room);
	return finish_cell(c);
}

enum csv_status
csv_next(struct csv *c, struct buf *room, struct str *out)
{
	const char *from;

	while (!c->in_row && c->at < c->end && (*c->at == '\n' || *c->at == '\r')) {
		c->line += *c->at == '\n';
		c->at++;
	}
	if (c->at == c->end && !c->in_row)
		return CSV_END;
	if (c->at < c->end && *c->at == '"')
		return quoted_cell(c, room, out);
	from = c->at;
	while (c->at < c->end && *c->at != ',' && *c->at != '\n' && *c->at != '\r')
		c->at++;
	*out = (struct str){ from, (size_t)(c->at - from) };
	return finish_cell(c);
}
