/* kernel_drops: reports of drops in the kernel: what they have to be like, and their sum. */
#include "daemon/kernel_drops.h"

#define DIGITS_MOST 18 /* of a number that cannot run over */

/* Takes the literal and a decimal number behind it off the text. */
static bool
take(struct str *text, struct str literal, uint64_t *out)
{
	size_t i = literal.len;

	if (text->len < literal.len || memcmp(text->at, literal.at, literal.len) != 0)
		return false;
	for (*out = 0; i < text->len && text->at[i] >= '0' && text->at[i] <= '9'; i++) {
		if (i - literal.len >= DIGITS_MOST)
			return false;
		*out = *out * 10 + (uint64_t)(text->at[i] - '0');
	}
	if (i == literal.len)
		return false;
	text->at += i;
	text->len -= i;
	return true;
}

static bool
read_text(struct str text, struct kernel_report *out)
{
	return take(&text, STR("auditrecv kernel-drops lost="), &out->lost) &&
	       take(&text, STR(" total="), &out->total) &&
	       take(&text, STR(" since="), &out->since) && text.len == 0 && out->since > 0 &&
	       out->lost > 0 && out->lost <= out->total;
}

/* Is the token at *i of this kind? Then it is passed. */
static bool
pass(const struct record *r, uint32_t *i, enum token_kind kind)
{
	if (*i >= r->count || r->tokens[*i].kind != kind)
		return false;
	(*i)++;
	return true;
}

bool
kernel_drops_read(const struct record *r, struct kernel_report *out)
{
	const struct token *t = r->tokens;
	uint32_t i = 0;

	if (!kernel_drops_may(r) || r->openbsm || r->unknown || r->damages > 0)
		return false;
	if (!pass(r, &i, TOKEN_SUBJECT) || t[0].subject.uid != 0)
		return false;
	if (!pass(r, &i, TOKEN_TEXT) || !read_text(t[1].text, out))
		return false;
	if (!pass(r, &i, TOKEN_RETURN) || t[2].ret.error != 0 || t[2].ret.value != 0)
		return false;
	if (pass(r, &i, TOKEN_ZONENAME) && !str_equal(t[i - 1].text, STR("global")))
		return false;
	(void)pass(r, &i, TOKEN_SEQUENCE);
	(void)pass(r, &i, TOKEN_TRAILER);
	return i == r->count;
}

uint64_t
kernel_drops_note(struct kernel_drops *k, const struct kernel_report *report)
{
	uint64_t from = report->total - report->lost, news = 0;

	if (report->since == k->before)
		return 0; /* an old one that came again */
	if (report->since != k->since) {
		k->before = k->since;
		k->since = report->since;
		k->low = k->high = from;
	} else if (from > k->high)
		k->high = from; /* what lies between was told to another receiver */
	if (report->total > k->high) {
		news += report->total - k->high;
		k->high = report->total;
	}
	if (from < k->low) { /* it came late */
		news += (report->total < k->low ? report->total : k->low) - from;
		k->low = from;
	}
	k->dropped += news;
	return news;
}
