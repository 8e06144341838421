/* destination: a table by name, and its idle ones. */
#include "output/destination.h"

#include <stdlib.h>

#include "base/json.h"

#define IDLE_MOST 64 /* beyond so many, unused ones are forgotten */

/* How an action line begins. */
static void
put_line(struct buf *out, struct str action, struct str name)
{
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	json_key(&j, action.at, action.len);
	json_open(&j, '{');
	json_key(&j, "_index", 6);
	json_text(&j, name.at, name.len);
	json_key(&j, "_id", 3);
	buf_byte(out, '"');
}

static struct destination *
make(struct str name)
{
	struct destination *to;
	struct buf line = { 0 };
	size_t overwrite_at, name_at;

	put_line(&line, STR("create"), name);
	overwrite_at = line.len;
	put_line(&line, STR("index"), name);
	name_at = line.len;
	buf_str(&line, name);
	if (buf_failed(&line) || (to = calloc(1, sizeof(*to) + line.len)) == NULL) {
		buf_fini(&line);
		return NULL;
	}
	/* One allocation: the lines and the name stand behind the struct. */
	memcpy(to + 1, line.at, line.len);
	to->line = (struct str){ (const char *)(to + 1), overwrite_at };
	to->overwrite = (struct str){ to->line.at + overwrite_at, name_at - overwrite_at };
	to->name = (struct str){ (const char *)(to + 1) + name_at, name.len };
	buf_fini(&line);
	return to;
}

static void
forget_idle(struct destinations *d)
{
	for (size_t i = 0; i < DESTINATION_CHAINS; i++) {
		struct destination **at = &d->chains[i], *to;

		while ((to = *at) != NULL) {
			if (to->refs > 0 || to->falls > 0 || to->paused ||
			    to->parked.first != NULL) {
				at = &to->next;
				continue;
			}
			*at = to->next;
			if (d->recent == to)
				d->recent = NULL;
			d->count--;
			free(to);
		}
	}
}

struct destination *
destination_get(struct destinations *d, struct str name)
{
	struct destination *to;
	uint64_t hash;

	if (d->recent != NULL && str_equal(d->recent->name, name))
		return d->recent;
	hash = str_hash(STR_HASH, name);
	for (to = d->chains[hash % DESTINATION_CHAINS]; to != NULL; to = to->next)
		if (to->hash == hash && str_equal(to->name, name))
			return d->recent = to;
	/* A sweep over the chains is cheap beside the documents that made so many names. */
	if (d->count >= IDLE_MOST && d->count % IDLE_MOST == 0)
		forget_idle(d);
	if ((to = make(name)) == NULL)
		return NULL;
	to->hash = hash;
	to->next = d->chains[hash % DESTINATION_CHAINS];
	d->chains[hash % DESTINATION_CHAINS] = to;
	d->count++;
	return d->recent = to;
}

void
destinations_fini(struct destinations *d)
{
	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (struct destination *to = d->chains[i], *next; to != NULL; to = next) {
			next = to->next;
			free(to);
		}
	*d = (struct destinations){ 0 };
}
