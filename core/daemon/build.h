/*
 * build: from settings to the configuration of each room, with the checks that take more than one
 * setting.
 */
#ifndef DAEMON_BUILD_H
#define DAEMON_BUILD_H

#include "base/err.h"
#include "daemon/dead.h"
#include "daemon/pipeline.h"
#include "daemon/settings.h"
#include "journal/journal.h"
#include "lookup/lookup.h"
#include "output/output.h"
#include "script/script.h"
#include "wire/wire.h"

struct pool;

/* A configuration and what it borrows. */
struct build_wire {
	struct wire_config config;
	struct wire_listener *listeners;
};

struct build_output {
	struct output_config config;
};

struct build_lookup {
	struct lookup_config config;
	struct lookup_service *services;
};

struct err *build_wire(struct build_wire *out, const struct settings *s) MUST_USE;
struct err *build_output(
    struct build_output *out, const struct settings *s, struct pool *pool) MUST_USE;
void build_journal(struct journal_config *out, const struct settings *s);
void build_dead(struct dead_config *out, const struct settings *s);
/* All but broken and ctx. */
struct err *build_pipeline(struct pipeline_config *out, const struct settings *s) MUST_USE;
struct err *build_lookup(struct build_lookup *out, const struct settings *s) MUST_USE;
/* These take half-built ones too. */
void build_wire_free(struct build_wire *wire);
void build_lookup_free(struct build_lookup *lookup);

/*
 * The settings of a group, with what it has from the top level (but for ack); place: in
 * s->groups, or BUILD_DEFAULT for the group "default". Borrows from s.
 */
#define BUILD_DEFAULT SIZE_MAX
void build_group(struct settings_group *out, const struct settings *s, size_t place);
/* The place of a group by its name, BUILD_DEFAULT of "default"; false when there is none. */
bool build_group_named(const struct settings *s, const char *name, size_t *place) MUST_USE;
struct err *build_dialect(struct dialect *out, const struct settings *s, size_t place) MUST_USE;
/* What a script works with beside settings, as in script_config; NULL: no lookups. */
struct build_lookups {
	const struct script_asker *asker;
	void (*wake)(void *ctx, struct script_wait *wait);
	void *ctx;
};
struct err *build_script(struct script **out, const struct settings *s, size_t place,
    const struct build_lookups *lookups) MUST_USE;
/* Logs which settings differ and only come into force with a restart. */
void build_tell_restart(const struct settings *old, const struct settings *fresh);

#endif
