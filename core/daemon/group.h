/*
 * group: a named set of senders with rules, index, limits, dialect and acknowledgement of its own.
 * Everybody who is in none of the configured groups is in the group "default", which has the
 * settings of the top level.
 *
 * A group lives as long as the daemon; a reload exchanges what is in it.
 */
#ifndef DAEMON_GROUP_H
#define DAEMON_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bsm/record.h"
#include "script/script.h"
#include "wire/wire.h"

struct settings;

/* What a group has is exchanged by groups_reload(), but for its name. */
struct group {
	const char *name;
	struct script *script;
	struct dialect dialect;
	bool journaled; /* acknowledged when it is in the journal; else when indexed */
	uint64_t max_in_flight_sender; /* bytes */
};

struct groups;

/*
 * asker, wake: as in script_config. The settings are borrowed for the groups' life: they are what
 * listeners and journal were opened with.
 */
struct err *groups_open(struct groups **out, const struct settings *s,
    const struct script_asker *asker, void (*wake)(void *ctx, struct script_wait *wait),
    void *ctx) MUST_USE;
/*
 * New rules, index names, dialects and allow-lists from new settings; on an error everything stays
 * as it was. Which group a sender is in is decided when it connects; one that may not send any more is
 * for wire_admit_again(). A group that is not in the new settings is from then on as "default". A script that was exchanged and has waiting
 * records ends with its last one.
 */
struct err *groups_reload(struct groups *g, const struct settings *s) MUST_USE;
/* Each second: scripts that were exchanged and have nothing waiting any more end. */
void groups_tick(struct groups *g);
/*
 * Who may send, and as whom: the handler of wire_config.admit, ctx is the groups. out->user is the
 * struct group.
 */
bool groups_admit(
    void *groups, const struct wire_claim *claim, struct wire_admission *out, struct err **why);
/* By name, for what the journal kept; the default one when there is none of that name. */
struct group *groups_named(struct groups *g, struct str name);
/* All that there ever were. Groups without rules or index of their own share the script of 0. */
size_t groups_count(const struct groups *g);
struct group *groups_at(struct groups *g, size_t i); /* 0: default */
/* NULL is fine. */
void groups_close(struct groups *g);

#endif
