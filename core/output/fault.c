/* fault: types, statuses and wordings of servers, and whose fault each of them is. */
#include "output/fault.h"

#include "base/compiler.h"
#include "base/jsonread.h"

#define CAUSES_MOST 5     /* reasons looked at, along caused_by */
#define TYPE_MOST   64    /* bytes of a type */
#define REASON_MOST 16384 /* bytes of a reason that are looked at */

/* What an error says: its type, and its reasons one behind the other, decoded. */
struct error_text {
	struct buf *type;
	struct buf reasons;
	size_t ends[CAUSES_MOST];
	size_t count;
};

struct pattern {
	const char *before, *after;
};

/* In this order, on the reason and then along caused_by. */
static const struct pattern patterns[] = {
	{ "failed to parse field [", "] of type [" },
	{ "object mapping for [", "] tried to parse" },
	{ "mapper [", "] cannot be changed from type" },
	{ "non object mapping [", "] with an object" },
	{ "dynamically add mapping for field [", "]." },
	{ "immense term in field=\"", "\"" },
	{ "DocValuesField \"", "\" is too large" },
	{ "dynamic introduction of [", "] within [" },
	{ "due to object field [", "]" },
};
#define PATTERN_RACE   2
#define PATTERN_TERM   5
#define PATTERN_VALUES 6
#define PATTERN_STRICT 7

static struct str
reason_at(const struct error_text *t, size_t i)
{
	size_t from = i == 0 ? 0 : t->ends[i - 1];

	return (struct str){ t->reasons.at + from, t->ends[i] - from };
}

static const char *
find(struct str in, const char *what)
{
	return in.len == 0 ? NULL : memmem(in.at, in.len, what, strlen(what));
}

static bool
says(const struct error_text *t, const char *what)
{
	for (size_t i = 0; i < t->count; i++)
		if (find(reason_at(t, i), what) != NULL)
			return true;
	return false;
}

static bool
begins(const struct error_text *t, const char *what)
{
	struct str first = t->count > 0 ? reason_at(t, 0) : STR("");

	return first.len >= strlen(what) && memcmp(first.at, what, strlen(what)) == 0;
}

static bool
has_type(const struct error_text *t, const char *name)
{
	return str_equal(buf_view(t->type), str_of(name));
}

static void
take_type(struct error_text *t, struct str written)
{
	if (t->type->len > 0)
		return;
	for (size_t i = 0; i < written.len && i < TYPE_MOST; i++) {
		char c = written.at[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '_')
			buf_byte(t->type, c);
	}
}

static void
take_reason(struct error_text *t, struct str written)
{
	if (t->count == CAUSES_MOST)
		return;
	if (written.len > REASON_MOST)
		written.len = REASON_MOST;
	/*
	 * A form that is cut in the middle of an escape is decoded up to there, which is all that
	 * is asked.
	 */
	if (!jsonread_decode(&t->reasons, written) && buf_failed(&t->reasons))
		return;
	t->ends[t->count++] = t->reasons.len;
}

/* The text that begins at the quote where a cut-off error stopped being JSON. */
static void
take_cut_reason(struct error_text *t, const struct jsonread *r, bool is_reason)
{
	const char *p = r->at;

	if (is_reason && p < r->end && *p == '"')
		take_reason(t, (struct str){ p + 1, (size_t)(r->end - p - 1) });
}

/*
 * Walks {"type":…,"reason":…,"caused_by":{…}}; members of other objects (root_cause …) are passed
 * over.
 */
static void
read_error(struct error_text *t, struct str error)
{
	enum { OTHER, TYPE, REASON, CAUSE } member = OTHER;
	struct jsonread r;

	jsonread_init(&r, error);
	for (;;) {
		switch (jsonread_next(&r)) {
		case JSONREAD_OBJECT: break;
		case JSONREAD_KEY:
			member = jsonread_is(&r, STR("type"))        ? TYPE
				 : jsonread_is(&r, STR("reason"))    ? REASON
				 : jsonread_is(&r, STR("caused_by")) ? CAUSE
								     : OTHER;
			if (member == OTHER && !jsonread_skip(&r))
				return;
			break;
		case JSONREAD_TEXT:
			if (member == TYPE)
				take_type(t, r.text);
			else if (member == REASON || r.depth == 0)
				take_reason(t, r.text);
			break;
		case JSONREAD_BAD: take_cut_reason(t, &r, member == REASON); return;
		case JSONREAD_ARRAY:
		case JSONREAD_END: return;
		default: break;
		}
	}
}

static void
cut_tail(struct str *path, const char *tail)
{
	size_t len = strlen(tail);

	if (path->len > len && memcmp(path->at + path->len - len, tail, len) == 0)
		path->len -= len;
}

/* The pattern that fits a reason, or -1; the path is appended to `field`. */
static int
match_reason(struct str reason, struct buf *field)
{
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		const char *at = find(reason, patterns[i].before), *end;
		struct str path, rest;

		if (at == NULL)
			continue;
		at += strlen(patterns[i].before);
		rest = (struct str){ at, (size_t)(reason.at + reason.len - at) };
		if ((end = find(rest, patterns[i].after)) == NULL || end == at)
			continue;
		path = (struct str){ at, (size_t)(end - at) };
		if (i == PATTERN_TERM || i == PATTERN_VALUES) {
			cut_tail(&path, "._valueAndPath");
			cut_tail(&path, "._value");
		}
		if (i == PATTERN_STRICT) {
			const char *parent = end + strlen(patterns[i].after);
			const char *close =
			    memchr(parent, ']', (size_t)(reason.at + reason.len - parent));

			if (close != NULL && close > parent &&
			    !str_equal(
				(struct str){ parent, (size_t)(close - parent) }, STR("_doc"))) {
				buf_append(field, parent, (size_t)(close - parent));
				buf_byte(field, '.');
			}
		}
		buf_str(field, path);
		return (int)i;
	}
	return -1;
}

static int
match_error(const struct error_text *t, struct buf *field)
{
	int found = -1;

	for (size_t i = 0; i < t->count && found < 0; i++)
		found = match_reason(reason_at(t, i), field);
	return found;
}

#define VIEW(f, w, c) ((struct fault_view){ (f), (w), (c) })

static const char cure_name[] =
    "the name of the index is not valid: correct the rule or the setting that makes it";
static const char cure_write[] =
    "the index takes no writes: open it, lift its write block, or give its alias a write index";
static const char cure_right[] =
    "the credentials may not write here: give them create_doc and auto_configure on these indices";
static const char cure_create[] =
    "the index is missing and the server may not make it: allow it in action.auto_create_index or the template";
static const char cure_disk[] = "the server's disk is full: free space there";
static const char cure_pipeline[] =
    "the index names an ingest pipeline that does not exist: create it or remove the setting";
static const char cure_shards[] =
    "the cluster has its limit of shards: remove old indices or raise cluster.max_shards_per_node";
static const char cure_template[] =
    "the index template does not fit this use: see `auditrecv template check`";

/* An item of 400 with illegal_argument_exception: the type says nothing, the wording all. */
static struct fault_view
judge_argument(const struct error_text *t, struct buf *field)
{
	int pattern = match_error(t, field);

	if (pattern == PATTERN_RACE)
		return VIEW(FAULT_RACE, "mapping", NULL);
	if (pattern >= 0 || says(t, "Limit of mapping depth") || says(t, "Limit of total fields"))
		return VIEW(FAULT_DOCUMENT, "mapping", NULL);
	/*
	 * Elasticsearch 9, of an object where a date belongs: its reader loses its place, and
	 * names no field.
	 */
	if (begins(t, "Malformed content, found extra data after parsing"))
		return VIEW(FAULT_DOCUMENT, "mapping", NULL);
	if (begins(t, "if _id is specified it must not be empty"))
		return VIEW(FAULT_HOPELESS, "bad_id", NULL);
	if (begins(t, "no write index is defined"))
		return VIEW(FAULT_DESTINATION, "index_unwritable", cure_write);
	if (begins(t, "pipeline with id ["))
		return VIEW(FAULT_DESTINATION, "pipeline_missing", cure_pipeline);
	if (begins(t, "only write ops with an op_type of create") ||
	    says(t, "targeting backing indices") || begins(t, "composable template ["))
		return VIEW(FAULT_DESTINATION, "index_unwritable", cure_template);
	return VIEW(FAULT_UNKNOWN, "unknown_400", NULL);
}

static struct fault_view
judge_400(const struct error_text *t, struct buf *field)
{
	if (has_type(t, "mapper_parsing_exception") || has_type(t, "document_parsing_exception") ||
	    has_type(t, "strict_dynamic_mapping_exception")) {
		match_error(t, field);
		return VIEW(FAULT_DOCUMENT, "mapping", NULL);
	}
	if (has_type(t, "illegal_argument_exception"))
		return judge_argument(t, field);
	if (has_type(t, "index_closed_exception"))
		return VIEW(FAULT_DESTINATION, "index_closed", cure_write);
	if (has_type(t, "invalid_index_name_exception"))
		return VIEW(FAULT_NAME, "index_name", cure_name);
	if (has_type(t, "routing_missing_exception") ||
	    has_type(t, "invalid_index_template_exception"))
		return VIEW(FAULT_DESTINATION, "index_unwritable", cure_template);
	if (has_type(t, "validation_exception") && says(t, "shards"))
		return VIEW(FAULT_DESTINATION, "shard_limit", cure_shards);
	return VIEW(FAULT_UNKNOWN, "unknown_400", NULL);
}

static struct fault_view
judge(unsigned status, const struct error_text *t, struct buf *field)
{
	switch (status) {
	case 400: return judge_400(t, field);
	case 401:
	case 403:
		return has_type(t, "cluster_block_exception")
			   ? VIEW(FAULT_DESTINATION, "index_blocked", cure_write)
			   : VIEW(FAULT_DESTINATION, "not_permitted", cure_right);
	case 404:
		if (has_type(t, "shard_not_found_exception"))
			return VIEW(FAULT_MOMENT, "unavailable", NULL);
		if (says(t, "auto_create_index") || says(t, "forbid"))
			return VIEW(FAULT_DESTINATION, "index_missing", cure_create);
		return VIEW(FAULT_GONE, "index_missing", cure_create);
	case 409:
		return t->type->len == 0 || has_type(t, "version_conflict_engine_exception")
			   ? VIEW(FAULT_EXISTS, "exists", NULL)
			   : VIEW(FAULT_MOMENT, "conflict", NULL);
	case 429:
		return has_type(t, "cluster_block_exception")
			   ? VIEW(FAULT_DISK, "disk_full", cure_disk)
			   : VIEW(FAULT_BUSY, "busy", NULL);
	case 500:
		if (has_type(t, "node_not_connected_exception"))
			return VIEW(FAULT_MOMENT, "unavailable", NULL);
		if (has_type(t, "i_o_exception"))
			return VIEW(FAULT_DISK, "disk_full", cure_disk);
		if (has_type(t, "string_index_out_of_bounds_exception"))
			return VIEW(FAULT_NAME, "index_name", cure_name);
		return VIEW(FAULT_UNKNOWN, "unknown_5xx", NULL);
	case 408:
	case 502:
	case 503:
	case 504: return VIEW(FAULT_MOMENT, "unavailable", NULL);
	default:
		return status >= 500 ? VIEW(FAULT_UNKNOWN, "unknown_5xx", NULL)
				     : VIEW(FAULT_UNKNOWN, "unknown", NULL);
	}
}

struct fault_view
fault_of_item(unsigned status, struct str error, struct buf *field, struct buf *type)
{
	struct error_text t = { .type = type };
	struct fault_view view;

	if (status == 200 || status == 201)
		return VIEW(FAULT_STORED, "stored", NULL);
	if (error.len > 0)
		read_error(&t, error);
	view = judge(status, &t, field);
	buf_fini(&t.reasons);
	return view;
}
