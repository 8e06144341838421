/* template: those that are built in, made up for a server, and compared with what it has. */
#include "output/template.h"

#include "base/json.h"
#include "base/jsonread.h"

static const char *const family_names[] = { "unknown", "elasticsearch", "opensearch",
	"opensearch-1" };

const char *
template_family_name(enum server_family family)
{
	return family_names[family];
}

enum server_family
template_family_named(const char *name)
{
	for (size_t i = 1; i < ARRAY_LEN(family_names); i++)
		if (strcmp(name, family_names[i]) == 0)
			return (enum server_family)i;
	return SERVER_UNKNOWN;
}

static struct str
shipped(enum server_family family)
{
	switch (family) {
	case SERVER_ELASTICSEARCH: return template_elasticsearch;
	case SERVER_OPENSEARCH: return template_opensearch;
	case SERVER_OPENSEARCH_1: return template_opensearch_1;
	case SERVER_UNKNOWN: break;
	}
	return STR("");
}

bool
template_render(struct buf *out, enum server_family family, const char *pattern)
{
	struct str text = shipped(family);
	struct jsonread r;

	if (pattern == NULL) {
		buf_str(out, text);
		return text.len > 0 && !buf_failed(out);
	}
	jsonread_init(&r, text);
	if (jsonread_next(&r) != JSONREAD_OBJECT)
		return false;
	while (jsonread_next(&r) == JSONREAD_KEY) {
		bool is_pattern = jsonread_is(&r, STR("index_patterns"));
		struct json j;

		if (!jsonread_skip(&r))
			return false;
		if (!is_pattern)
			continue;
		buf_append(out, text.at, (size_t)(r.text.at - text.at));
		json_init(&j, out);
		json_open(&j, '[');
		json_text(&j, pattern, strlen(pattern));
		json_close(&j, ']');
		buf_append(out, r.at, (size_t)(r.end - r.at));
		return !buf_failed(out);
	}
	return false;
}

/* ---- what a server has ---- */

/* Steps to the value of a member of the object that comes next; false: there is none. */
static bool
enter(struct jsonread *r, const char *member)
{
	if (jsonread_next(r) != JSONREAD_OBJECT)
		return false;
	while (jsonread_next(r) == JSONREAD_KEY) {
		if (jsonread_is(r, str_of(member)))
			return true;
		if (!jsonread_skip(r))
			return false;
	}
	return false;
}

/* The value at the end of a way of members; empty: there is none. */
static struct str
value_at(struct str json, const char *first, const char *second)
{
	struct jsonread r;

	jsonread_init(&r, json);
	if (!enter(&r, first) || (second != NULL && !enter(&r, second)) || !jsonread_skip(&r))
		return STR("");
	return r.text;
}

/*
 * The text or number at r.text, without quotes: servers give numbers back as texts in some
 * places.
 */
static struct str
bare(struct str value)
{
	if (value.len >= 2 && value.at[0] == '"')
		return (struct str){ value.at + 1, value.len - 2 };
	return value;
}

static bool
has_pattern(struct str patterns, const char *pattern)
{
	struct jsonread r;
	enum jsonread_token token;

	jsonread_init(&r, patterns);
	while ((token = jsonread_next(&r)) != JSONREAD_BAD && token != JSONREAD_END)
		if (token == JSONREAD_TEXT && jsonread_is(&r, str_of(pattern)))
			return true;
	return false;
}

enum template_state
template_compare(unsigned status, struct str answer, enum server_family family, const char *pattern)
{
	struct str ours = shipped(family), template;
	struct jsonread r;

	if (status == 404)
		return TEMPLATE_MISSING;
	if (status != 200)
		return TEMPLATE_UNKNOWN;
	jsonread_init(&r, answer);
	if (!enter(&r, "index_templates") || jsonread_next(&r) != JSONREAD_ARRAY)
		return TEMPLATE_UNKNOWN;
	if (!enter(&r, "index_template"))
		return TEMPLATE_MISSING;
	if (!jsonread_skip(&r))
		return TEMPLATE_UNKNOWN;
	template = r.text;
	if (!str_equal(bare(value_at(template, "_meta", "product")), STR("auditrecv")))
		return TEMPLATE_FOREIGN;
	if (!str_equal(
		bare(value_at(template, "version", NULL)), bare(value_at(ours, "version", NULL))))
		return TEMPLATE_OLD;
	if (pattern != NULL && !has_pattern(value_at(template, "index_patterns", NULL), pattern))
		return TEMPLATE_PATTERN;
	return TEMPLATE_FINE;
}

bool
template_in_force(unsigned status, struct str answer)
{
	struct jsonread r;
	enum jsonread_token token;
	bool product = false;

	if (status != 200)
		return true;
	jsonread_init(&r, answer);
	if (!enter(&r, "template") || !jsonread_skip(&r))
		return true;
	/* Where servers put _meta differs; nobody else's mapping names our product. */
	jsonread_init(&r, r.text);
	while ((token = jsonread_next(&r)) != JSONREAD_BAD && token != JSONREAD_END) {
		if (product && token == JSONREAD_TEXT && jsonread_is(&r, STR("auditrecv")))
			return true;
		product = token == JSONREAD_KEY && jsonread_is(&r, STR("product"));
	}
	return false;
}

const char *
template_state_text(enum template_state state)
{
	switch (state) {
	case TEMPLATE_FINE: return "our index template is installed";
	case TEMPLATE_MISSING:
		return "our index template is not installed: run `auditrecv template install`";
	case TEMPLATE_FOREIGN:
		return "an index template of that name is there, but it is not ours: "
		       "choose another template_name, or run `auditrecv template install` to replace it";
	case TEMPLATE_OLD:
		return "our index template is there in another version: run `auditrecv template install`";
	case TEMPLATE_PATTERN:
		return "our index template is there, but for other indices: run `auditrecv template install`";
	case TEMPLATE_OVERRULED:
		return "our index template is there, but another one of higher priority is in force "
		       "for its indices: lower that one's priority or narrow its pattern";
	case TEMPLATE_UNKNOWN: break;
	}
	return "the server did not tell what index template it has (the right manage_index_templates is needed)";
}
