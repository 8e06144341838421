/*
 * names: what the senders' own tables call things. All names are lower case; only events have lost
 * their prefix (AUE_).
 *
 * The tables are made at build time from the .tsv files in tables. A name that is not there is an
 * empty str.
 */
#ifndef BSM_NAMES_H
#define BSM_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

/* Whose event numbers. */
enum event_column {
	EVENT_ILLUMOS,
	EVENT_SMARTOS,
	EVENT_TSOL,
	EVENT_DARWIN1,
	EVENT_OPENBSM,
	EVENT_APPLE,
	EVENT_COLUMNS,
};

/* The name of an event. O(1). */
struct str names_event(enum event_column column, uint16_t number);
/* Every event name that exists, i below names_event_count(), in the order of their bytes. */
size_t names_event_count(void);
struct str names_event_at(size_t i);
/* Is it the name of an event of any system? */
bool names_event_exists(struct str name) MUST_USE;

/* An error number of a return token. O(1). */
struct str names_errno(uint8_t number, bool openbsm);
/* A signal; 0 has no name. O(1). */
struct str names_signal(uint64_t number, bool openbsm);

/* The small tables. */
enum names_list {
	NAMES_POLICY,
	NAMES_POLICY_OPENBSM,
	NAMES_AUDIT_COND,
	NAMES_AUDIT_COND_OPENBSM,
	NAMES_EVENT_MODIFIER,
	NAMES_EVENT_MODIFIER_OPENBSM,
	NAMES_IPC_TYPE,
	NAMES_DATA_PRINT,
	NAMES_DATA_UNIT,
	NAMES_FILE_TYPE,
	NAMES_OPEN_FLAG,
	NAMES_FCNTL_CMD,
	NAMES_FCNTL_CMD_OPENBSM,
	NAMES_MOUNT_FLAG,
	NAMES_P_ONLINE_FLAG,
	NAMES_IDTYPE,
	NAMES_MEMCNTL_CMD,
	NAMES_ACL_CMD,
	NAMES_ACL_TYPE,
	NAMES_ACE_MASK,
	NAMES_ACE_FLAG,
	NAMES_ACE_TYPE,
	NAMES_DOOR_ATTR,
	NAMES_SOCKET_OPTION_LEVEL,
	NAMES_SOCKET_OPTION,
	NAMES_SETPPRIV_OP,
	NAMES_SOCKET_FLAG,
	NAMES_TERMINAL_TYPE,
	NAMES_LABEL_TYPE,
	NAMES_CLASS, /* unions too: for names_classes() */
	NAMES_CLASS_OPENBSM,
	NAMES_SOCKET_DOMAIN,
	NAMES_SOCKET_DOMAIN_OPENBSM,
	NAMES_SOCKET_DOMAIN_KERNEL, /* tokens 80 to 82: the sending kernel's own number */
	NAMES_SOCKET_TYPE,
	NAMES_SOCKET_TYPE_OPENBSM,
	NAMES_LISTS,
};

struct names_row {
	int64_t value;
	struct str name;
};

struct names_rows {
	const struct names_row *row; /* in ascending order of their values */
	unsigned count;
};

/* The name of exactly this value. */
struct str names_value(enum names_list list, int64_t value);

#define NAMES_BITS 64 /* the most names that a mask can have */

/*
 * The names of the bits of a mask, ascending, into out; returns how many, and in rest the bits
 * without a name.
 */
unsigned names_bits(
    enum names_list list, uint64_t mask, struct str out[NAMES_BITS], uint64_t *rest);
/*
 * The same for audit classes, with names for unions of classes: from the largest mask down, a name
 * is taken when all of its bits are left.
 */
unsigned names_classes(
    enum names_list list, uint64_t mask, struct str out[NAMES_BITS], uint64_t *rest);

/* What the value of a failed user-level return token means. */
struct names_failure {
	int code;
	struct str name;
	struct str text; /* in words; may be empty */
};

/* NULL when the code is not known. */
const struct names_failure *names_failure(int64_t code);

#endif
