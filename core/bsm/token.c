#include "bsm/token.h"

#include "base/bytes.h"

/*
 * What is left of the record, while one token is read. A take beyond the end makes it cut for good, and gives zeros; the token's
 * fields are believed only when nothing was cut. So the layouts below read like their descriptions.
 */
struct cursor {
	const uint8_t *at;
	size_t left;
	bool cut;
};

static const uint8_t *
take(struct cursor *c, size_t n)
{
	static const uint8_t nothing[16];
	const uint8_t *at = c->at;

	if (UNLIKELY(n > c->left)) {
		c->cut = true;
		c->left = 0;
		return nothing;
	}
	c->at += n;
	c->left -= n;
	return at;
}

static uint8_t
take8(struct cursor *c)
{
	return *take(c, 1);
}

static uint16_t
take16(struct cursor *c)
{
	return be16(take(c, 2));
}

static uint32_t
take32(struct cursor *c)
{
	return be32(take(c, 4));
}

static uint64_t
take64(struct cursor *c)
{
	return be64(take(c, 8));
}

/* For more bytes than `nothing` has: NULL when they are not there. */
static const uint8_t *
take_many(struct cursor *c, size_t n)
{
	const uint8_t *at = take(c, n);

	return c->cut ? NULL : at;
}

/* A text: its length, then its bytes with a NUL at the end, which may be missing. */
static struct str
take_text(struct cursor *c)
{
	size_t len = take16(c);
	const char *at = (const char *)take_many(c, len);

	if (at == NULL)
		return (struct str){ NULL, 0 };
	if (len > 0 && at[len - 1] == '\0')
		len--;
	return (struct str){ at, len };
}

static struct token_addr
take_addr(struct cursor *c, uint32_t len)
{
	const uint8_t *at = take(c, len);

	return (struct token_addr){ at, len };
}

/* An address with its type in 32 bits; false when the type is none, and the token's length so unknown. */
static bool
take_typed_addr(struct cursor *c, struct token_addr *out)
{
	uint32_t type = take32(c);

	if (!c->cut && type != 4 && type != 16)
		return false;
	*out = take_addr(c, type);
	return true;
}

/* Where the first NUL is; len when there is none. The strings are short: a call of memchr would cost more than the search. */
static inline size_t
find_nul(const void *at, size_t len)
{
	const uint8_t *p = at;
	size_t i = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; i + 8 <= len; i += 8) {
		uint64_t word, zero;

		memcpy(&word, p + i, 8);
		zero = (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
		if (zero != 0)
			return i + (size_t)__builtin_ctzll(zero) / 8;
	}
	if (i + 4 <= len) {
		uint32_t word, zero;

		memcpy(&word, p + i, 4);
		zero = (word - 0x01010101u) & ~word & 0x80808080u;
		if (zero != 0)
			return i + (size_t)__builtin_ctz(zero) / 8;
		i += 4;
	}
#endif
	while (i < len && p[i] != 0)
		i++;
	return i;
}

/* A count, then so many NUL-terminated strings, or as many as there are. */
static void
take_strings(struct cursor *c, struct token_strings *out)
{
	uint32_t announced = take32(c), count = 0;
	const uint8_t *start = c->at;
	size_t left = c->left;

	while (count < announced && left > 0) {
		size_t len = find_nul(c->at, left);

		len += len < left;
		c->at += len;
		left -= len;
		count++;
	}
	c->left = left;
	out->at = (const char *)start;
	out->len = (uint32_t)(c->at - start);
	out->announced = announced;
	out->count = count;
}

/* A count in 16 bits, then so many texts with a length each. */
static void
take_counted(struct cursor *c, struct token_strings *out)
{
	const uint8_t *start;

	out->announced = take16(c);
	start = c->at;
	for (out->count = 0; out->count < out->announced && !c->cut; out->count++)
		take(c, take16(c));
	out->at = (const char *)start;
	out->len = c->cut ? 0 : (uint32_t)(c->at - start);
}

bool
string_next(struct token_strings *s, struct str *out)
{
	size_t len;

	if (s->count == 0)
		return false;
	len = find_nul(s->at, s->len);
	*out = (struct str){ s->at, len };
	len += len < s->len;
	s->at += len;
	s->len -= (uint32_t)len;
	s->count--;
	return true;
}

bool
counted_next(struct token_strings *s, struct str *out)
{
	struct cursor c = { (const uint8_t *)s->at, s->len, false };

	if (s->count == 0)
		return false;
	*out = take_text(&c);
	s->at = (const char *)c.at;
	s->len = (uint32_t)c.left;
	s->count--;
	return true;
}

static bool
read_subject(struct cursor *c, struct token_subject *s, bool wide, bool typed)
{
	const uint8_t *ids = take_many(c, 28);

	if (ids == NULL)
		return true;
	s->audit_id = be32(ids);
	s->uid = be32(ids + 4);
	s->gid = be32(ids + 8);
	s->ruid = be32(ids + 12);
	s->rgid = be32(ids + 16);
	s->pid = be32(ids + 20);
	s->session_id = be32(ids + 24);
	s->wide = wide;
	s->port = wide ? take64(c) : take32(c);
	if (typed)
		return take_typed_addr(c, &s->addr);
	s->addr = take_addr(c, 4);
	return true;
}

enum attribute_form { ATTRIBUTE_OLD, ATTRIBUTE_32, ATTRIBUTE_64 };

static void
read_attribute(struct cursor *c, struct token *t, enum attribute_form form)
{
	t->attribute.mode = take32(c);
	t->attribute.uid = take32(c);
	t->attribute.gid = take32(c);
	t->attribute.fsid = take32(c);
	t->attribute.node = form == ATTRIBUTE_OLD ? take32(c) : take64(c);
	t->attribute.dev = form == ATTRIBUTE_64 ? (int64_t)take64(c) : (int32_t)take32(c);
}

static bool
read_data(struct cursor *c, struct token *t)
{
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

/* Two kinds of label of Trusted Solaris do not follow the rule that the second byte counts the compartments. */
static void
read_label(struct cursor *c, struct token *t)
{
	t->label.type = take8(c);
	t->label.whole = t->label.type != 0x42 && t->label.type != 0x83;
	if (!t->label.whole)
		t->label.len = (t->label.type == 0x42 ? 68 : 104) - 1;
	else {
		t->label.len = take8(c) * 4u;
		t->label.classification = take16(c);
	}
	t->label.compartments = take_many(c, t->label.len);
}

static void
read_socket(struct cursor *c, struct token_socket *s, uint8_t version)
{
	if (!version_is_openbsm(version)) {
		s->form = SOCKET_ONE;
		s->family = take16(c);
		s->local_port = take16(c);
		s->local = take_addr(c, 4);
		return;
	}
	s->form = SOCKET_TWO;
	s->type = take16(c);
	s->local_port = take16(c);
	s->local = take_addr(c, 4);
	s->remote_port = take16(c);
	s->remote = take_addr(c, 4);
}

static bool
read_socket_ex(struct cursor *c, struct token_socket *s, uint8_t version)
{
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

static void
read_socket_one(struct cursor *c, struct token_socket *s, uint32_t addr_len)
{
	s->form = SOCKET_ONE;
	s->family = take16(c);
	s->local_port = take16(c);
	s->local = take_addr(c, addr_len);
}

/* A path with a NUL and no length; at the full 104 bytes the NUL may be missing. */
static void
read_socket_unix(struct cursor *c, struct token_socket *s)
{
	const uint8_t *nul;
	size_t most;

	s->form = SOCKET_UNIX;
	s->family = take16(c);
	most = c->left < 104 ? c->left : 104;
	nul = memchr(c->at, 0, most);
	if (nul == NULL && most < 104) {
		c->cut = true;
		return;
	}
	s->path.at = (const char *)c->at;
	s->path.len = nul != NULL ? (size_t)(nul - c->at) : most;
	take(c, s->path.len + (nul != NULL));
}

static void
read_x(struct cursor *c, struct token *t, uint8_t layout)
{
	t->kind = TOKEN_X;
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

static void
read_uuid(struct cursor *c, struct token *t)
{
	t->kind = TOKEN_UUID;
	t->uuid.number = take8(c);
	t->uuid.at = take(c, 16);
	t->uuid.name = take_text(c);
}

/* Can a token with this id stand inside a record? */
static bool
id_is_known(uint8_t id)
{
	static const uint8_t known[256] = {
		[0x13] = 1,
		[0x16] = 1,
		[0x17] = 1,
		[0x20] = 1,
		[0x21] = 1,
		[0x22] = 1,
		[0x23] = 1,
		[0x24] = 1,
		[0x25] = 1,
		[0x26] = 1,
		[0x27] = 1,
		[0x28] = 1,
		[0x29] = 1,
		[0x2a] = 1,
		[0x2b] = 1,
		[0x2c] = 1,
		[0x2d] = 1,
		[0x2e] = 1,
		[0x2f] = 1,
		[0x30] = 1,
		[0x31] = 1,
		[0x32] = 1,
		[0x33] = 1,
		[0x34] = 1,
		[0x35] = 1,
		[0x36] = 1,
		[0x38] = 1,
		[0x39] = 1,
		[0x3a] = 1,
		[0x3b] = 1,
		[0x3c] = 1,
		[0x3d] = 1,
		[0x3e] = 1,
		[0x3f] = 1,
		[0x40] = 1,
		[0x43] = 1,
		[0x44] = 1,
		[0x45] = 1,
		[0x46] = 1,
		[0x47] = 1,
		[0x48] = 1,
		[0x49] = 1,
		[0x4a] = 1,
		[0x4b] = 1,
		[0x51] = 1,
		[0x52] = 1,
		[0x60] = 1,
		[0x61] = 1,
		[0x62] = 1,
		[0x70] = 1,
		[0x71] = 1,
		[0x72] = 1,
		[0x73] = 1,
		[0x75] = 1,
		[0x77] = 1,
		[0x7a] = 1,
		[0x7b] = 1,
		[0x7c] = 1,
		[0x7d] = 1,
		[0x7e] = 1,
		[0x7f] = 1,
		[0x80] = 1,
		[0x81] = 1,
		[0x82] = 1,
		[0x83] = 1,
		[0x84] = 1,
		[0x85] = 1,
		[0xed] = 1,
		[0xee] = 1,
		[0xef] = 1,
	};

	return known[id] != 0;
}

/* Does a token that ends here fit: at the record's end, or before something that can be a token? */
static bool
ends_well(const struct cursor *c)
{
	return !c->cut && (c->left == 0 || id_is_known(*c->at));
}

/*
 * Capsicum rights: words, so many as the first one's top bits say. A development tree of OpenBSM wrote a UUID argument under this id;
 * it is taken for that only when rights do not fit and a UUID does.
 */
static void
read_rights(struct cursor *c, struct token *t)
{
	struct cursor rights = *c, uuid = *c;
	struct token other = *t;
	uint64_t first = take64(&rights);

	t->kind = TOKEN_RIGHTS;
	t->words.at = c->at;
	t->words.count = (uint32_t)(first >> 62) + 2;
	take(&rights, (t->words.count - 1) * 8);
	if (!ends_well(&rights)) {
		read_uuid(&uuid, &other);
		if (ends_well(&uuid)) {
			*t = other;
			*c = uuid;
			return;
		}
	}
	*c = rights;
}

/* Words of four bytes. */
static void
read_groups(struct cursor *c, struct token *t, uint32_t count)
{
	t->kind = TOKEN_GROUPS;
	t->words.count = count;
	t->words.at = take_many(c, (size_t)count * 4);
}

/* The ids that header version 3 gives another meaning: the X tokens, out of their usual order. */
static uint8_t
x_layout_of_version_3(uint8_t id)
{
	static const uint8_t layout[8] = { 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b };

	return id >= 0x74 && id <= 0x7b ? layout[id - 0x74] : 0;
}

/* Reads what follows the id; false when a word leaves the token's length unknown. Sets kind, or leaves TOKEN_KINDS. */
static bool
read_body(struct cursor *c, struct token *t, uint8_t version)
{
	switch (t->id) {
	case 0x13:
		t->kind = TOKEN_TRAILER;
		t->trailer.magic = take16(c);
		t->trailer.length = take32(c);
		break;
	case 0x16:
		t->kind = TOKEN_ACCESS_MASK;
		t->number = take32(c);
		break;
	case 0x17:
		t->kind = TOKEN_WSID;
		t->text = take_text(c);
		break;
	case 0x20:
		t->kind = TOKEN_FMRI;
		t->text = take_text(c);
		break;
	case 0x21: t->kind = TOKEN_DATA; return read_data(c, t);
	case 0x22:
		t->kind = TOKEN_IPC;
		t->ipc.type = take8(c);
		t->ipc.id = take32(c);
		break;
	case 0x23:
		t->kind = TOKEN_PATH;
		t->text = take_text(c);
		break;
	case 0x24:
	case 0x75:
		t->kind = TOKEN_SUBJECT;
		return read_subject(c, &t->subject, t->id == 0x75, false);
	case 0x7a:
	case 0x7c:
		t->kind = TOKEN_SUBJECT;
		return read_subject(c, &t->subject, t->id == 0x7c, true);
	case 0x26:
	case 0x77:
		t->kind = TOKEN_PROCESS;
		return read_subject(c, &t->subject, t->id == 0x77, false);
	case 0x7b:
	case 0x7d:
		t->kind = TOKEN_PROCESS;
		return read_subject(c, &t->subject, t->id == 0x7d, true);
	case 0x25:
		t->kind = TOKEN_PATH_ATTR;
		take_strings(c, &t->strings);
		break;
	case 0x27:
		t->kind = TOKEN_RETURN;
		t->ret.error = take8(c);
		t->ret.value = (int32_t)take32(c);
		break;
	case 0x72:
		t->kind = TOKEN_RETURN;
		t->ret.error = take8(c);
		t->ret.value = (int64_t)take64(c);
		break;
	case 0x28:
		t->kind = TOKEN_TEXT;
		t->text = take_text(c);
		break;
	case 0x29:
		t->kind = TOKEN_OPAQUE;
		t->words.count = take16(c);
		t->words.at = take_many(c, t->words.count);
		break;
	case 0x2a:
		t->kind = TOKEN_IN_ADDR;
		t->addr = take_addr(c, 4);
		break;
	case 0x7e: t->kind = TOKEN_IN_ADDR; return take_typed_addr(c, &t->addr);
	case 0x2b:
		t->kind = TOKEN_IP;
		t->words.count = 20;
		t->words.at = take_many(c, 20);
		break;
	case 0x2c:
		t->kind = TOKEN_IPORT;
		t->number = take16(c);
		break;
	case 0x2d:
	case 0x71:
		t->kind = TOKEN_ARGUMENT;
		t->argument.number = take8(c);
		t->argument.wide = t->id == 0x71;
		t->argument.value = t->argument.wide ? take64(c) : take32(c);
		t->argument.name = take_text(c);
		break;
	case 0x2e:
		t->kind = TOKEN_SOCKET;
		read_socket(c, &t->socket, version);
		break;
	case 0x7f: t->kind = TOKEN_SOCKET; return read_socket_ex(c, &t->socket, version);
	case 0x80:
		t->kind = TOKEN_SOCKET;
		read_socket_one(c, &t->socket, 4);
		break;
	case 0x81:
		t->kind = TOKEN_SOCKET;
		read_socket_one(c, &t->socket, 16);
		break;
	case 0x82:
		t->kind = TOKEN_SOCKET;
		read_socket_unix(c, &t->socket);
		break;
	case 0x2f:
		t->kind = TOKEN_SEQUENCE;
		t->number = take32(c);
		break;
	case 0x30:
		t->kind = TOKEN_ACL;
		t->acl.type = take32(c);
		t->acl.id = take32(c);
		t->acl.perms = take32(c);
		break;
	case 0x31:
		t->kind = TOKEN_ATTRIBUTE;
		read_attribute(c, t, ATTRIBUTE_OLD);
		break;
	case 0x3e:
		t->kind = TOKEN_ATTRIBUTE;
		read_attribute(c, t, ATTRIBUTE_32);
		break;
	case 0x73:
		t->kind = TOKEN_ATTRIBUTE;
		read_attribute(c, t, ATTRIBUTE_64);
		break;
	case 0x32:
		t->kind = TOKEN_IPC_PERM;
		t->ipc_perm.uid = take32(c);
		t->ipc_perm.gid = take32(c);
		t->ipc_perm.creator_uid = take32(c);
		t->ipc_perm.creator_gid = take32(c);
		t->ipc_perm.mode = take32(c);
		t->ipc_perm.seq = take32(c);
		t->ipc_perm.key = take32(c);
		break;
	case 0x33:
		t->kind = TOKEN_LABEL;
		read_label(c, t);
		break;
	case 0x34: read_groups(c, t, 16); break;
	case 0x3b: read_groups(c, t, take16(c)); break;
	case 0x35:
		t->kind = TOKEN_ACE;
		t->ace.who = take32(c);
		t->ace.mask = take32(c);
		t->ace.flags = take16(c);
		t->ace.type = take16(c);
		break;
	case 0x36:
		t->kind = TOKEN_USER;
		t->user.uid = take32(c);
		t->user.name = take_text(c);
		break;
	case 0x38:
	case 0x62:
		t->kind = t->id == 0x38 ? TOKEN_PRIVILEGE : TOKEN_SECFLAGS;
		t->set.name = take_text(c);
		t->set.value = take_text(c);
		break;
	case 0x39:
		t->kind = TOKEN_USE_OF_PRIV;
		t->use_of_priv.ok = take8(c);
		t->use_of_priv.privs = take_text(c);
		break;
	case 0x3a:
		t->kind = TOKEN_LIAISON;
		t->number = take32(c);
		break;
	case 0x3c:
	case 0x3d:
		t->kind = t->id == 0x3c ? TOKEN_EXEC_ARGS : TOKEN_EXEC_ENV;
		take_strings(c, &t->strings);
		break;
	case 0x3f:
		t->kind = TOKEN_USE_OF_AUTH;
		t->text = take_text(c);
		break;
	case 0x40:
	case 0x43:
	case 0x44:
	case 0x45:
	case 0x46:
	case 0x47:
	case 0x48:
	case 0x49:
	case 0x4a:
	case 0x4b: read_x(c, t, t->id); break;
	case 0x51:
		t->kind = TOKEN_CMD;
		take_counted(c, &t->cmd.args);
		take_counted(c, &t->cmd.env);
		break;
	case 0x52:
		t->kind = TOKEN_EXIT;
		t->exit.status = take32(c);
		t->exit.value = take32(c);
		break;
	case 0x60:
		t->kind = TOKEN_ZONENAME;
		t->text = take_text(c);
		break;
	case 0x61:
		t->kind = TOKEN_TID;
		if (take8(c) != 1 && !c->cut)
			return false;
		t->tid.remote_port = take16(c);
		t->tid.local_port = take16(c);
		return take_typed_addr(c, &t->tid.addr);
	case 0x70:
		t->kind = TOKEN_HOST;
		t->addr = take_addr(c, 4);
		break;
	case 0x83: read_rights(c, t); break;
	case 0x84:
	case 0x85: read_uuid(c, t); break;
	case 0xed:
		t->kind = TOKEN_IDENTITY;
		t->identity.signer_type = take32(c);
		t->identity.signing_id = take_text(c);
		t->identity.signing_id_truncated = take8(c);
		t->identity.team_id = take_text(c);
		t->identity.team_id_truncated = take8(c);
		t->identity.len = take16(c);
		t->identity.cdhash = take_many(c, t->identity.len);
		break;
	case 0xee:
	case 0xef:
		t->kind = t->id == 0xee ? TOKEN_KRB5_PRINCIPAL : TOKEN_CERT_HASH;
		take_strings(c, &t->strings);
		break;
	}
	return true;
}

enum token_status
token_next(struct token_reader *r, struct token *out)
{
	struct cursor c = { r->bytes + r->at, r->end - r->at, false };
	uint8_t layout;
	bool fixed = true;

	if (c.left == 0)
		return TOKEN_END;
	/* Of the union only the members of its kind are filled, and only they are read. */
	out->kind = TOKEN_KINDS;
	out->id = take8(&c);
	out->at = (uint32_t)r->at;
	out->next = TOKEN_NONE;
	if (UNLIKELY(r->version == 3) && (layout = x_layout_of_version_3(out->id)) != 0)
		read_x(&c, out, layout);
	else
		fixed = read_body(&c, out, r->version);
	if (out->kind == TOKEN_KINDS)
		return TOKEN_UNKNOWN;
	if (!fixed)
		return TOKEN_ODD;
	if (c.cut)
		return TOKEN_CUT;
	out->len = (uint32_t)((size_t)(c.at - r->bytes) - r->at);
	r->at += out->len;
	return TOKEN_READY;
}

enum header_status
header_read(const uint8_t *bytes, size_t len, struct header *out)
{
	struct cursor c = { bytes, len, false };
	bool wide;

	*out = (struct header){ 0 };
	if (len == 0)
		return HEADER_CUT;
	out->id = take8(&c);
	if (!header_is_id(out->id))
		return HEADER_FOREIGN;
	wide = out->id >= 0x74;
	out->length = take32(&c);
	out->version = take8(&c);
	out->event = take16(&c);
	out->modifier = take16(&c);
	if ((out->id == 0x15 || out->id == 0x79) && !take_typed_addr(&c, &out->host))
		return HEADER_ODD;
	out->seconds = wide ? (int64_t)take64(&c) : (int64_t)take32(&c);
	out->fraction = wide ? take64(&c) : take32(&c);
	out->size = (uint32_t)(c.at - bytes);
	return c.cut ? HEADER_CUT : HEADER_READY;
}

enum token_status
file_token_read(const uint8_t *bytes, size_t len, struct file_token *out)
{
	struct cursor c = { bytes, len, false };
	bool wide;

	*out = (struct file_token){ 0 };
	if (len == 0)
		return TOKEN_CUT;
	out->id = take8(&c);
	if (out->id != 0x11 && out->id != 0x78)
		return TOKEN_UNKNOWN;
	wide = out->id == 0x78;
	out->seconds = wide ? (int64_t)take64(&c) : (int64_t)take32(&c);
	out->fraction = wide ? take64(&c) : take32(&c);
	out->name = take_text(&c);
	out->size = (uint32_t)(c.at - bytes);
	return c.cut ? TOKEN_CUT : TOKEN_READY;
}
