/*
 * build: from settings to the configuration of each room, with the checks that take more than one
 * setting.
 */
#ifndef DAEMON_BUILD_H
#define DAEMON_BUILD_H

#include "base/err.h"
#include "daemon/settings.h"
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

struct err *build_wire(struct build_wire *out, const struct settings *s) MUST_USE;
struct err *build_output(
    struct build_output *out, const struct settings *s, struct pool *pool) MUST_USE;
struct err *build_dialect(struct dialect *out, const struct settings *s) MUST_USE;
struct err *build_script(struct script **out, const struct settings *s) MUST_USE;
void build_free(struct build_wire *wire, struct build_output *output);
/* Logs which settings differ and only come into force with a restart. */
void build_tell_restart(const struct settings *old, const struct settings *fresh);

#endif
