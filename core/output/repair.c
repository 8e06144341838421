/* repair: the document written again without what is refused, which goes under `misfit`. */
#include "output/repair.h"

#include "base/json.h"
#include "base/jsonread.h"
#include "output/member.h"

/*
 * Fixed fields of the default shape, and those that identify a document: never moved as free
 * parts.
 */
static const char *const fixed[] = { "@timestamp", "acl", "addr", "attributes", "damaged", "ecs",
	"errno", "escaped", "event", "event_id", "exec_args", "exit", "failure", "fmri", "from",
	"groups", "host", "host_ip", "ip", "ipc", "ipc_perm", "iport", "label", "message", "misfit",
	"modifier", "outcome", "path", "principal", "process", "received", "return",
	"sender_sequence", "sequence", "socket", "subject", "tags", "target_attributes",
	"target_path", "target_zonename", "text", "tid", "time", "undecoded_hex", "unknown_hex",
	"unknown_token", "used_auth", "used_privs", "failed_privs", "user", "version",
	"working_directory", "xattr_path", "zonealias", "zonename" };

static bool
is_fixed(const struct jsonread *r)
{
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (jsonread_is(r, str_of(fixed[i])))
			return true;
	return false;
}

static void
put_key(struct json *j, struct str written)
{
	if (j->comma)
		buf_byte(j->out, ',');
	buf_byte(j->out, '"');
	buf_str(j->out, written);
	buf_append(j->out, "\":", 2);
	j->comma = false;
}

/*
 * What is moved: members at the root (by their keys), all that is not fixed, or one member
 * inside.
 */
struct plan {
	const struct member_search *s;
	bool free_parts;
	bool whole_roots;
	bool keeps_tags; /* `tags` itself is what is refused: none are added */
};

static bool
moves_root(const struct plan *plan, const struct jsonread *r)
{
	if (plan->free_parts)
		return !is_fixed(r);
	if (plan->whole_roots)
		for (unsigned i = 0; i < plan->s->root_count; i++)
			if (plan->s->roots[i].at == r->text.at)
				return true;
	return false;
}

/*
 * Copies the member at the root that holds the match, without it: bytes before and behind, and
 * one comma less.
 */
static void
put_without(struct buf *out, struct str value, const struct member_search *s)
{
	struct str key = s->steps[s->step_count - 1];
	const char *from = key.at - 1, *to = s->value.at + s->value.len,
		   *end = value.at + value.len;

	while (to < end && (*to == ' ' || *to == '\t' || *to == '\n' || *to == '\r'))
		to++;
	if (to < end && *to == ',')
		to++;
	else
		while (from > value.at && from[-1] != '{') {
			from--;
			if (*from == ',')
				break;
		}
	buf_append(out, value.at, (size_t)(from - value.at));
	buf_append(out, to, (size_t)(end - to));
}

/* Writes the one match with the objects around it: "subject":{"uid":…}. */
static void
put_nested(struct json *j, const struct member_search *s)
{
	for (unsigned i = 0; i < s->step_count; i++) {
		put_key(j, s->steps[i]);
		if (i + 1 < s->step_count)
			json_open(j, '{');
	}
	json_raw(j, s->value);
	for (unsigned i = 1; i < s->step_count; i++)
		json_close(j, '}');
}

static bool
object_has(struct str object, struct str key)
{
	struct jsonread r;

	jsonread_init(&r, object);
	if (jsonread_next(&r) != JSONREAD_OBJECT)
		return false;
	while (jsonread_next(&r) == JSONREAD_KEY) {
		if (str_equal(r.text, key))
			return true;
		if (!jsonread_skip(&r))
			return false;
	}
	return false;
}

/*
 * Writes what was under `misfit` already: its members, or, where they cannot stand beside the new
 * ones, the whole.
 */
static void
put_old_misfit(struct json *j, struct str old, bool wrap)
{
	struct jsonread r;

	if (old.len == 0)
		return;
	jsonread_init(&r, old);
	if (jsonread_next(&r) != JSONREAD_OBJECT || wrap) {
		json_key(j, "misfit", 6);
		json_raw(j, old);
		return;
	}
	while (jsonread_next(&r) == JSONREAD_KEY) {
		put_key(j, r.text);
		if (!jsonread_skip(&r))
			return;
		json_raw(j, r.text);
	}
}

static void
put_tags(struct json *j, struct str old)
{
	struct jsonread r;
	enum jsonread_token token;

	json_key(j, "tags", 4);
	json_open(j, '[');
	jsonread_init(&r, old);
	if (old.len > 0) {
		token = jsonread_next(&r);
		if (token == JSONREAD_ARRAY)
			while (jsonread_skip(&r))
				json_raw(j, r.text);
		else
			json_raw(j, old);
	}
	json_text(j, "misfit", 6);
	json_close(j, ']');
}

static bool
has_tag(struct str tags)
{
	struct jsonread r;
	enum jsonread_token token;

	if (tags.len == 0)
		return false;
	jsonread_init(&r, tags);
	while ((token = jsonread_next(&r)) != JSONREAD_BAD && token != JSONREAD_END)
		if (token == JSONREAD_TEXT && jsonread_is(&r, STR("misfit")))
			return true;
	return false;
}

/* First pass over the root: is there anything to move, and what are `misfit` and `tags` now? */
static bool
look_at_roots(struct plan *plan, struct str json, struct str *misfit, struct str *tags)
{
	struct jsonread r;
	bool moves = !plan->free_parts;

	*misfit = *tags = STR("");
	jsonread_init(&r, json);
	if (jsonread_next(&r) != JSONREAD_OBJECT)
		return false;
	while (jsonread_next(&r) == JSONREAD_KEY) {
		bool is_misfit = jsonread_is(&r, STR("misfit")),
		     is_tags = jsonread_is(&r, STR("tags"));
		bool moved = moves_root(plan, &r);

		moves = moves || moved;
		if (!jsonread_skip(&r))
			return false;
		if (is_misfit)
			*misfit = r.text;
		if (is_tags) {
			*tags = r.text;
			plan->keeps_tags = plan->keeps_tags || moved;
		}
	}
	return moves;
}

/*
 * Would one of the moved members meet one of its own name under `misfit`? Two of one name are
 * refused.
 */
static bool
names_clash(const struct plan *plan, struct str json, struct str old)
{
	struct jsonread r;

	if (!plan->free_parts && !plan->whole_roots)
		return object_has(old, plan->s->steps[0]);
	jsonread_init(&r, json);
	(void)jsonread_next(&r);
	while (jsonread_next(&r) == JSONREAD_KEY) {
		if (moves_root(plan, &r) && object_has(old, r.text))
			return true;
		if (!jsonread_skip(&r))
			return false;
	}
	return false;
}

static void
put_misfit(struct json *j, const struct plan *plan, struct str json, struct str old)
{
	struct jsonread r;

	json_key(j, "misfit", 6);
	json_open(j, '{');
	put_old_misfit(j, old, old.len > 0 && names_clash(plan, json, old));
	jsonread_init(&r, json);
	(void)jsonread_next(&r);
	while (jsonread_next(&r) == JSONREAD_KEY) {
		struct str key = r.text;
		bool moved = moves_root(plan, &r);

		if (!jsonread_skip(&r))
			break;
		if (!moved)
			continue;
		put_key(j, key);
		json_raw(j, r.text);
	}
	if (!plan->free_parts && !plan->whole_roots)
		put_nested(j, plan->s);
	json_close(j, '}');
}

static void
put_document(
    struct buf *out, struct str json, struct plan *plan, struct str misfit, struct str tags)
{
	struct jsonread r;
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	jsonread_init(&r, json);
	(void)jsonread_next(&r);
	while (jsonread_next(&r) == JSONREAD_KEY) {
		struct str key = r.text;
		bool skip = moves_root(plan, &r) || jsonread_is(&r, STR("misfit")) ||
			    (jsonread_is(&r, STR("tags")) && !plan->keeps_tags);
		bool holds =
		    !plan->free_parts && !plan->whole_roots && plan->s->steps[0].at == key.at;

		if (!jsonread_skip(&r))
			break;
		if (skip || (holds && plan->s->step_count == 1))
			continue;
		put_key(&j, key);
		if (holds) {
			put_without(out, r.text, plan->s);
			j.comma = true;
		} else
			json_raw(&j, r.text);
	}
	if (!plan->keeps_tags) {
		if (has_tag(tags)) {
			json_key(&j, "tags", 4);
			json_raw(&j, tags);
		} else
			put_tags(&j, tags);
	}
	put_misfit(&j, plan, json, misfit);
	json_close(&j, '}');
}

enum repair_status
repair_document(struct buf *out, struct str json, struct str path)
{
	struct member_search s = { 0 };
	struct plan plan = { .s = &s };
	struct str misfit, tags;
	size_t before = out->len;
	struct str root;

	if (!member_search(&s, json, path))
		return REPAIR_BROKEN;
	plan.free_parts = path.len == 0 || s.found == 0;
	plan.whole_roots = !plan.free_parts && (s.found > 1 || s.in_list);
	if (!plan.free_parts) {
		root = s.root_count > 0 ? s.roots[0] : STR("");
		if (str_equal(root, STR("misfit")))
			return REPAIR_NOTHING; /* where we put it is what is refused */
		plan.keeps_tags = str_equal(root, STR("tags"));
	}
	if (!look_at_roots(&plan, json, &misfit, &tags))
		return REPAIR_NOTHING;
	put_document(out, json, &plan, misfit, tags);
	if (buf_failed(out)) {
		buf_cut(out, before);
		return REPAIR_NOTHING;
	}
	return REPAIR_DONE;
}

bool
repair_finds(struct str json, struct str path)
{
	struct member_search s;

	return path.len > 0 && member_search(&s, json, path) && s.found > 0;
}
