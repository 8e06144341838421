/* From settings to what a group works with: what it has of its own, and from the top level. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/build.h"
#include "script/template.h"

void
build_group(struct settings_group *out, const struct settings *s, size_t place)
{
	const struct settings_group none = { .name = "default",
		.swapped_ports = SETTINGS_NOT_SET,
		.max_in_flight = SETTINGS_NOT_SET };

	*out = place < s->group_count ? s->groups[place] : none;
	if (out->index == NULL)
		out->index = s->index;
	if (out->rules == NULL)
		out->rules = s->rules.directory;
	if (out->events == NULL)
		out->events = s->decoder.events;
	if (out->swapped_ports == SETTINGS_NOT_SET)
		out->swapped_ports = s->decoder.swapped_ports;
	if (out->service_ports.items == NULL)
		out->service_ports = s->decoder.service_ports;
	if (out->max_in_flight == SETTINGS_NOT_SET)
		out->max_in_flight = s->limits.max_in_flight_sender;
}

bool
build_group_named(const struct settings *s, const char *name, size_t *place)
{
	for (*place = 0; *place < s->group_count; (*place)++)
		if (s->groups[*place].name != NULL && strcmp(s->groups[*place].name, name) == 0)
			return true;
	*place = BUILD_DEFAULT;
	return strcmp(name, "default") == 0;
}

#define WHERE_SIZE 64

/* The path of a setting that a group has of its own, or from the top level. */
static const char *
where(char out[WHERE_SIZE], size_t place, bool own, const char *inner, const char *top)
{
	if (place == BUILD_DEFAULT || !own)
		snprintf(out, WHERE_SIZE, "%s", top);
	else
		snprintf(out, WHERE_SIZE, "groups.%zu.%s", place + 1, inner);
	return out;
}

struct err *
build_dialect(struct dialect *out, const struct settings *s, size_t place)
{
	struct settings_group g;
	const char *path;
	char at[WHERE_SIZE], *end;
	unsigned long port;

	build_group(&g, s, place);
	path = where(at, place, g.service_ports.items != s->decoder.service_ports.items,
	    "service_ports", "decoder.service_ports");
	*out = (struct dialect){
		.natural_ports = g.swapped_ports == 0,
		.events = strcmp(g.events, "smartos") == 0 ? EVENTS_SMARTOS : EVENTS_ILLUMOS,
		.record_max = (uint32_t)s->limits.max_frame,
	};
	if (g.service_ports.count > DIALECT_SERVICES)
		return err_new("%s: at most %d", path, DIALECT_SERVICES);
	for (size_t i = 0; i < g.service_ports.count; i++) {
		port = strtoul(g.service_ports.items[i], &end, 10);
		if (*end != '\0' || port == 0 || port > 65535)
			return err_new(
			    "%s.%zu: \"%s\" is not a port", path, i + 1, g.service_ports.items[i]);
		out->services[out->service_count++] = (uint16_t)port;
	}
	return NULL;
}

/* A bad index name is told with the place of the setting, before rules are read. */
static struct err *
check_index(const char *index, const char *path)
{
	struct template t = { 0 };
	struct err *e = template_init(&t, index);

	template_fini(&t);
	return e != NULL ? err_wrap(e, "%s", path) : NULL;
}

struct err *
build_script(struct script **out, const struct settings *s, size_t place,
    const struct build_lookups *lookups)
{
	struct settings_group g;
	struct script_config config;
	struct err *e;
	char at[WHERE_SIZE];

	build_group(&g, s, place);
	config = (struct script_config){
		.directory = g.rules,
		.index = g.index,
		.max_heap = (size_t)s->rules.max_heap,
		.time_limit = (unsigned)s->rules.time_limit,
		.max_waiting = (unsigned)s->lookups.max_waiting,
	};
	if (lookups != NULL) {
		config.asker = lookups->asker;
		config.wake = lookups->wake;
		config.ctx = lookups->ctx;
	}
	if ((e = check_index(g.index, where(at, place, g.index != s->index, "index", "index"))) !=
	    NULL)
		return e;
	if ((e = script_open(out, &config)) != NULL && g.rules != s->rules.directory)
		e = err_wrap(e, "groups.%zu.rules", place + 1);
	return e;
}
