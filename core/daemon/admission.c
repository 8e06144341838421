/* admission: lists from the settings, checked against each other, and asked. */
#include "daemon/admission.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "daemon/settings.h"

/* Of a group, or of a listener (which has no networks here). */
struct list {
	char **texts; /* what the patterns borrow from */
	struct principal_pattern *patterns;
	size_t pattern_count;
	struct addr_net *nets;
	size_t net_count;
};

struct admission {
	struct list *groups, *listeners;
	size_t group_count, listener_count;
};

static void
list_free(struct list *l)
{
	for (size_t i = 0; i < l->pattern_count; i++)
		free(l->texts[i]);
	free(l->texts);
	free(l->patterns);
	free(l->nets);
}

void
admission_free(struct admission *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; a->groups != NULL && i < a->group_count; i++)
		list_free(&a->groups[i]);
	for (size_t i = 0; a->listeners != NULL && i < a->listener_count; i++)
		list_free(&a->listeners[i]);
	free(a->groups);
	free(a->listeners);
	free(a);
}

/* where: "groups.2", the path of the table in which the list stands. */
static struct err *
take_principals(struct list *out, const struct settings_list *in, const char *where)
{
	struct err *e;

	if (in->count == 0)
		return NULL;
	out->texts = calloc(in->count, sizeof(*out->texts));
	out->patterns = calloc(in->count, sizeof(*out->patterns));
	if (out->texts == NULL || out->patterns == NULL)
		return err_sys("%s", where);
	for (size_t i = 0; i < in->count; i++) {
		if ((out->texts[i] = strdup(in->items[i])) == NULL)
			return err_sys("%s", where);
		out->pattern_count++;
		e = principal_pattern_parse(out->texts[i], &out->patterns[i]);
		if (e != NULL)
			return err_wrap(e, "%s.principals.%zu", where, i + 1);
	}
	return NULL;
}

static struct err *
take_addresses(struct list *out, const struct settings_list *in, const char *where)
{
	struct err *e;

	if (in->count == 0)
		return NULL;
	if ((out->nets = calloc(in->count, sizeof(*out->nets))) == NULL)
		return err_sys("%s", where);
	for (; out->net_count < in->count; out->net_count++)
		if ((e = addr_net_parse(in->items[out->net_count], &out->nets[out->net_count])) !=
		    NULL)
			return err_wrap(e, "%s.addresses.%zu", where, out->net_count + 1);
	return NULL;
}

/* The first of two groups would win; that somebody listed the other one was not meant so. */
static struct err *
check_once(const struct settings *s, size_t group, size_t list_offset, const char *list)
{
	const struct settings_list *mine, *theirs;

	mine = (const void *)((const char *)&s->groups[group] + list_offset);
	for (size_t g = 0; g < group; g++) {
		theirs = (const void *)((const char *)&s->groups[g] + list_offset);
		for (size_t i = 0; i < mine->count; i++)
			for (size_t k = 0; k < theirs->count; k++)
				if (strcmp(mine->items[i], theirs->items[k]) == 0)
					return err_new("groups.%zu.%s.%zu: \"%s\" is in the group "
						       "\"%s\" already",
					    group + 1, list, i + 1, mine->items[i],
					    s->groups[g].name);
	}
	return NULL;
}

static struct err *
take_group(struct list *out, const struct settings *s, size_t group)
{
	const struct settings_group *in = &s->groups[group];
	char where[32];
	struct err *e;

	snprintf(where, sizeof(where), "groups.%zu", group + 1);
	if ((e = take_principals(out, &in->principals, where)) != NULL ||
	    (e = take_addresses(out, &in->addresses, where)) != NULL ||
	    (e = check_once(s, group, offsetof(struct settings_group, principals), "principals")) !=
		NULL)
		return e;
	return check_once(s, group, offsetof(struct settings_group, addresses), "addresses");
}

/* The listener of the new settings that is the running one, or NULL. */
static const struct settings_listener *
same_listener(const struct settings *s, const struct settings_listener *running, size_t *place)
{
	for (*place = 0; *place < s->listen_count; (*place)++) {
		const struct settings_listener *l = &s->listen[*place];
		bool named = l->address != NULL && running->address != NULL;

		if (l->port == running->port && (named ? strcmp(l->address, running->address) == 0
						       : l->address == running->address))
			return l;
	}
	return NULL;
}

static struct err *
take_listener(struct list *out, const struct settings *s, const struct settings_listener *running)
{
	const struct settings_listener *l;
	char where[32];
	size_t place;

	if ((l = same_listener(s, running, &place)) == NULL)
		return NULL;
	snprintf(where, sizeof(where), "listen.%zu", place + 1);
	return take_principals(out, &l->principals, where);
}

struct err *
admission_new(struct admission **out, const struct settings *s, const struct settings *running)
{
	struct admission *a = calloc(1, sizeof(*a));
	struct err *e = NULL;

	if (a == NULL)
		return err_sys("groups");
	a->group_count = s->group_count;
	a->listener_count = running->listen_count;
	a->groups = calloc(s->group_count + 1, sizeof(*a->groups));
	a->listeners = calloc(running->listen_count + 1, sizeof(*a->listeners));
	if (a->groups == NULL || a->listeners == NULL)
		e = err_sys("groups");
	for (size_t i = 0; i < s->group_count && e == NULL; i++)
		e = take_group(&a->groups[i], s, i);
	for (size_t i = 0; i < running->listen_count && e == NULL; i++)
		e = take_listener(&a->listeners[i], s, &running->listen[i]);
	if (e != NULL) {
		admission_free(a);
		return e;
	}
	*out = a;
	return NULL;
}

static bool
list_has(const struct list *l, const struct principal *p)
{
	for (size_t i = 0; i < l->pattern_count; i++)
		if (principal_matches(&l->patterns[i], p))
			return true;
	return false;
}

bool
admission_of_principal(
    const struct admission *a, size_t listener, const struct principal *p, size_t *group)
{
	for (*group = 0; *group < a->group_count; (*group)++)
		if (list_has(&a->groups[*group], p))
			return true;
	*group = ADMISSION_DEFAULT;
	return listener < a->listener_count && list_has(&a->listeners[listener], p);
}

size_t
admission_of_address(const struct admission *a, const char *address)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };
	struct addr_net one;
	struct err *e;

	if ((e = addr_net_parse(address, &one)) != NULL) {
		err_free(e);
		return ADMISSION_DEFAULT;
	}
	memcpy(&sa.sin6_addr, one.bytes, sizeof(one.bytes));
	for (size_t g = 0; g < a->group_count; g++)
		for (size_t i = 0; i < a->groups[g].net_count; i++)
			if (addr_net_has(&a->groups[g].nets[i], (struct sockaddr *)&sa))
				return g;
	return ADMISSION_DEFAULT;
}
