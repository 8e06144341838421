/*
 * Any bytes as JSON: read token by token, skipped as a whole, decoded; both ways have to agree, and
 * what is lent lies within the bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "does not hold: %s\n", what);
		abort();
	}
}

/* Reads all tokens; true when the bytes are one whole value. */
static bool
read_tokens(struct str json, struct buf *decoded)
{
	struct jsonread r;
	enum jsonread_token token;
	unsigned depth = 0;

	jsonread_init(&r, json);
	for (size_t n = 0;; n++) {
		token = jsonread_next(&r);
		must(n <= 2 * json.len + 1, "each token takes a byte, or is the end");
		must(json.len == 0 || (r.at >= json.at && r.at <= json.at + json.len),
		    "it stays within the bytes");
		if (token == JSONREAD_BAD || token == JSONREAD_END)
			break;
		must(r.text.at >= json.at && r.text.at + r.text.len <= json.at + json.len,
		    "what is lent, too");
		depth += token == JSONREAD_OBJECT || token == JSONREAD_ARRAY;
		depth -= token == JSONREAD_OBJECT_END || token == JSONREAD_ARRAY_END;
		must(depth == r.depth && depth <= JSONREAD_DEPTH, "depth is what is open");
		if (token == JSONREAD_KEY || token == JSONREAD_TEXT) {
			buf_cut(decoded, 0);
			must(jsonread_decode(decoded, r.text), "what was read can be decoded");
			must(r.escaped || str_equal(buf_view(decoded), r.text),
			    "without escapes it is the same");
			must(jsonread_is(&r, buf_view(decoded)), "it is what it stands for");
		}
	}
	must(jsonread_next(&r) == token, "the end stays the end");
	return token == JSONREAD_END;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf decoded;
	/* Exactly as many bytes as there are: a read beyond them is seen. */
	char *exact = malloc(size > 0 ? size : 1);
	struct str json = { exact, size };
	struct jsonread r;
	bool whole, skipped;

	must(exact != NULL, "memory");
	if (size > 0)
		memcpy(exact, data, size);
	whole = read_tokens(json, &decoded);
	jsonread_init(&r, json);
	skipped = jsonread_skip(&r) && jsonread_next(&r) == JSONREAD_END;
	must(whole == skipped, "skipping and reading agree");
	buf_cut(&decoded, 0);
	(void)jsonread_decode(&decoded, json);
	free(exact);
	return 0;
}
