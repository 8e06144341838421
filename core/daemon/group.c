/* group: groups are made ready in full before any of them changes. */
#include "daemon/group.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/admission.h"
#include "daemon/build.h"

#define NAME_MOST 64

/* A group, and what only this file knows of it. It stays where it is: senders point to it. */
struct slot {
	struct group group;
	struct script *own; /* NULL: it shares the script of the first slot */
	bool gone;          /* not in the settings any more */
	char name[NAME_MOST + 1];
};

/* A script that was exchanged while records were waiting in it. */
struct retired {
	struct retired *next;
	struct script *script;
};

struct groups {
	struct slot **slots; /* the first is "default" */
	size_t count;
	struct slot **places; /* by place in the settings in force */
	size_t place_count;
	struct admission *admission;
	struct retired *retired;
	const struct settings *running;
	struct build_lookups lookups;
	bool has_journal;
	char host[PRINCIPAL_HOST_SIZE]; /* of the last one that was admitted */
};

/* What one group becomes, made before anything is exchanged. */
struct change {
	struct slot *slot; /* the one of that name; NULL: it will be made */
	size_t place;
	struct group group;
	struct script *own;
	struct retired *retire; /* room for the script that goes */
};

struct changes {
	struct change *list;
	size_t count;
	struct admission *admission;
	struct slot **slots, **places; /* room for all */
};

static struct slot *
slot_named(const struct groups *g, struct str name)
{
	for (size_t i = 0; i < g->count; i++)
		if (str_equal(str_of(g->slots[i]->name), name))
			return g->slots[i];
	return NULL;
}

static struct err *
check_name(const struct settings *s, size_t place)
{
	const char *name = s->groups[place].name;
	size_t len = name != NULL ? strlen(name) : 0;

	if (name == NULL)
		return err_new("groups.%zu: the group has no name", place + 1);
	if (len == 0 || len > NAME_MOST ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != len)
		return err_new("groups.%zu.name: \"%s\" is no name of a group: at most %d small "
			       "letters, digits, - and _",
		    place + 1, name, NAME_MOST);
	if (strcmp(name, "default") == 0)
		return err_new("groups.%zu.name: \"default\" is the group of everybody who is in "
			       "no other one; its settings are those of the top level",
		    place + 1);
	for (size_t i = 0; i < place; i++)
		if (strcmp(s->groups[i].name, name) == 0)
			return err_new(
			    "groups.%zu.name: there is a group \"%s\" already", place + 1, name);
	return NULL;
}

/* Without a word of the settings it is as the journal that we run with says. */
static struct err *
choose_ack(bool *journaled, const struct groups *g, const struct settings *s, size_t place)
{
	const char *own = place != BUILD_DEFAULT ? s->groups[place].ack : NULL;
	const char *ack = own != NULL ? own : s->ack;
	const char *cure =
	    g->count > 0 ? "set journal.directory and restart" : "set journal.directory";

	*journaled = ack != NULL ? strcmp(ack, "journaled") == 0 : g->has_journal;
	if (!*journaled || g->has_journal)
		return NULL;
	if (own != NULL)
		return err_new("groups.%zu.ack: \"journaled\" needs a journal, and there is "
			       "none: %s",
		    place + 1, cure);
	return err_new("ack: \"journaled\" needs a journal, and there is none: %s", cure);
}

static struct err *
prepare(struct change *c, const struct groups *g, const struct settings *s, size_t place)
{
	struct settings_group in;
	struct err *e;

	c->place = place;
	if (place != BUILD_DEFAULT && (e = check_name(s, place)) != NULL)
		return e;
	build_group(&in, s, place);
	if ((e = choose_ack(&c->group.journaled, g, s, place)) != NULL ||
	    (e = build_dialect(&c->group.dialect, s, place)) != NULL)
		return e;
	c->group.dialect.record_max = (uint32_t)g->running->limits.max_frame;
	c->group.max_in_flight_sender = (uint64_t)in.max_in_flight;
	c->slot = slot_named(g, str_of(in.name));
	if ((c->retire = calloc(1, sizeof(*c->retire))) == NULL)
		return err_sys("groups");
	if (c->slot == NULL) {
		if ((c->slot = calloc(1, sizeof(*c->slot))) == NULL)
			return err_sys("groups");
		strcpy(c->slot->name, in.name);
	}
	if (place == BUILD_DEFAULT || s->groups[place].index != NULL ||
	    s->groups[place].rules != NULL)
		return build_script(&c->own, s, place, &g->lookups);
	return NULL;
}

static bool
is_new(const struct groups *g, const struct slot *slot)
{
	return slot != NULL && slot_named(g, str_of(slot->name)) != slot;
}

/* Frees what was not exchanged. */
static void
changes_fini(struct changes *c, const struct groups *g)
{
	for (size_t i = 0; i < c->count; i++) {
		script_close(c->list[i].own);
		free(c->list[i].retire);
		if (is_new(g, c->list[i].slot))
			free(c->list[i].slot);
	}
	free(c->list);
	free(c->slots);
	free(c->places);
	admission_free(c->admission);
}

static struct err *
changes_prepare(struct changes *c, const struct groups *g, const struct settings *s)
{
	struct err *e = NULL;

	*c = (struct changes){ 0 };
	c->list = calloc(s->group_count + 1, sizeof(*c->list));
	c->slots = calloc(g->count + s->group_count + 1, sizeof(struct slot *));
	c->places = calloc(s->group_count + 1, sizeof(struct slot *));
	if (c->list == NULL || c->slots == NULL || c->places == NULL)
		return err_sys("groups");
	for (; c->count <= s->group_count && e == NULL; c->count++)
		e = prepare(&c->list[c->count], g, s, c->count == 0 ? BUILD_DEFAULT : c->count - 1);
	return e != NULL ? e : admission_new(&c->admission, s, g->running);
}

/* Ends a script, or keeps it for its waiting records; takes room for that over. */
static void
retire(struct groups *g, struct script *script, struct retired *room)
{
	if (script == NULL || script_waiting(script) == 0) {
		script_close(script);
		free(room);
		return;
	}
	*room = (struct retired){ .next = g->retired, .script = script };
	g->retired = room;
}

static void
apply(struct groups *g, struct change *c)
{
	struct slot *slot = c->slot;
	struct script *old = slot->own;

	if (is_new(g, slot))
		g->slots[g->count++] = slot;
	slot->own = c->own;
	slot->group = c->group;
	slot->group.name = slot->name;
	slot->gone = false;
	if (c->place != BUILD_DEFAULT)
		g->places[c->place] = slot;
	retire(g, old, c->retire);
	c->own = NULL;
	c->retire = NULL;
}

/* Nothing here can fail. */
static void
changes_apply(struct changes *c, struct groups *g)
{
	struct slot *first;

	if (g->count > 0) /* else there is nothing to copy from */
		for (size_t i = 0; i < g->count; i++)
			c->slots[i] = g->slots[i];
	free(g->slots);
	free(g->places);
	admission_free(g->admission);
	g->slots = c->slots;
	g->places = c->places;
	g->place_count = c->count - 1;
	g->admission = c->admission;
	c->slots = c->places = NULL;
	c->admission = NULL;
	for (size_t i = 0; i < g->count; i++)
		g->slots[i]->gone = true;
	for (size_t i = 0; i < c->count; i++)
		apply(g, &c->list[i]);
	first = g->slots[0];
	for (size_t i = 0; i < g->count; i++) {
		struct slot *slot = g->slots[i];

		if (slot->gone) {
			slot->group = first->group;
			slot->group.name = slot->name;
		}
		slot->group.script = slot->own != NULL && !slot->gone ? slot->own : first->own;
	}
}

struct err *
groups_reload(struct groups *g, const struct settings *s)
{
	struct changes c;
	struct err *e = changes_prepare(&c, g, s);

	if (e == NULL)
		changes_apply(&c, g);
	changes_fini(&c, g);
	return e;
}

struct err *
groups_open(struct groups **out, const struct settings *s, const struct script_asker *asker,
    void (*wake)(void *ctx, struct script_wait *wait), void *ctx)
{
	struct groups *g = calloc(1, sizeof(*g));
	struct err *e;

	if (g == NULL)
		return err_sys("groups");
	g->running = s;
	g->has_journal = s->journal.directory != NULL;
	g->lookups = (struct build_lookups){ asker, wake, ctx };
	if ((e = groups_reload(g, s)) != NULL) {
		groups_close(g);
		return e;
	}
	*out = g;
	return NULL;
}

void
groups_tick(struct groups *g)
{
	struct retired *r;

	for (size_t i = 0; i < g->count; i++) {
		struct slot *slot = g->slots[i];

		if (slot->gone && slot->own != NULL && script_waiting(slot->own) == 0) {
			script_close(slot->own);
			slot->own = NULL;
		}
	}

	for (struct retired **at = &g->retired; (r = *at) != NULL;) {
		if (script_waiting(r->script) > 0) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		script_close(r->script);
		free(r);
	}
}

bool
groups_admit(
    void *groups, const struct wire_claim *claim, struct wire_admission *out, struct err **why)
{
	struct groups *g = groups;
	struct principal p;
	struct slot *slot;
	size_t place;

	if (claim->principal == NULL) {
		place = admission_of_address(g->admission, claim->from);
		out->sender = claim->from;
		out->host = NULL;
	} else {
		if ((*why = principal_parse(claim->principal, &p)) != NULL)
			return false;
		if (!admission_of_principal(g->admission, claim->listener, &p, &place)) {
			*why = err_new("%s may not send: no list names it, neither principals of "
				       "the listener nor those of a group",
			    claim->principal);
			return false;
		}
		principal_host(&p, g->host);
		out->sender = out->host = g->host;
	}
	slot = place < g->place_count ? g->places[place] : g->slots[0];
	out->user = &slot->group;
	out->max_in_flight = slot->group.max_in_flight_sender;
	return true;
}

struct group *
groups_named(struct groups *g, struct str name)
{
	struct slot *slot = slot_named(g, name);

	return slot != NULL && !slot->gone ? &slot->group : &g->slots[0]->group;
}

size_t
groups_count(const struct groups *g)
{
	return g->count;
}

struct group *
groups_at(struct groups *g, size_t i)
{
	return &g->slots[i]->group;
}

void
groups_close(struct groups *g)
{
	struct retired *r;

	if (g == NULL)
		return;
	while ((r = g->retired) != NULL) {
		g->retired = r->next;
		script_close(r->script);
		free(r);
	}
	for (size_t i = 0; i < g->count; i++) {
		script_close(g->slots[i]->own);
		free(g->slots[i]);
	}
	free(g->slots);
	free(g->places);
	admission_free(g->admission);
	free(g);
}
