/* ledger: reasons by their names, each with a count. */
#include "daemon/ledger.h"

#include <stdlib.h>
#include <string.h>

static const char others[] = "others";

static struct reason *
find(struct reasons *all, enum fate fate, const char *rule, const char *words)
{
	for (struct reason *r = all->first; r != NULL; r = r->next)
		if (r->fate == fate && strcmp(r->words, words) == 0 && strcmp(r->rule, rule) == 0)
			return r;
	return NULL;
}

static struct reason *
make(struct reasons *all, enum fate fate, const char *rule, const char *words)
{
	size_t rule_size = strlen(rule) + 1, words_size = strlen(words) + 1;
	struct reason *r = calloc(1, sizeof(*r) + rule_size + words_size);
	char *texts = (char *)(r + 1);

	if (r == NULL)
		return NULL;
	r->fate = fate;
	r->rule = memcpy(texts, rule, rule_size);
	r->words = memcpy(texts + rule_size, words, words_size);
	r->next = all->first;
	all->first = r;
	all->count++;
	return r;
}

struct reason *
reasons_get(struct reasons *all, enum fate fate, const char *rule, const char *words)
{
	struct reason *r;

	if (rule == NULL)
		rule = "";
	if (words == NULL)
		words = "";
	if ((r = find(all, fate, rule, words)) != NULL)
		return r;
	if (all->count >= REASONS_MOST) {
		rule = words = others;
		if ((r = find(all, fate, rule, words)) != NULL)
			return r;
	}
	return make(all, fate, rule, words);
}

void
reasons_fini(struct reasons *all)
{
	for (struct reason *r = all->first, *next; r != NULL; r = next) {
		next = r->next;
		free(r);
	}
	*all = (struct reasons){ 0 };
}

void
ledger_fini(struct ledger *l)
{
	free(l->reasons);
	*l = (struct ledger){ 0 };
}

void
ledger_reason(struct ledger *l, struct reason *reason)
{
	struct ledger_reason *more;

	if (reason == NULL)
		return;
	for (size_t i = 0; i < l->reason_count; i++)
		if (l->reasons[i].reason == reason) {
			l->reasons[i].count++;
			return;
		}
	if (l->reason_count == l->reason_room) {
		size_t room = l->reason_room == 0 ? 4 : l->reason_room * 2;

		if ((more = realloc(l->reasons, room * sizeof(*more))) == NULL)
			return;
		l->reasons = more;
		l->reason_room = room;
	}
	l->reasons[l->reason_count++] = (struct ledger_reason){ reason, 1 };
}
