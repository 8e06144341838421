/* Settings as text: those in force, and the sample with the help of each. */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/settings.h"

static void
indent(struct buf *out, int depth, const char *mark)
{
	for (int i = 0; i < depth; i++)
		buf_byte(out, '\t');
	buf_str(out, str_of(mark));
}

static void
put_text(struct buf *out, const char *text)
{
	buf_byte(out, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ')
			buf_printf(out, "\\%03u", c);
		else
			buf_byte(out, (char)c);
	}
	buf_byte(out, '"');
}

static void put_table(struct buf *out, const struct setting *table, const void *base, int depth);

static void
put_elements(struct buf *out, const struct setting *def, const void *base, int depth)
{
	const char *elements = *(const char *const *)((const char *)base + def->offset);
	size_t count = *(const size_t *)(const void *)((const char *)base + def->count_offset);

	buf_append(out, "{\n", 2);
	for (size_t i = 0; i < count; i++) {
		indent(out, depth + 1, "{\n");
		put_table(out, def->inner, elements + i * def->inner_size, depth + 2);
		indent(out, depth + 1, "},\n");
	}
	indent(out, depth, "}");
}

static void
put_value(struct buf *out, const struct setting *def, const void *base, int depth)
{
	const void *at = (const char *)base + def->offset;
	const struct settings_list *list = at;

	switch (def->type) {
	case SETTING_BOOL: buf_str(out, str_of(*(const bool *)at ? "true" : "false")); break;
	case SETTING_SWITCH:
		buf_str(out, str_of(*(const int64_t *)at != 0 ? "true" : "false"));
		break;
	case SETTING_INTEGER: buf_printf(out, "%" PRId64, *(const int64_t *)at); break;
	case SETTING_SECONDS: buf_printf(out, "%.15g", *(const double *)at); break;
	case SETTING_TEXT:
	case SETTING_CHOICE: put_text(out, *(const char *const *)at); break;
	case SETTING_TEXT_LIST:
		buf_byte(out, '{');
		for (size_t i = 0; i < list->count; i++) {
			buf_str(out, str_of(i == 0 ? " " : ", "));
			put_text(out, list->items[i]);
		}
		buf_str(out, str_of(list->count > 0 ? " }" : "}"));
		break;
	case SETTING_TABLE:
		buf_append(out, "{\n", 2);
		put_table(out, def->inner, base, depth + 1);
		indent(out, depth, "}");
		break;
	case SETTING_TABLE_LIST: put_elements(out, def, base, depth); break;
	}
}

/* Is it a setting without default that nobody has set? */
static bool
is_unset(const struct setting *def, const void *base)
{
	const void *at = (const char *)base + def->offset;

	switch (def->type) {
	case SETTING_TEXT:
	case SETTING_CHOICE: return *(const char *const *)at == NULL;
	case SETTING_TEXT_LIST: return ((const struct settings_list *)at)->items == NULL;
	case SETTING_SWITCH:
	case SETTING_INTEGER:
		return def->initial == NULL && *(const int64_t *)at == SETTINGS_NOT_SET;
	case SETTING_BOOL:
	case SETTING_SECONDS:
	case SETTING_TABLE:
	case SETTING_TABLE_LIST: break;
	}
	return false;
}

static void
put_table(struct buf *out, const struct setting *table, const void *base, int depth)
{
	for (; table->name != NULL; table++) {
		if (is_unset(table, base))
			continue;
		indent(out, depth, table->name);
		buf_append(out, " = ", 3);
		put_value(out, table, base, depth);
		buf_append(out, ",\n", 2);
	}
}

void
settings_print(const struct settings *s, struct buf *out)
{
	buf_append(out, "return {\n", 9);
	put_table(out, settings_schema, s, 1);
	buf_append(out, "}\n", 2);
}

/*
 * Where a line of the sample stands. What a list of tables holds that has no elements is commented
 * out as a whole.
 */
struct place {
	int depth;
	int out_from; /* the depth at which a comment began that goes on; 0: none */
};

static void
begin_line(struct buf *out, struct place at, const char *mark)
{
	if (at.out_from == 0) {
		indent(out, at.depth, mark);
		return;
	}
	indent(out, at.out_from, "--");
	indent(out, at.depth - at.out_from, mark);
}

/* A comment of many lines of at most some 96 columns. */
static void
put_help(struct buf *out, struct place at, const char *help)
{
	size_t column = 1000;

	while (*help != '\0') {
		size_t word = 0;

		while (help[word] != '\0' && help[word] != ' ')
			word++;
		if (column + word + 1 > 96 - 8 * (size_t)at.depth) {
			if (column != 1000)
				buf_byte(out, '\n');
			begin_line(out, at, "--");
			column = 2;
		}
		buf_byte(out, ' ');
		buf_append(out, help, word);
		column += word + 1;
		help += word + (help[word] == ' ');
	}
	buf_byte(out, '\n');
}

/* A bound of a number; whole KiB and more are those of bytes, which read better so. */
static void
put_bound(char *out, size_t size, const struct setting *def, double bound)
{
	static const char *const units[] = { "", " KiB", " MiB", " GiB", " TiB" };
	size_t unit = 0;

	if (def->type == SETTING_INTEGER)
		while (bound >= 1024 && (int64_t)bound % 1024 == 0 && unit + 1 < ARRAY_LEN(units)) {
			bound /= 1024;
			unit++;
		}
	snprintf(out, size, "%.15g%s", bound, units[unit]);
}

/* What may stand there, where the default does not tell. */
static void
put_range(struct buf *out, const struct setting *def, struct place at)
{
	char text[512], least[48], most[48];
	size_t n;

	if (def->type == SETTING_INTEGER || def->type == SETTING_SECONDS) {
		put_bound(least, sizeof(least), def, def->least);
		put_bound(most, sizeof(most), def, def->most);
		snprintf(text, sizeof(text), "From %s to %s%s.", least, most,
		    def->type == SETTING_SECONDS ? " seconds" : "");
		put_help(out, at, text);
	} else if (def->type == SETTING_SWITCH)
		put_help(out, at, "True or false.");
	else if (def->type == SETTING_TEXT_LIST && def->initial == NULL)
		put_help(out, at, "A list of texts.");
	else if (def->choices != NULL) {
		n = (size_t)snprintf(text, sizeof(text), "One of");
		for (const char *const *c = def->choices; *c != NULL && n < sizeof(text); c++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s \"%s\"%s",
			    c == def->choices ? "" : ",", *c, c[1] == NULL ? "." : "");
		put_help(out, at, text);
	}
}

static void sample_table(struct buf *out, const struct setting *table, struct place at);

static void
sample_inner(struct buf *out, const struct setting *def, struct place at)
{
	bool list = def->type == SETTING_TABLE_LIST, empty = list && def->initial != NULL;
	struct place inner = { at.depth + 1, at.out_from };

	if (empty)
		inner.out_from = at.depth;
	begin_line(out, at, empty ? "-- " : "");
	buf_printf(out, "%s = {%s\n", def->name, list ? " {" : "");
	sample_table(out, def->inner, inner);
	begin_line(out, at, empty ? "-- " : "");
	buf_str(out, str_of(list ? "} },\n" : "},\n"));
}

static void
sample_table(struct buf *out, const struct setting *table, struct place at)
{
	for (const struct setting *def = table; def->name != NULL; def++) {
		if (def != table) {
			if (at.out_from > 0)
				indent(out, at.out_from, "--");
			buf_byte(out, '\n');
		}
		put_help(out, at, def->help);
		put_range(out, def, at);
		if (def->inner != NULL)
			sample_inner(out, def, at);
		else {
			begin_line(out, at, "-- ");
			buf_printf(out, "%s = %s,\n", def->name,
			    def->initial != NULL ? def->initial : "nil");
		}
	}
}

void
settings_sample(struct buf *out)
{
	buf_str(out,
	    str_of(
		"-- Settings of auditrecv: data, no code. What is commented out shows the "
		"default.\n"
		"-- `auditrecv check -c FILE` tells what is wrong and prints what is in force.\n\n"
		"return {\n"));
	sample_table(out, settings_schema, (struct place){ 1, 0 });
	buf_append(out, "}\n", 2);
}
