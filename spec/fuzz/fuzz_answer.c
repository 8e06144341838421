/*
 * Any bytes as the answer to a bulk request, and as a document that a server refused: an answer
 * means the same in pieces of any size, and a repaired document is JSON with the tag and the free
 * object. The first bytes choose which, the status and the pieces.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonread.h"
#include "output/answer.h"
#include "output/repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "does not hold: %s\n", what);
		abort();
	}
}

static bool
is_json(struct str text)
{
	struct jsonread r;

	jsonread_init(&r, text);
	return jsonread_skip(&r) && jsonread_next(&r) == JSONREAD_END;
}

static enum answer_verdict
read_answer(struct answer *a, unsigned status, struct str body, size_t piece, size_t actions)
{
	answer_begin(a, status, "application/json");
	for (size_t at = 0; at < body.len; at += piece) {
		size_t len = body.len - at < piece ? body.len - at : piece;
		char *exact = malloc(len);

		must(exact != NULL, "memory");
		memcpy(exact, body.at + at, len);
		answer_feed(a, exact, len);
		free(exact);
	}
	return answer_end(a, true, actions);
}

static void
check_answer(const uint8_t *data, size_t size)
{
	static const unsigned statuses[] = { 200, 400, 403, 429 };
	static struct answer whole, parts;
	struct str body = { (const char *)data + 3, size - 3 };
	unsigned status = statuses[data[0] >> 1 & 3];
	size_t actions = data[2], next = 0;
	enum answer_verdict verdict =
	    read_answer(&whole, status, body, body.len > 0 ? body.len : 1, actions);

	must(read_answer(&parts, status, body, (size_t)data[1] + 1, actions) == verdict,
	    "pieces mean the same");
	if (verdict != ANSWER_ITEMS)
		return;
	must(whole.count == parts.count && whole.same == parts.same, "pieces hold the same");
	for (size_t i = 0; i < whole.count; i++) {
		const struct answer_item *item = &whole.items[i];
		struct str error = answer_error(&whole, item);

		must(item->position >= next && item->position < actions,
		    "positions rise, one for each action");
		next = item->position + 1;
		must(item->view.fault == parts.items[i].view.fault, "pieces judge the same");
		must(str_equal(answer_field(&whole, item), answer_field(&parts, &parts.items[i])),
		    "and blame the same");
		must(item->view.word != NULL, "every fault has a word");
		must(error.len == 0 || is_json(error), "what is kept of an error is JSON");
	}
}

static void
check_repair(const uint8_t *data, size_t size)
{
	static struct buf out;
	size_t path_len = data[1] < size - 3 ? data[1] : size - 3;
	struct str path = { (const char *)data + 3, path_len };
	struct str json = { path.at + path_len, size - 3 - path_len };
	char *exact = malloc(json.len > 0 ? json.len : 1);

	must(exact != NULL, "memory");
	memcpy(exact, json.at, json.len);
	json.at = exact;
	buf_cut(&out, 0);
	if (repair_document(&out, json, path) == REPAIR_DONE)
		must(is_json(json) && is_json(buf_view(&out)),
		    "a repaired document is JSON, and was");
	else
		must(out.len == 0, "nothing is written in vain");
	(void)repair_finds(json, path);
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] & 1)
		check_repair(data, size);
	else
		check_answer(data, size);
	return 0;
}
