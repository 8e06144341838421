/* member: one pass over the document for a path, and one for each of its parents. */
#include "output/member.h"

#include "base/jsonread.h"

/* A bracket that is being searched. */
struct level {
	size_t matched; /* bytes of the path that led here, dot included */
	bool list;
};

/* Where a search has got to: the brackets that are open around it. */
struct place {
	struct jsonread r;
	struct level levels[MEMBER_DEPTH];
	struct str steps[MEMBER_DEPTH]; /* the key that came last in each */
	unsigned depth, lists;          /* brackets open; of these, lists */
};

/* Bytes of the rest of the path that the key covers, dot included; 0: it does not lead there. */
static size_t
key_covers(const struct jsonread *r, struct str rest, bool *whole)
{
	struct buf decoded = { 0 };
	struct str key = r->text;
	size_t covers = 0;

	*whole = false;
	if (r->escaped) {
		if (!jsonread_decode(&decoded, r->text)) {
			buf_fini(&decoded);
			return 0;
		}
		key = buf_view(&decoded);
	}
	if (str_equal(key, rest)) {
		*whole = true;
		covers = rest.len;
	} else if (key.len > 0 && key.len < rest.len && rest.at[key.len] == '.' &&
		   memcmp(key.at, rest.at, key.len) == 0)
		covers = key.len + 1;
	buf_fini(&decoded);
	return covers;
}

/* The value that was just read is one of those. */
static void
note_match(struct member_search *s, const struct place *p)
{
	struct str root = p->steps[0];

	s->found++;
	s->in_list = s->in_list || p->lists > 0;
	s->value = p->r.text;
	memcpy(s->steps, p->steps, p->depth * sizeof(*p->steps));
	s->step_count = p->depth;
	if (s->root_count > 0 && s->roots[s->root_count - 1].at == root.at)
		return;
	if (s->root_count < MEMBER_ROOTS)
		s->roots[s->root_count++] = root;
}

/* Reads past the rest of the bracket that was just opened. */
static bool
skip_bracket(struct jsonread *r)
{
	unsigned outside = r->depth - 1;

	while (r->depth > outside)
		if (jsonread_next(r) == JSONREAD_BAD)
			return false;
	return true;
}

/* Goes into the bracket that was just opened, unless that is too deep. */
static bool
enter(struct place *p, size_t matched, bool list)
{
	if (p->depth == MEMBER_DEPTH)
		return skip_bracket(&p->r);
	p->levels[p->depth] = (struct level){ matched, list };
	p->steps[p->depth] = STR("");
	p->lists += list;
	p->depth++;
	return true;
}

static void
leave(struct place *p)
{
	p->depth--;
	p->lists -= p->levels[p->depth].list;
}

/* A key: what it names is looked for, on the way, or of no interest. */
static bool
take_key(struct member_search *s, struct place *p)
{
	size_t matched = p->levels[p->depth - 1].matched, covers;
	enum jsonread_token token;
	bool whole;

	p->steps[p->depth - 1] = p->r.text;
	covers =
	    key_covers(&p->r, (struct str){ s->path.at + matched, s->path.len - matched }, &whole);
	if (covers == 0 || whole) {
		if (!jsonread_skip(&p->r))
			return false;
		if (covers > 0)
			note_match(s, p);
		return true;
	}
	token = jsonread_next(&p->r);
	if (token == JSONREAD_OBJECT || token == JSONREAD_ARRAY)
		return enter(p, matched + covers, token == JSONREAD_ARRAY);
	return token != JSONREAD_BAD;
}

/* Finds every member of the path. False: the document is broken. */
static bool
find_all(struct member_search *s, struct str json)
{
	struct place p;
	enum jsonread_token token;

	p.depth = p.lists = 0;
	jsonread_init(&p.r, json);
	if (jsonread_next(&p.r) != JSONREAD_OBJECT || !enter(&p, 0, false))
		return false;
	while (p.depth > 0) {
		token = jsonread_next(&p.r);
		switch (token) {
		case JSONREAD_OBJECT_END:
		case JSONREAD_ARRAY_END: leave(&p); break;
		case JSONREAD_OBJECT:
		case JSONREAD_ARRAY:
			if (!enter(&p, p.levels[p.depth - 1].matched, token == JSONREAD_ARRAY))
				return false;
			break;
		case JSONREAD_KEY:
			if (!take_key(s, &p))
				return false;
			break;
		case JSONREAD_BAD:
		case JSONREAD_END: return false;
		default: break; /* a plain value in a list, or where an object is wanted */
		}
	}
	return jsonread_next(&p.r) == JSONREAD_END;
}

bool
member_search(struct member_search *s, struct str json, struct str path)
{
	for (;;) {
		*s = (struct member_search){ .path = path };
		if (!find_all(s, json))
			return false;
		if (s->found > 0)
			return true;
		while (path.len > 0 && path.at[path.len - 1] != '.')
			path.len--;
		if (path.len <= 1)
			return true;
		path.len--;
	}
}
