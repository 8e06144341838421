/* The parts of a document that are small enough to stand together, and the table of all. */
#include "bsm/parts.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "bsm/walk.h"

void
put_plain_text(struct walk *w, const struct token *t)
{
	put_text(w, t->text);
}

void
put_plain_addr(struct walk *w, const struct token *t)
{
	put_addr(w, t->addr);
}

void
put_number(struct walk *w, const struct token *t)
{
	put_integer(w, t->number);
}

void
put_mask(struct walk *w, const struct token *t)
{
	put_bits(w, NAMES_ACE_MASK, t->number);
}

static void
put_bytes(struct walk *w, const struct token *t)
{
	put_hex(w, t->words.at, t->words.count);
}

static void
put_return_value(struct walk *w, const struct token *t)
{
	put_integer(w, t->ret.value);
}

static void
put_time(struct walk *w, int64_t seconds, uint32_t nanoseconds)
{
	char text[CLOCK_TEXT_SIZE];
	size_t len = clock_text(seconds, nanoseconds, text);

	w->ops->word(w->sink, text, len);
}

static void
put_received(struct walk *w)
{
	int64_t seconds = w->o->received / CLOCK_SECOND, rest = w->o->received % CLOCK_SECOND;

	if (rest < 0) {
		rest += CLOCK_SECOND;
		seconds--;
	}
	put_time(w, seconds, (uint32_t)rest);
}

static void
put_record_time(struct walk *w)
{
	if (w->r->decodable)
		put_time(w, w->r->header.seconds, w->r->nanoseconds);
	else
		put_received(w);
}

static void
put_version(struct walk *w)
{
	put_integer(w, w->r->header.version);
}

static void
put_event(struct walk *w)
{
	put_word(w, w->r->event);
}

static void
put_event_id(struct walk *w)
{
	put_integer(w, w->r->header.event);
}

static void
put_modifier(struct walk *w)
{
	put_bits(w, w->r->openbsm ? NAMES_EVENT_MODIFIER_OPENBSM : NAMES_EVENT_MODIFIER,
	    w->r->header.modifier);
}

static void
put_host_ip(struct walk *w)
{
	put_addr(w, w->r->header.host);
}

static void
put_from(struct walk *w)
{
	put_text(w, w->o->from);
}

static void
put_host(struct walk *w)
{
	put_text(w, w->o->host);
}

static void
put_principal(struct walk *w)
{
	put_text(w, w->o->principal);
}

static void
put_sender_sequence(struct walk *w)
{
	put_integer(w, (int64_t)w->o->sequence);
}

static void
put_target_zonename(struct walk *w)
{
	const struct token *t, *last = record_last(w->r, TOKEN_ZONENAME);

	open_list(w);
	for (t = record_first(w->r, TOKEN_ZONENAME); t != last; t = record_next(w->r, t))
		put_text(w, t->text);
	close_list(w);
}

/* "0", an error's name, or "failure" for what only says that it failed. */
void
put_errno(struct walk *w, const struct token *t)
{
	uint8_t error = t->ret.error;

	if (error == 0)
		put_word(w, STR("0"));
	else if (error == 255)
		put_word(w, STR("failure"));
	else
		put_name(w, names_errno(error, w->r->openbsm), error);
}

static void
put_outcome(struct walk *w)
{
	const struct token *ret = record_last(w->r, TOKEN_RETURN);

	if (ret != NULL)
		put_word(w, ret->ret.error != 0 ? STR("failure") : STR("success"));
	else
		put_word(
		    w, (w->r->header.modifier & 0x8000) != 0 ? STR("failure") : STR("unknown"));
}

/* The reason in the value of a user-level return token. */
static void
put_failure(struct walk *w)
{
	int64_t code = record_last(w->r, TOKEN_RETURN)->ret.value;
	const struct names_failure *f = names_failure(code);

	open_object(w);
	put_pair(w, KEY_CODE, code);
	put_key(w, KEY_NAME);
	put_name(w, f != NULL ? f->name : STR(""), code);
	if (f != NULL && f->text.len > 0)
		put_word_pair(w, KEY_TEXT, f->text);
	close_object(w);
}

void
put_exit(struct walk *w, const struct token *t)
{
	open_object(w);
	put_id(w, KEY_STATUS, t->exit.status);
	put_id(w, KEY_VALUE, t->exit.value);
	close_object(w);
}

static void
put_groups(struct walk *w)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, TOKEN_GROUPS); t != NULL; t = record_next(w->r, t))
		for (uint32_t i = 0; i < t->words.count; i++)
			put_integer(w, id_value(be32(t->words.at + (size_t)i * 4)));
	close_list(w);
}

static void
put_used_privs(struct walk *w)
{
	put_use_of_priv(w, &w->r->tokens[w->r->used_privs]);
}

static void
put_failed_privs(struct walk *w)
{
	put_text(w, w->r->tokens[w->r->failed_privs].use_of_priv.privs);
}

static void
put_privs(struct walk *w)
{
	put_sets(w, TOKEN_PRIVILEGE, false);
}

static void
put_privs_before(struct walk *w)
{
	put_sets(w, TOKEN_PRIVILEGE, true);
}

static void
put_secflags(struct walk *w)
{
	put_sets(w, TOKEN_SECFLAGS, false);
}

static void
put_secflags_before(struct walk *w)
{
	put_sets(w, TOKEN_SECFLAGS, true);
}

static void
put_second_path(struct walk *w)
{
	put_text(w, record_next(w->r, record_first(w->r, TOKEN_PATH))->text);
}

static void
put_attributes(struct walk *w)
{
	put_attribute(w, &w->r->tokens[w->r->attributes]);
}

static void
put_target_attributes(struct walk *w)
{
	put_attribute(w, &w->r->tokens[w->r->target_attributes]);
}

/* The strings of all tokens of a kind, in one list. */
static void
put_all_strings(struct walk *w, enum token_kind kind)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, kind); t != NULL; t = record_next(w->r, t))
		put_each_string(w, &t->strings);
	close_list(w);
}

static void
put_xattr_path(struct walk *w)
{
	put_all_strings(w, TOKEN_PATH_ATTR);
}

static void
put_krb5_principal(struct walk *w)
{
	put_all_strings(w, TOKEN_KRB5_PRINCIPAL);
}

static void
put_cert_hash(struct walk *w)
{
	put_all_strings(w, TOKEN_CERT_HASH);
}

static void
put_rights(struct walk *w)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, TOKEN_RIGHTS); t != NULL; t = record_next(w->r, t))
		for (uint32_t i = 0; i < t->words.count; i++)
			put_hex(w, t->words.at + (size_t)i * 8, 8);
	close_list(w);
}

static void
put_unknown_token(struct walk *w)
{
	put_integer(w, w->r->bytes[w->r->unread]);
}

static void
put_unknown_hex(struct walk *w)
{
	put_hex(w, w->r->bytes + w->r->unread, w->r->size - w->r->unread);
}

static void
put_damaged(struct walk *w)
{
	struct buf *b = &w->scratch->text;

	buf_cut(b, 0);
	record_damage_text(w->r, b);
	put_scratch(w);
}

static void
put_undecoded_hex(struct walk *w)
{
	put_hex(w, w->r->bytes, w->r->size);
}

#define RECORD(put)                                  \
	{                                            \
		.from = FROM_RECORD, .record = (put) \
	}
#define FIRST(kind_, put)                                                 \
	{                                                                 \
		.from = FROM_FIRST, .kind = TOKEN_##kind_, .token = (put) \
	}
#define LAST(kind_, put)                                                 \
	{                                                                \
		.from = FROM_LAST, .kind = TOKEN_##kind_, .token = (put) \
	}
#define EACH(kind_, put)                                                 \
	{                                                                \
		.from = FROM_EACH, .kind = TOKEN_##kind_, .token = (put) \
	}

const struct part parts[FIELDS] = {
	[FIELD_TIME] = RECORD(put_record_time),
	[FIELD_VERSION] = RECORD(put_version),
	[FIELD_EVENT] = RECORD(put_event),
	[FIELD_EVENT_ID] = RECORD(put_event_id),
	[FIELD_MODIFIER] = RECORD(put_modifier),
	[FIELD_HOST_IP] = RECORD(put_host_ip),
	[FIELD_FROM] = RECORD(put_from),
	[FIELD_HOST] = RECORD(put_host),
	[FIELD_PRINCIPAL] = RECORD(put_principal),
	[FIELD_RECEIVED] = RECORD(put_received),
	[FIELD_SENDER_SEQUENCE] = RECORD(put_sender_sequence),
	[FIELD_SEQUENCE] = FIRST(SEQUENCE, put_number),
	[FIELD_ZONENAME] = LAST(ZONENAME, put_plain_text),
	[FIELD_TARGET_ZONENAME] = RECORD(put_target_zonename),
	[FIELD_RETURN] = LAST(RETURN, put_return_value),
	[FIELD_ERRNO] = LAST(RETURN, put_errno),
	[FIELD_OUTCOME] = RECORD(put_outcome),
	[FIELD_FAILURE] = RECORD(put_failure),
	[FIELD_EXIT] = FIRST(EXIT, put_exit),
	[FIELD_SUBJECT] = FIRST(SUBJECT, put_subject),
	[FIELD_PROCESS] = FIRST(PROCESS, put_subject),
	[FIELD_GROUPS] = RECORD(put_groups),
	[FIELD_USER] = FIRST(USER, put_user),
	[FIELD_USED_PRIVS] = RECORD(put_used_privs),
	[FIELD_FAILED_PRIVS] = RECORD(put_failed_privs),
	[FIELD_PRIVS] = RECORD(put_privs),
	[FIELD_PRIVS_BEFORE] = RECORD(put_privs_before),
	[FIELD_USED_AUTH] = EACH(USE_OF_AUTH, put_plain_text),
	[FIELD_SECFLAGS] = RECORD(put_secflags),
	[FIELD_SECFLAGS_BEFORE] = RECORD(put_secflags_before),
	[FIELD_LABEL] = FIRST(LABEL, put_label),
	[FIELD_WSID] = FIRST(WSID, put_plain_text),
	[FIELD_ACCESS_MASK] = FIRST(ACCESS_MASK, put_mask),
	[FIELD_KRB5_PRINCIPAL] = RECORD(put_krb5_principal),
	[FIELD_CERT_HASH] = RECORD(put_cert_hash),
	[FIELD_IDENTITY] = FIRST(IDENTITY, put_identity),
	[FIELD_PATH] = FIRST(PATH, put_plain_text),
	[FIELD_TARGET_PATH] = RECORD(put_second_path),
	[FIELD_WORKING_DIRECTORY] = RECORD(put_second_path),
	[FIELD_XATTR_PATH] = RECORD(put_xattr_path),
	[FIELD_ATTRIBUTES] = RECORD(put_attributes),
	[FIELD_TARGET_ATTRIBUTES] = RECORD(put_target_attributes),
	[FIELD_EXEC_ARGS] = FIRST(EXEC_ARGS, put_strings),
	[FIELD_EXEC_ENV] = RECORD(put_exec_env),
	[FIELD_EXEC_ENV_MORE] = RECORD(put_exec_env_more),
	[FIELD_CMD] = FIRST(CMD, put_cmd),
	[FIELD_ARGS] = RECORD(put_args),
	[FIELD_TEXT] = EACH(TEXT, put_plain_text),
	[FIELD_FMRI] = EACH(FMRI, put_plain_text),
	[FIELD_ADDR] = EACH(IN_ADDR, put_plain_addr),
	[FIELD_IPORT] = EACH(IPORT, put_number),
	[FIELD_SOCKET] = FIRST(SOCKET, put_socket),
	[FIELD_IP] = FIRST(IP, put_ip),
	[FIELD_TID] = FIRST(TID, put_tid),
	[FIELD_IPC] = FIRST(IPC, put_ipc),
	[FIELD_IPC_PERM] = FIRST(IPC_PERM, put_ipc_perm),
	[FIELD_ACL] = EACH(ACL, put_acl),
	[FIELD_ACE] = EACH(ACE, put_ace),
	[FIELD_DATA] = EACH(DATA, put_data),
	[FIELD_OPAQUE] = EACH(OPAQUE, put_bytes),
	[FIELD_X] = EACH(X, put_x),
	[FIELD_UUIDS] = RECORD(put_uuids),
	[FIELD_RIGHTS] = RECORD(put_rights),
	[FIELD_LIAISON] = FIRST(LIAISON, put_number),
	[FIELD_HEADER_HOST] = FIRST(HOST, put_plain_addr),
	[FIELD_MORE] = RECORD(put_more),
	[FIELD_UNKNOWN_TOKEN] = RECORD(put_unknown_token),
	[FIELD_UNKNOWN_HEX] = RECORD(put_unknown_hex),
	[FIELD_DAMAGED] = RECORD(put_damaged),
	[FIELD_ESCAPED] = RECORD(put_escaped),
	[FIELD_UNDECODED_HEX] = RECORD(put_undecoded_hex),
};
