#include "bsm/document.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "bsm/fields.h"
#include "bsm/keyed.h"
#include "bsm/walk.h"

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
put_sender_sequence(struct walk *w)
{
	put_integer(w, (int64_t)w->o->sequence);
}

static void
put_sequence(struct walk *w)
{
	put_integer(w, record_first(w->r, TOKEN_SEQUENCE)->number);
}

static void
put_zonename(struct walk *w)
{
	put_text(w, record_last(w->r, TOKEN_ZONENAME)->text);
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

static void
put_return(struct walk *w)
{
	put_integer(w, record_last(w->r, TOKEN_RETURN)->ret.value);
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
put_last_errno(struct walk *w)
{
	put_errno(w, record_last(w->r, TOKEN_RETURN));
}

struct str
document_outcome(const struct record *r)
{
	const struct token *ret = record_last(r, TOKEN_RETURN);

	if (ret != NULL)
		return ret->ret.error != 0 ? STR("failure") : STR("success");
	return (r->header.modifier & 0x8000) != 0 ? STR("failure") : STR("unknown");
}

static void
put_outcome(struct walk *w)
{
	put_word(w, document_outcome(w->r));
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
put_wsid(struct walk *w)
{
	put_text(w, record_first(w->r, TOKEN_WSID)->text);
}

static void
put_access_mask(struct walk *w)
{
	put_bits(w, NAMES_ACE_MASK, record_first(w->r, TOKEN_ACCESS_MASK)->number);
}

static void
put_path(struct walk *w)
{
	put_text(w, record_first(w->r, TOKEN_PATH)->text);
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
	for (t = record_first(w->r, kind); t != NULL; t = record_next(w->r, t)) {
		struct token_strings strings = t->strings;
		struct str s;

		while (string_next(&strings, &s))
			put_text(w, s);
	}
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

/* All texts of a kind. */
static void
put_texts(struct walk *w, enum token_kind kind)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, kind); t != NULL; t = record_next(w->r, t))
		put_text(w, t->text);
	close_list(w);
}

static void
put_all_text(struct walk *w)
{
	put_texts(w, TOKEN_TEXT);
}

static void
put_fmri(struct walk *w)
{
	put_texts(w, TOKEN_FMRI);
}

static void
put_used_auth(struct walk *w)
{
	put_texts(w, TOKEN_USE_OF_AUTH);
}

static void
put_addrs(struct walk *w)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, TOKEN_IN_ADDR); t != NULL; t = record_next(w->r, t))
		put_addr(w, t->addr);
	close_list(w);
}

static void
put_iports(struct walk *w)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, TOKEN_IPORT); t != NULL; t = record_next(w->r, t))
		put_integer(w, t->number);
	close_list(w);
}

/* Every token of a kind, each as an object. */
static void
put_objects(struct walk *w, enum token_kind kind, void (*put)(struct walk *, const struct token *))
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, kind); t != NULL; t = record_next(w->r, t))
		put(w, t);
	close_list(w);
}

static void
put_acls(struct walk *w)
{
	put_objects(w, TOKEN_ACL, put_acl);
}

static void
put_aces(struct walk *w)
{
	put_objects(w, TOKEN_ACE, put_ace);
}

static void
put_all_data(struct walk *w)
{
	put_objects(w, TOKEN_DATA, put_data);
}

static void
put_all_x(struct walk *w)
{
	put_objects(w, TOKEN_X, put_x);
}

static void
put_opaque(struct walk *w)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, TOKEN_OPAQUE); t != NULL; t = record_next(w->r, t))
		put_hex(w, t->words.at, t->words.count);
	close_list(w);
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
put_liaison(struct walk *w)
{
	put_integer(w, record_first(w->r, TOKEN_LIAISON)->number);
}

static void
put_header_host(struct walk *w)
{
	put_addr(w, record_first(w->r, TOKEN_HOST)->addr);
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
	if (buf_failed(b))
		w->scratch->no_memory = true;
	w->ops->word(w->sink, b->at, b->len);
}

static void
put_undecoded_hex(struct walk *w)
{
	put_hex(w, w->r->bytes, w->r->size);
}

/* How a field's value is made: from the record as a whole, or from the first token of a kind. */
static const struct {
	void (*whole)(struct walk *);
	void (*first)(struct walk *, const struct token *);
	enum token_kind kind;
} parts[FIELDS] = {
	[FIELD_TIME] = { put_record_time },
	[FIELD_VERSION] = { put_version },
	[FIELD_EVENT] = { put_event },
	[FIELD_EVENT_ID] = { put_event_id },
	[FIELD_MODIFIER] = { put_modifier },
	[FIELD_HOST_IP] = { put_host_ip },
	[FIELD_FROM] = { put_from },
	[FIELD_HOST] = { put_host },
	[FIELD_RECEIVED] = { put_received },
	[FIELD_SENDER_SEQUENCE] = { put_sender_sequence },
	[FIELD_SEQUENCE] = { put_sequence },
	[FIELD_ZONENAME] = { put_zonename },
	[FIELD_TARGET_ZONENAME] = { put_target_zonename },
	[FIELD_RETURN] = { put_return },
	[FIELD_ERRNO] = { put_last_errno },
	[FIELD_OUTCOME] = { put_outcome },
	[FIELD_FAILURE] = { put_failure },
	[FIELD_EXIT] = { NULL, put_exit, TOKEN_EXIT },
	[FIELD_SUBJECT] = { NULL, put_subject, TOKEN_SUBJECT },
	[FIELD_PROCESS] = { NULL, put_subject, TOKEN_PROCESS },
	[FIELD_GROUPS] = { put_groups },
	[FIELD_USER] = { NULL, put_user, TOKEN_USER },
	[FIELD_USED_PRIVS] = { put_used_privs },
	[FIELD_FAILED_PRIVS] = { put_failed_privs },
	[FIELD_PRIVS] = { put_privs },
	[FIELD_PRIVS_BEFORE] = { put_privs_before },
	[FIELD_USED_AUTH] = { put_used_auth },
	[FIELD_SECFLAGS] = { put_secflags },
	[FIELD_SECFLAGS_BEFORE] = { put_secflags_before },
	[FIELD_LABEL] = { NULL, put_label, TOKEN_LABEL },
	[FIELD_WSID] = { put_wsid },
	[FIELD_ACCESS_MASK] = { put_access_mask },
	[FIELD_KRB5_PRINCIPAL] = { put_krb5_principal },
	[FIELD_CERT_HASH] = { put_cert_hash },
	[FIELD_IDENTITY] = { NULL, put_identity, TOKEN_IDENTITY },
	[FIELD_PATH] = { put_path },
	[FIELD_TARGET_PATH] = { put_second_path },
	[FIELD_WORKING_DIRECTORY] = { put_second_path },
	[FIELD_XATTR_PATH] = { put_xattr_path },
	[FIELD_ATTRIBUTES] = { put_attributes },
	[FIELD_TARGET_ATTRIBUTES] = { put_target_attributes },
	[FIELD_EXEC_ARGS] = { NULL, put_strings, TOKEN_EXEC_ARGS },
	[FIELD_EXEC_ENV] = { put_exec_env },
	[FIELD_EXEC_ENV_MORE] = { put_exec_env_more },
	[FIELD_CMD] = { NULL, put_cmd, TOKEN_CMD },
	[FIELD_ARGS] = { put_args },
	[FIELD_TEXT] = { put_all_text },
	[FIELD_FMRI] = { put_fmri },
	[FIELD_ADDR] = { put_addrs },
	[FIELD_IPORT] = { put_iports },
	[FIELD_SOCKET] = { NULL, put_socket, TOKEN_SOCKET },
	[FIELD_IP] = { NULL, put_ip, TOKEN_IP },
	[FIELD_TID] = { NULL, put_tid, TOKEN_TID },
	[FIELD_IPC] = { NULL, put_ipc, TOKEN_IPC },
	[FIELD_IPC_PERM] = { NULL, put_ipc_perm, TOKEN_IPC_PERM },
	[FIELD_ACL] = { put_acls },
	[FIELD_ACE] = { put_aces },
	[FIELD_DATA] = { put_all_data },
	[FIELD_OPAQUE] = { put_opaque },
	[FIELD_X] = { put_all_x },
	[FIELD_UUIDS] = { put_uuids },
	[FIELD_RIGHTS] = { put_rights },
	[FIELD_LIAISON] = { put_liaison },
	[FIELD_HEADER_HOST] = { put_header_host },
	[FIELD_MORE] = { put_more },
	[FIELD_UNKNOWN_TOKEN] = { put_unknown_token },
	[FIELD_UNKNOWN_HEX] = { put_unknown_hex },
	[FIELD_DAMAGED] = { put_damaged },
	[FIELD_ESCAPED] = { put_escaped },
	[FIELD_UNDECODED_HEX] = { put_undecoded_hex },
};

static inline void
put_field(struct walk *w, enum field f)
{
	if (parts[f].whole != NULL)
		parts[f].whole(w);
	else
		parts[f].first(w, record_first(w->r, parts[f].kind));
}

void
walk_fields_of(const struct walk *w, uint64_t fields[RECORD_FIELDS / 64])
{
	const struct origin *o = w->o;

	memcpy(fields, w->r->fields, sizeof(w->r->fields));
	if (o->present) {
		fields_add(fields, FIELD_TIME);
		fields_add(fields, FIELD_RECEIVED);
		fields_add(fields, FIELD_SENDER_SEQUENCE);
		if (o->from.len > 0)
			fields_add(fields, FIELD_FROM);
		if (o->host.len > 0)
			fields_add(fields, FIELD_HOST);
	}
}

/* Two fields are told only by looking: repeats in the environment, and whether a text was spelled on the way here. */
static bool
is_there(struct walk *w, enum field f)
{
	struct keyed *k;

	if (f == FIELD_EXEC_ENV_MORE) {
		keyed_env(w->r, &k);
		return w->scratch->env_has_more;
	}
	return f != FIELD_ESCAPED || w->spelled;
}

void
walk_fields(struct walk *w, const uint64_t fields[RECORD_FIELDS / 64])
{
	for (unsigned i = 0; i < RECORD_FIELDS / 64; i++)
		for (uint64_t left = fields[i]; left != 0; left &= left - 1) {
			enum field f = (enum field)(i * 64 + (unsigned)__builtin_ctzll(left));

			if (!is_there(w, f))
				continue;
			put_key(w, (enum key)f);
			put_field(w, f);
		}
}

static struct walk
begin(const struct record *r, const struct origin *o, const struct sink_ops *ops, void *sink)
{
	r->scratch->no_memory = false;
	return (struct walk){ ops, sink, r, o, r->scratch, false, NULL };
}

bool
document_walk(const struct record *r, const struct origin *o, const struct sink_ops *ops,
	      void *sink)
{
	struct walk w = begin(r, o, ops, sink);
	uint64_t fields[RECORD_FIELDS / 64];

	walk_fields_of(&w, fields);
	open_object(&w);
	walk_fields(&w, fields);
	close_object(&w);
	return !r->scratch->no_memory;
}

bool
document_has(const struct record *r, const struct origin *o, enum field field)
{
	struct walk w = begin(r, o, NULL, NULL);
	uint64_t fields[RECORD_FIELDS / 64];

	if (field >= FIELDS)
		return false;
	walk_fields_of(&w, fields);
	if (!fields_have(fields, field))
		return false;
	return field == FIELD_ESCAPED ? escaped_look(&w) : is_there(&w, field);
}

bool
document_field(const struct record *r, const struct origin *o, enum field field,
	       const struct sink_ops *ops, void *sink)
{
	struct walk w = begin(r, o, ops, sink);

	put_field(&w, field);
	return !r->scratch->no_memory;
}

enum field
document_field_named(struct str name)
{
	enum field f = 0;

	while (f < FIELDS && !str_equal(key_names[f], name))
		f++;
	return f;
}
