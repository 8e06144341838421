/* token: a reader for each layout of a token, and the table of all ids. */
#include "bsm/cursor.h"

/*
 * The layouts: each reads what follows the id. They answer false when a word leaves the token's
 * length unknown; that something was missing is known to the cursor.
 */

static bool
read_trailer(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->trailer.magic = take16(c);
	t->trailer.length = take32(c);
	return true;
}

static bool
read_text(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->text = take_text(c);
	return true;
}

static bool
read_strings(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	take_strings(c, &t->strings);
	return true;
}

static bool
read_number(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->number = take32(c);
	return true;
}

static bool
read_port(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->number = take16(c);
	return true;
}

static bool
read_cmd(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	take_counted(c, &t->cmd.args);
	take_counted(c, &t->cmd.env);
	return true;
}

static bool
read_argument(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->argument.number = take8(c);
	t->argument.wide = t->id == 0x71;
	t->argument.value = t->argument.wide ? take64(c) : take32(c);
	t->argument.name = take_text(c);
	return true;
}

/* 24 26, 75 77 with a wide port, 7A 7B with a typed address, 7C 7D with both. */
static bool
read_subject(struct cursor *c, struct token *t, uint8_t version)
{
	struct token_subject *s = &t->subject;
	const uint8_t *ids = take_many(c, 28);

	(void)version;
	if (ids == NULL)
		return true;
	s->audit_id = be32(ids);
	s->uid = be32(ids + 4);
	s->gid = be32(ids + 8);
	s->ruid = be32(ids + 12);
	s->rgid = be32(ids + 16);
	s->pid = be32(ids + 20);
	s->session_id = be32(ids + 24);
	s->wide = t->id == 0x75 || t->id == 0x77 || t->id == 0x7c || t->id == 0x7d;
	s->port = s->wide ? take64(c) : take32(c);
	if (t->id >= 0x7a)
		return take_typed_addr(c, &s->addr);
	s->addr = take_addr(c, 4);
	return true;
}

static bool
read_return(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->ret.error = take8(c);
	t->ret.value = t->id == 0x72 ? (int64_t)take64(c) : (int32_t)take32(c);
	return true;
}

static bool
read_exit(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->exit.status = take32(c);
	t->exit.value = take32(c);
	return true;
}

static bool
read_set(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->set.name = take_text(c);
	t->set.value = take_text(c);
	return true;
}

static bool
read_use_of_priv(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->use_of_priv.ok = take8(c);
	t->use_of_priv.privs = take_text(c);
	return true;
}

static bool
read_user(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->user.uid = take32(c);
	t->user.name = take_text(c);
	return true;
}

/* The old token has sixteen slots, the new one a count. */
static bool
read_groups(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->words.count = t->id == 0x34 ? 16 : take16(c);
	t->words.at = take_many(c, (size_t)t->words.count * 4);
	return true;
}

/* 3E and 73 have 64 bits for the node; only 31, from before Solaris 7, has 32. */
static bool
read_attribute(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->attribute.mode = take32(c);
	t->attribute.uid = take32(c);
	t->attribute.gid = take32(c);
	t->attribute.fsid = take32(c);
	t->attribute.node = t->id == 0x31 ? take32(c) : take64(c);
	t->attribute.dev = t->id == 0x73 ? (int64_t)take64(c) : (int32_t)take32(c);
	return true;
}

static bool
read_acl(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->acl.type = take32(c);
	t->acl.id = take32(c);
	t->acl.perms = take32(c);
	return true;
}

static bool
read_ace(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->ace.who = take32(c);
	t->ace.mask = take32(c);
	t->ace.flags = take16(c);
	t->ace.type = take16(c);
	return true;
}

static bool
read_ipc(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->ipc.type = take8(c);
	t->ipc.id = take32(c);
	return true;
}

static bool
read_ipc_perm(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->ipc_perm.uid = take32(c);
	t->ipc_perm.gid = take32(c);
	t->ipc_perm.creator_uid = take32(c);
	t->ipc_perm.creator_gid = take32(c);
	t->ipc_perm.mode = take32(c);
	t->ipc_perm.seq = take32(c);
	t->ipc_perm.key = take32(c);
	return true;
}

/*
 * Two kinds of label of Trusted Solaris do not follow the rule that the second byte counts the
 * compartments.
 */
static bool
read_label(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->label.type = take8(c);
	t->label.whole = t->label.type != 0x42 && t->label.type != 0x83;
	if (!t->label.whole)
		t->label.len = (t->label.type == 0x42 ? 68 : 104) - 1;
	else {
		t->label.len = take8(c) * 4u;
		t->label.classification = take16(c);
	}
	t->label.compartments = take_many(c, t->label.len);
	return true;
}

static bool
read_data(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->data.print = take8(c);
	t->data.unit = take8(c);
	t->data.count = take8(c);
	if (c->cut)
		return true;
	if (t->data.unit > 3)
		return false;
	t->data.at = take_many(c, (size_t)t->data.count << t->data.unit);
	return true;
}

static bool
read_opaque(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->words.count = take16(c);
	t->words.at = take_many(c, t->words.count);
	return true;
}

static bool
read_addr(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->addr = take_addr(c, 4);
	return true;
}

static bool
read_typed_addr(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	return take_typed_addr(c, &t->addr);
}

static bool
read_ip(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->words.count = 20;
	t->words.at = take_many(c, 20);
	return true;
}

/* Of kinds other than IP there is no layout. */
static bool
read_tid(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	if (take8(c) != 1 && !c->cut)
		return false;
	t->tid.remote_port = take16(c);
	t->tid.local_port = take16(c);
	return take_typed_addr(c, &t->tid.addr);
}

/* 2E: one end from Solaris, two from OpenBSM. */
static bool
read_socket(struct cursor *c, struct token *t, uint8_t version)
{
	struct token_socket *s = &t->socket;

	if (!version_is_openbsm(version)) {
		s->form = SOCKET_ONE;
		s->family = take16(c);
		s->local_port = take16(c);
		s->local = take_addr(c, 4);
		return true;
	}
	s->form = SOCKET_TWO;
	s->type = take16(c);
	s->local_port = take16(c);
	s->local = take_addr(c, 4);
	s->remote_port = take16(c);
	s->remote = take_addr(c, 4);
	return true;
}

/* 7F, the only token whose address type has 16 bits. */
static bool
read_socket_ex(struct cursor *c, struct token *t, uint8_t version)
{
	struct token_socket *s = &t->socket;
	uint16_t type;

	s->family = take16(c);
	s->type = take16(c);
	/* Of other families than IPv4 and IPv6 a Solaris kernel writes no more than these. */
	if (!version_is_openbsm(version) && s->family != 2 && s->family != 26) {
		s->form = SOCKET_BARE;
		return true;
	}
	s->form = SOCKET_FULL;
	type = take16(c);
	if (!c->cut && type != 4 && type != 16)
		return false;
	s->local_port = take16(c);
	s->local = take_addr(c, type);
	s->remote_port = take16(c);
	s->remote = take_addr(c, type);
	return true;
}

static bool
read_socket_inet(struct cursor *c, struct token *t, uint8_t version)
{
	struct token_socket *s = &t->socket;

	(void)version;
	s->form = SOCKET_ONE;
	s->family = take16(c);
	s->local_port = take16(c);
	s->local = take_addr(c, t->id == 0x80 ? 4 : 16);
	return true;
}

/* A path with a NUL and no length; at the full 104 bytes the NUL may be missing. */
static bool
read_socket_unix(struct cursor *c, struct token *t, uint8_t version)
{
	struct token_socket *s = &t->socket;
	const uint8_t *nul;
	size_t most;

	(void)version;
	s->form = SOCKET_UNIX;
	s->family = take16(c);
	most = c->left < 104 ? c->left : 104;
	nul = memchr(c->at, 0, most);
	if (nul == NULL && most < 104) {
		c->cut = true;
		return true;
	}
	s->path.at = (const char *)c->at;
	s->path.len = nul != NULL ? (size_t)(nul - c->at) : most;
	take(c, s->path.len + (nul != NULL));
	return true;
}

static void
read_x_as(struct cursor *c, struct token *t, uint8_t layout)
{
	t->x.layout = layout;
	if (layout == 0x40)
		t->x.text = take_text(c);
	else if (layout == 0x43) {
		t->x.text = take_text(c);
		t->x.type = take_text(c);
		t->x.data = take_text(c);
	} else {
		t->x.id = take32(c);
		if (layout != 0x4b)
			t->x.uid = take32(c);
		if (layout == 0x49)
			t->x.text = take_text(c);
	}
}

static bool
read_x(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	read_x_as(c, t, t->id);
	return true;
}

static bool
read_uuid(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->uuid.number = take8(c);
	t->uuid.at = take(c, 16);
	t->uuid.name = take_text(c);
	return true;
}

static bool
read_identity(struct cursor *c, struct token *t, uint8_t version)
{
	(void)version;
	t->identity.signer_type = take32(c);
	t->identity.signing_id = take_text(c);
	t->identity.signing_id_truncated = take8(c);
	t->identity.team_id = take_text(c);
	t->identity.team_id_truncated = take8(c);
	t->identity.len = take16(c);
	t->identity.cdhash = take_many(c, t->identity.len);
	return true;
}

static bool read_rights(struct cursor *c, struct token *t, uint8_t version);

/* What may stand inside a record, by its id. */
static const struct layout {
	enum token_kind kind;
	bool (*read)(struct cursor *c, struct token *t, uint8_t version); /* NULL: unknown */
} layouts[256] = {
	[0x13] = { TOKEN_TRAILER, read_trailer },
	[0x16] = { TOKEN_ACCESS_MASK, read_number },
	[0x17] = { TOKEN_WSID, read_text },
	[0x20] = { TOKEN_FMRI, read_text },
	[0x21] = { TOKEN_DATA, read_data },
	[0x22] = { TOKEN_IPC, read_ipc },
	[0x23] = { TOKEN_PATH, read_text },
	[0x24] = { TOKEN_SUBJECT, read_subject },
	[0x25] = { TOKEN_PATH_ATTR, read_strings },
	[0x26] = { TOKEN_PROCESS, read_subject },
	[0x27] = { TOKEN_RETURN, read_return },
	[0x28] = { TOKEN_TEXT, read_text },
	[0x29] = { TOKEN_OPAQUE, read_opaque },
	[0x2a] = { TOKEN_IN_ADDR, read_addr },
	[0x2b] = { TOKEN_IP, read_ip },
	[0x2c] = { TOKEN_IPORT, read_port },
	[0x2d] = { TOKEN_ARGUMENT, read_argument },
	[0x2e] = { TOKEN_SOCKET, read_socket },
	[0x2f] = { TOKEN_SEQUENCE, read_number },
	[0x30] = { TOKEN_ACL, read_acl },
	[0x31] = { TOKEN_ATTRIBUTE, read_attribute },
	[0x32] = { TOKEN_IPC_PERM, read_ipc_perm },
	[0x33] = { TOKEN_LABEL, read_label },
	[0x34] = { TOKEN_GROUPS, read_groups },
	[0x35] = { TOKEN_ACE, read_ace },
	[0x36] = { TOKEN_USER, read_user },
	[0x38] = { TOKEN_PRIVILEGE, read_set },
	[0x39] = { TOKEN_USE_OF_PRIV, read_use_of_priv },
	[0x3a] = { TOKEN_LIAISON, read_number },
	[0x3b] = { TOKEN_GROUPS, read_groups },
	[0x3c] = { TOKEN_EXEC_ARGS, read_strings },
	[0x3d] = { TOKEN_EXEC_ENV, read_strings },
	[0x3e] = { TOKEN_ATTRIBUTE, read_attribute },
	[0x3f] = { TOKEN_USE_OF_AUTH, read_text },
	[0x40] = { TOKEN_X, read_x },
	[0x43] = { TOKEN_X, read_x },
	[0x44] = { TOKEN_X, read_x },
	[0x45] = { TOKEN_X, read_x },
	[0x46] = { TOKEN_X, read_x },
	[0x47] = { TOKEN_X, read_x },
	[0x48] = { TOKEN_X, read_x },
	[0x49] = { TOKEN_X, read_x },
	[0x4a] = { TOKEN_X, read_x },
	[0x4b] = { TOKEN_X, read_x },
	[0x51] = { TOKEN_CMD, read_cmd },
	[0x52] = { TOKEN_EXIT, read_exit },
	[0x60] = { TOKEN_ZONENAME, read_text },
	[0x61] = { TOKEN_TID, read_tid },
	[0x62] = { TOKEN_SECFLAGS, read_set },
	[0x70] = { TOKEN_HOST, read_addr },
	[0x71] = { TOKEN_ARGUMENT, read_argument },
	[0x72] = { TOKEN_RETURN, read_return },
	[0x73] = { TOKEN_ATTRIBUTE, read_attribute },
	[0x75] = { TOKEN_SUBJECT, read_subject },
	[0x77] = { TOKEN_PROCESS, read_subject },
	[0x7a] = { TOKEN_SUBJECT, read_subject },
	[0x7b] = { TOKEN_PROCESS, read_subject },
	[0x7c] = { TOKEN_SUBJECT, read_subject },
	[0x7d] = { TOKEN_PROCESS, read_subject },
	[0x7e] = { TOKEN_IN_ADDR, read_typed_addr },
	[0x7f] = { TOKEN_SOCKET, read_socket_ex },
	[0x80] = { TOKEN_SOCKET, read_socket_inet },
	[0x81] = { TOKEN_SOCKET, read_socket_inet },
	[0x82] = { TOKEN_SOCKET, read_socket_unix },
	[0x83] = { TOKEN_RIGHTS, read_rights },
	[0x84] = { TOKEN_UUID, read_uuid },
	[0x85] = { TOKEN_UUID, read_uuid },
	[0xed] = { TOKEN_IDENTITY, read_identity },
	[0xee] = { TOKEN_KRB5_PRINCIPAL, read_strings },
	[0xef] = { TOKEN_CERT_HASH, read_strings },
};

/* Does a token that ends here fit: at the record's end, or before something that can be a token? */
static bool
ends_well(const struct cursor *c)
{
	return !c->cut && (c->left == 0 || layouts[*c->at].read != NULL);
}

/*
 * Capsicum rights: words, so many as the first one's top bits say. A development tree of OpenBSM
 * wrote a UUID argument under this id; it is taken for that only when rights do not fit and a UUID
 * does.
 */
static bool
read_rights(struct cursor *c, struct token *t, uint8_t version)
{
	struct cursor rights = *c, uuid = *c;
	struct token other = { .kind = TOKEN_UUID, .id = t->id, .at = t->at, .next = t->next };

	t->words.at = c->at;
	t->words.count = (uint32_t)(take64(&rights) >> 62) + 2;
	take(&rights, (t->words.count - 1) * 8);
	if (!ends_well(&rights)) {
		read_uuid(&uuid, &other, version);
		if (ends_well(&uuid)) {
			*t = other;
			*c = uuid;
			return true;
		}
	}
	*c = rights;
	return true;
}

/*
 * Header version 3 has X tokens where all others have headers, subjects and processes: those of 44
 * to 4B, in their order.
 */
static bool
is_x_of_version_3(uint8_t id, uint8_t version)
{
	return UNLIKELY(version == 3) && id >= 0x74 && id <= 0x7b;
}

enum token_status
token_next(struct token_reader *r, struct token *out)
{
	struct cursor c = { r->bytes + r->at, r->end - r->at, false };
	const struct layout *layout;

	if (c.left == 0)
		return TOKEN_END;
	out->id = take8(&c);
	out->at = (uint32_t)r->at;
	out->next = TOKEN_NONE;
	/* Of the union only the members of its kind are filled, and only they are read. */
	if (is_x_of_version_3(out->id, r->version)) {
		out->kind = TOKEN_X;
		read_x_as(&c, out, (uint8_t)(out->id - 0x74 + 0x44));
	} else {
		layout = &layouts[out->id];
		if (layout->read == NULL)
			return TOKEN_UNKNOWN;
		out->kind = layout->kind;
		if (!layout->read(&c, out, r->version))
			return TOKEN_ODD;
	}
	if (c.cut)
		return TOKEN_CUT;
	out->len = (uint32_t)((size_t)(c.at - r->bytes) - r->at);
	r->at += out->len;
	return TOKEN_READY;
}
