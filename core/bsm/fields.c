/* fields: from the kinds of tokens in a record to the fields of its document. */
#include "bsm/fields.h"

#include "bsm/keyed.h"

_Static_assert(FIELDS <= RECORD_FIELDS, "a bit for each field");
_Static_assert(TOKEN_KINDS <= 64, "a bit for each kind of token");

#define NO_FIELD FIELDS

/* The field that shows a kind of token by itself. */
static const uint8_t field_of_kind[TOKEN_KINDS] = {
	[TOKEN_TRAILER] = NO_FIELD,
	[TOKEN_PATH] = FIELD_PATH,
	[TOKEN_PATH_ATTR] = FIELD_XATTR_PATH,
	[TOKEN_ATTRIBUTE] = FIELD_ATTRIBUTES,
	[TOKEN_EXEC_ARGS] = FIELD_EXEC_ARGS,
	[TOKEN_EXEC_ENV] = FIELD_EXEC_ENV,
	[TOKEN_CMD] = FIELD_CMD,
	[TOKEN_ARGUMENT] = FIELD_ARGS,
	[TOKEN_SUBJECT] = FIELD_SUBJECT,
	[TOKEN_PROCESS] = FIELD_PROCESS,
	[TOKEN_RETURN] = FIELD_RETURN,
	[TOKEN_EXIT] = FIELD_EXIT,
	[TOKEN_TEXT] = FIELD_TEXT,
	[TOKEN_FMRI] = FIELD_FMRI,
	[TOKEN_USE_OF_AUTH] = FIELD_USED_AUTH,
	[TOKEN_USE_OF_PRIV] = FIELD_USED_PRIVS,
	[TOKEN_PRIVILEGE] = FIELD_PRIVS,
	[TOKEN_SECFLAGS] = FIELD_SECFLAGS,
	[TOKEN_ZONENAME] = FIELD_ZONENAME,
	[TOKEN_SEQUENCE] = FIELD_SEQUENCE,
	[TOKEN_GROUPS] = FIELD_GROUPS,
	[TOKEN_USER] = FIELD_USER,
	[TOKEN_LABEL] = FIELD_LABEL,
	[TOKEN_WSID] = FIELD_WSID,
	[TOKEN_ACCESS_MASK] = FIELD_ACCESS_MASK,
	[TOKEN_IN_ADDR] = FIELD_ADDR,
	[TOKEN_IPORT] = FIELD_IPORT,
	[TOKEN_IP] = FIELD_IP,
	[TOKEN_SOCKET] = FIELD_SOCKET,
	[TOKEN_TID] = FIELD_TID,
	[TOKEN_IPC] = FIELD_IPC,
	[TOKEN_IPC_PERM] = FIELD_IPC_PERM,
	[TOKEN_ACL] = FIELD_ACL,
	[TOKEN_ACE] = FIELD_ACE,
	[TOKEN_DATA] = FIELD_DATA,
	[TOKEN_OPAQUE] = FIELD_OPAQUE,
	[TOKEN_X] = FIELD_X,
	[TOKEN_UUID] = FIELD_UUIDS,
	[TOKEN_RIGHTS] = FIELD_RIGHTS,
	[TOKEN_LIAISON] = FIELD_LIAISON,
	[TOKEN_HOST] = FIELD_HEADER_HOST,
	[TOKEN_IDENTITY] = FIELD_IDENTITY,
	[TOKEN_KRB5_PRINCIPAL] = FIELD_KRB5_PRINCIPAL,
	[TOKEN_CERT_HASH] = FIELD_CERT_HASH,
};

#define BIT(kind) (UINT64_C(1) << (kind))

/*
 * Kinds whose first token (of returns: the last) has a field of its own, and whose others go to
 * `more`.
 */
#define ONE_OF_A_KIND                                                                              \
	(BIT(TOKEN_SUBJECT) | BIT(TOKEN_PROCESS) | BIT(TOKEN_RETURN) | BIT(TOKEN_EXIT) |           \
	    BIT(TOKEN_SEQUENCE) | BIT(TOKEN_USER) | BIT(TOKEN_LABEL) | BIT(TOKEN_WSID) |           \
	    BIT(TOKEN_ACCESS_MASK) | BIT(TOKEN_IDENTITY) | BIT(TOKEN_EXEC_ARGS) | BIT(TOKEN_CMD) | \
	    BIT(TOKEN_SOCKET) | BIT(TOKEN_IP) | BIT(TOKEN_TID) | BIT(TOKEN_IPC) |                  \
	    BIT(TOKEN_IPC_PERM) | BIT(TOKEN_LIAISON) | BIT(TOKEN_HOST))

/*
 * The first attribute is the document's; the target's is the first behind the second path. An
 * attribute belongs to the path before it.
 */
static void
choose_attributes(struct record *r)
{
	const struct token *path = record_first(r, TOKEN_PATH), *t;
	unsigned paths = 0;

	if ((t = record_first(r, TOKEN_ATTRIBUTE)) == NULL)
		return;
	r->attributes = r->first[TOKEN_ATTRIBUTE];
	while ((t = record_next(r, t)) != NULL) {
		for (; path != NULL && path->at < t->at; path = record_next(r, path))
			paths++;
		if (paths == 2) {
			r->target_attributes = (uint32_t)(t - r->tokens);
			fields_add(r->fields, FIELD_TARGET_ATTRIBUTES);
		}
		if (paths >= 2)
			break;
	}
	if (r->number[TOKEN_ATTRIBUTE] > (r->target_attributes != TOKEN_NONE ? 2u : 1u))
		fields_add(r->fields, FIELD_MORE);
}

static void
choose_privs(struct record *r)
{
	const struct token *t, *used = NULL, *failed = NULL;

	for (t = record_first(r, TOKEN_USE_OF_PRIV); t != NULL; t = record_next(r, t)) {
		if (t->use_of_priv.ok != 0 && used == NULL)
			used = t;
		if (t->use_of_priv.ok == 0 && failed == NULL)
			failed = t;
	}
	if (failed != NULL) {
		r->failed_privs = (uint32_t)(failed - r->tokens);
		fields_add(r->fields, FIELD_FAILED_PRIVS);
	}
	if (used == NULL)
		used = failed;
	r->used_privs = (uint32_t)(used - r->tokens);
	if (r->number[TOKEN_USE_OF_PRIV] > (failed != NULL && failed != used ? 2u : 1u))
		fields_add(r->fields, FIELD_MORE);
}

static bool
is_failure_code(const struct record *r, const struct token *ret)
{
	return !r->openbsm && ret->ret.error != 0 && ret->ret.value >= 1000 &&
	       ret->ret.value <= INT32_MAX;
}

/* A set that comes twice is one before and after a change; more often, there are some between. */
static void
find_repeated_set(struct record *r, enum token_kind kind, enum field before)
{
	struct keyed *k;
	size_t count = keyed_collect(r, kind, &k);

	for (size_t i = 0, run; i < count; i += run) {
		run = keyed_run(k, i, count);
		if (run > 1)
			fields_add(r->fields, before);
		if (run > 2)
			fields_add(r->fields, FIELD_MORE);
	}
}

static void
find_repeated(struct record *r)
{
	uint64_t repeated = r->repeated;

	if ((repeated & BIT(TOKEN_PATH)) != 0) {
		bool pfexec = !r->openbsm && r->header.event == 116;

		fields_add(r->fields, pfexec ? FIELD_WORKING_DIRECTORY : FIELD_TARGET_PATH);
		if (r->number[TOKEN_PATH] > 2)
			fields_add(r->fields, FIELD_MORE);
	}
	if ((repeated & BIT(TOKEN_ZONENAME)) != 0)
		fields_add(r->fields, FIELD_TARGET_ZONENAME);
	if ((repeated & BIT(TOKEN_PRIVILEGE)) != 0)
		find_repeated_set(r, TOKEN_PRIVILEGE, FIELD_PRIVS_BEFORE);
	if ((repeated & BIT(TOKEN_SECFLAGS)) != 0)
		find_repeated_set(r, TOKEN_SECFLAGS, FIELD_SECFLAGS_BEFORE);
	if ((repeated & ONE_OF_A_KIND) != 0)
		fields_add(r->fields, FIELD_MORE);
}

void
fields_find(struct record *r)
{
	const struct token *ret;

	r->fields[0] = r->fields[1] = 0;
	r->attributes = r->target_attributes = r->used_privs = r->failed_privs = TOKEN_NONE;
	fields_add(r->fields, FIELD_EVENT);
	fields_add(r->fields, FIELD_ESCAPED);
	if (r->damages > 0)
		fields_add(r->fields, FIELD_DAMAGED);
	if (r->unknown)
		fields_add(r->fields, FIELD_UNKNOWN_TOKEN);
	if (!r->decodable) {
		fields_add(r->fields, FIELD_UNDECODED_HEX);
		return;
	}
	fields_add(r->fields, FIELD_TIME);
	fields_add(r->fields, FIELD_VERSION);
	fields_add(r->fields, FIELD_EVENT_ID);
	fields_add(r->fields, FIELD_OUTCOME);
	if (r->header.modifier != 0)
		fields_add(r->fields, FIELD_MODIFIER);
	if (r->header.host.len > 0)
		fields_add(r->fields, FIELD_HOST_IP);
	if (r->unread < r->size)
		fields_add(r->fields, FIELD_UNKNOWN_HEX);
	for (uint64_t kinds = r->kinds & ~BIT(TOKEN_TRAILER); kinds != 0; kinds &= kinds - 1)
		fields_add(r->fields, field_of_kind[__builtin_ctzll(kinds)]);
	if ((ret = record_last(r, TOKEN_RETURN)) != NULL) {
		fields_add(r->fields, FIELD_ERRNO);
		if (is_failure_code(r, ret))
			fields_add(r->fields, FIELD_FAILURE);
	}
	if ((r->kinds & BIT(TOKEN_EXEC_ENV)) != 0)
		fields_add(r->fields, FIELD_EXEC_ENV_MORE);
	if ((r->kinds & BIT(TOKEN_ATTRIBUTE)) != 0)
		choose_attributes(r);
	if ((r->kinds & BIT(TOKEN_USE_OF_PRIV)) != 0)
		choose_privs(r);
	if (r->repeated != 0)
		find_repeated(r);
}
