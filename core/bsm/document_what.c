/* The parts of a document that say what: files, commands, access lists, IPC, data. */
#include "base/bytes.h"
#include "bsm/walk.h"

void
put_attribute(struct walk *w, const struct token *t)
{
	uint32_t type = t->attribute.mode & 0xf000;

	open_object(w);
	put_key(w, KEY_MODE_OCTAL);
	put_octal(w, t->attribute.mode);
	put_id(w, KEY_UID, t->attribute.uid);
	put_id(w, KEY_GID, t->attribute.gid);
	put_pair(w, KEY_FSID, t->attribute.fsid);
	put_key(w, KEY_INODE_HEX);
	put_hex_number(w, t->attribute.node, 16, true);
	put_key(w, KEY_DEVID);
	put_name(w, STR(""), t->attribute.dev);
	if (type != 0) {
		put_key(w, KEY_TYPE);
		put_name(w, names_value(NAMES_FILE_TYPE, type), type);
	}
	close_object(w);
}

void
put_strings(struct walk *w, const struct token *t)
{
	open_list(w);
	put_each_string(w, &t->strings);
	close_list(w);
}

static void
put_counted(struct walk *w, struct token_strings strings)
{
	struct str s;

	open_list(w);
	while (counted_next(&strings, &s))
		put_text(w, s);
	close_list(w);
}

void
put_cmd(struct walk *w, const struct token *t)
{
	open_object(w);
	put_key(w, KEY_ARGS);
	put_counted(w, t->cmd.args);
	put_key(w, KEY_ENV);
	put_counted(w, t->cmd.env);
	close_object(w);
}

void
put_ipc(struct walk *w, const struct token *t)
{
	open_object(w);
	put_key(w, KEY_TYPE);
	put_name(w, names_value(NAMES_IPC_TYPE, t->ipc.type), t->ipc.type);
	put_id(w, KEY_ID, t->ipc.id);
	close_object(w);
}

void
put_ipc_perm(struct walk *w, const struct token *t)
{
	open_object(w);
	put_id(w, KEY_UID, t->ipc_perm.uid);
	put_id(w, KEY_GID, t->ipc_perm.gid);
	put_id(w, KEY_CREATOR_UID, t->ipc_perm.creator_uid);
	put_id(w, KEY_CREATOR_GID, t->ipc_perm.creator_gid);
	put_key(w, KEY_MODE_OCTAL);
	put_octal(w, t->ipc_perm.mode);
	put_pair(w, KEY_SEQ, t->ipc_perm.seq);
	put_key(w, KEY_KEY_HEX);
	put_hex_number(w, t->ipc_perm.key, 8, false);
	close_object(w);
}

/*
 * "user", "class_obj" …, with "default_" in front for an entry of a default list; others in
 * decimal.
 */
static void
put_acl_type(struct walk *w, uint32_t type)
{
	struct str name = names_value(NAMES_ACL_TYPE, type & 0xfff);
	char text[32] = "default_";

	if ((type & ~0x1fffu) != 0 || name.len == 0 || name.len > sizeof(text) - 8)
		put_name(w, STR(""), type);
	else if ((type & 0x1000) == 0)
		put_word(w, name);
	else {
		memcpy(text + 8, name.at, name.len);
		put_word(w, (struct str){ text, 8 + name.len });
	}
}

void
put_acl(struct walk *w, const struct token *t)
{
	uint32_t perms = t->acl.perms;
	char text[3] = { perms & 4 ? 'r' : '-', perms & 2 ? 'w' : '-', perms & 1 ? 'x' : '-' };

	open_object(w);
	put_key(w, KEY_TYPE);
	put_acl_type(w, t->acl.type);
	put_id(w, KEY_ID, t->acl.id);
	put_word_pair(w, KEY_PERMS, (struct str){ text, sizeof(text) });
	close_object(w);
}

/* The compact form of an access mask: a letter for each right, in their customary order. */
static void
put_ace_mask(struct walk *w, uint32_t mask)
{
	static const struct {
		uint32_t bit;
		char letter;
	} rights[] = {
		{ 0x1, 'r' },
		{ 0x2, 'w' },
		{ 0x20, 'x' },
		{ 0x4, 'p' },
		{ 0x10000, 'd' },
		{ 0x40, 'D' },
		{ 0x80, 'a' },
		{ 0x100, 'A' },
		{ 0x8, 'R' },
		{ 0x10, 'W' },
		{ 0x20000, 'c' },
		{ 0x40000, 'C' },
		{ 0x80000, 'o' },
		{ 0x100000, 's' },
	};
	char text[ARRAY_LEN(rights)];

	for (unsigned i = 0; i < ARRAY_LEN(rights); i++)
		text[i] = (mask & rights[i].bit) != 0 ? rights[i].letter : '-';
	put_word(w, (struct str){ text, sizeof(text) });
}

static struct str
ace_who(uint16_t flags)
{
	switch (flags & 0x7040) {
	case 0: return STR("user");
	case 0x40: return STR("group");
	case 0x1000: return STR("owner@");
	case 0x2040: return STR("group@");
	case 0x4000: return STR("everyone@");
	default: return STR("");
	}
}

void
put_ace(struct walk *w, const struct token *t)
{
	open_object(w);
	put_key(w, KEY_WHO);
	put_name(w, ace_who(t->ace.flags), t->ace.flags & 0x7040);
	put_id(w, KEY_ID, t->ace.who);
	put_key(w, KEY_TYPE);
	put_name(w, names_value(NAMES_ACE_TYPE, t->ace.type), t->ace.type);
	put_key(w, KEY_FLAGS);
	put_bits(w, NAMES_ACE_FLAG, t->ace.flags);
	put_key(w, KEY_MASK);
	put_ace_mask(w, t->ace.mask);
	close_object(w);
}

/* One item of a data token: big-endian from Solaris, in the sender's own order from OpenBSM. */
static int64_t
data_item(const struct walk *w, const uint8_t *at, unsigned unit)
{
	bool swapped = w->r->openbsm && !w->r->dialect.natural_ports;

	switch (unit) {
	case 0: return *at;
	case 1: return swapped ? __builtin_bswap16(be16(at)) : be16(at);
	case 2: return swapped ? __builtin_bswap32(be32(at)) : be32(at);
	default: return (int64_t)(swapped ? __builtin_bswap64(be64(at)) : be64(at));
	}
}

void
put_data(struct walk *w, const struct token *t)
{
	unsigned unit = t->data.unit;

	open_object(w);
	put_key(w, KEY_PRINT);
	put_name(w, names_value(NAMES_DATA_PRINT, t->data.print), t->data.print);
	put_key(w, KEY_UNIT);
	put_name(w, names_value(NAMES_DATA_UNIT, unit), unit);
	if (t->data.print == 4) {
		struct str s = { (const char *)t->data.at, (size_t)t->data.count << unit };

		if (s.len > 0 && s.at[s.len - 1] == '\0')
			s.len--;
		put_text_pair(w, KEY_TEXT, s);
	} else {
		put_key(w, KEY_VALUES);
		open_list(w);
		for (unsigned i = 0; i < t->data.count; i++)
			put_integer(w, data_item(w, t->data.at + ((size_t)i << unit), unit));
		close_list(w);
	}
	close_object(w);
}

static struct str
x_name(uint8_t layout)
{
	switch (layout) {
	case 0x40: return STR("xatom");
	case 0x43: return STR("xselect");
	case 0x44: return STR("xcolormap");
	case 0x45: return STR("xcursor");
	case 0x46: return STR("xfont");
	case 0x47: return STR("xgc");
	case 0x48: return STR("xpixmap");
	case 0x49: return STR("xproperty");
	case 0x4a: return STR("xwindow");
	default: return STR("xclient");
	}
}

void
put_x(struct walk *w, const struct token *t)
{
	open_object(w);
	put_word_pair(w, KEY_TOKEN, x_name(t->x.layout));
	switch (t->x.layout) {
	case 0x40: put_text_pair(w, KEY_NAME, t->x.text); break;
	case 0x43:
		put_text_pair(w, KEY_PROPERTY, t->x.text);
		put_text_pair(w, KEY_TYPE, t->x.type);
		put_text_pair(w, KEY_DATA, t->x.data);
		break;
	case 0x4b: put_pair(w, KEY_CLIENT, t->x.id); break;
	default:
		put_pair(w, KEY_ID, t->x.id);
		put_id(w, KEY_UID, t->x.uid);
		if (t->x.layout == 0x49)
			put_text_pair(w, KEY_PROPERTY, t->x.text);
		break;
	}
	close_object(w);
}
