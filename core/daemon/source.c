/* source: found among those of the sender, or made. */
#include "daemon/source.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS 5

static struct str *
text_of(struct journal_sender *names, int i)
{
	struct str *const all[TEXTS] = { &names->name, &names->from, &names->host,
		&names->principal, &names->group };

	return all[i];
}

static struct source *
make(struct sender *sender, const struct journal_sender *names, struct group *group)
{
	struct journal_sender given = *names;
	size_t size = TEXTS;
	struct source *s;
	char *at;

	for (int i = 0; i < TEXTS; i++)
		size += text_of(&given, i)->len;
	if ((s = calloc(1, sizeof(*s) + size)) == NULL)
		return NULL;
	at = (char *)(s + 1);
	for (int i = 0; i < TEXTS; i++) {
		struct str text = *text_of(&given, i);

		if (text.len > 0)
			memcpy(at, text.at, text.len);
		*text_of(&s->names, i) = (struct str){ at, text.len };
		at += text.len + 1;
	}
	s->sender = sender;
	s->group = group;
	s->next = sender->sources;
	sender->sources = s;
	return s;
}

struct source *
source_get(struct senders *all, const struct journal_sender *names, struct group *group)
{
	struct sender *sender = senders_named(all, names->name);
	struct source *s;

	if (sender == NULL)
		return NULL;
	for (s = sender->sources; s != NULL; s = s->next)
		if (s->group == group && str_equal(s->names.from, names->from) &&
		    str_equal(s->names.host, names->host) &&
		    str_equal(s->names.principal, names->principal))
			break;
	if (s == NULL && (s = make(sender, names, group)) == NULL)
		return NULL;
	s->refs++;
	return s;
}

void
source_release(struct source *s)
{
	struct source **at = &s->sender->sources;

	if (--s->refs > 0)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}
