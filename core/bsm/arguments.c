/*
 * The args of a document. Most values are integers; those that say more by name are shown so, as
 * the argument's name and mostly the event decide.
 */
#include "bsm/terminal.h"
#include "bsm/walk.h"

/* How a value is shown. */
enum rendering {
	AS_VALUE, /* one name out of a list */
	AS_BITS,  /* the names of its bits */
	AS_OCTAL,
	AS_SIGNAL,
	AS_EVENT,
	AS_CLASSES,
	AS_TERMINAL,
	AS_MACHINE,
	AS_DEVICE,
	AS_SOCKET_TYPE,
	AS_STATUS_FLAGS,  /* fcntl's, if it sets them */
	AS_SOCKET_OPTION, /* setsockopt's, at the level of sockets */
	AS_PROCESSOR_STATE,
};

enum system { SOLARIS = 1, OPENBSM = 2, BOTH = 3 };

#define ANY_EVENT UINT16_MAX

static const struct rule {
	struct str name;
	uint16_t events[6]; /* 0 ends; ANY_EVENT */
	uint8_t systems;
	enum rendering rendering;
	enum names_list list, list_openbsm;
} rules[] = {
	{ { "signal", 6 }, { 15, 111 }, BOTH, AS_SIGNAL, 0, 0 },
	{ { "op", 2 }, { 289 }, SOLARIS, AS_VALUE, NAMES_SETPPRIV_OP, 0 },
	{ { "as_success", 10 }, { ANY_EVENT }, BOTH, AS_CLASSES, NAMES_CLASS, NAMES_CLASS_OPENBSM },
	{ { "as_failure", 10 }, { ANY_EVENT }, BOTH, AS_CLASSES, NAMES_CLASS, NAMES_CLASS_OPENBSM },
	{ { "ec_class", 8 }, { 232 }, BOTH, AS_CLASSES, NAMES_CLASS, NAMES_CLASS_OPENBSM },
	{ { "ec_event", 8 }, { 232 }, BOTH, AS_EVENT, 0, 0 },
	{ { "setpolicy", 9 }, { 142 }, BOTH, AS_BITS, NAMES_POLICY, NAMES_POLICY_OPENBSM },
	{ { "setcond", 7 }, { 230 }, BOTH, AS_VALUE, NAMES_AUDIT_COND, NAMES_AUDIT_COND_OPENBSM },
	{ { "port", 4 }, { 133, 266 }, SOLARIS, AS_TERMINAL, 0, 0 },
	{ { "machine", 7 }, { 133 }, SOLARIS, AS_MACHINE, 0, 0 },
	{ { "type", 4 }, { 266 }, SOLARIS, AS_VALUE, NAMES_TERMINAL_TYPE, 0 },
	{ { "type", 4 }, { 32, 34, 183, 186, 265 }, SOLARIS, AS_SOCKET_TYPE, NAMES_SOCKET_TYPE, 0 },
	{ { "type", 4 }, { 183, 186 }, OPENBSM, AS_SOCKET_TYPE, 0, NAMES_SOCKET_TYPE_OPENBSM },
	{ { "domain", 6 }, { ANY_EVENT }, BOTH, AS_VALUE, NAMES_SOCKET_DOMAIN,
	    NAMES_SOCKET_DOMAIN_OPENBSM },
	{ { "family", 6 }, { ANY_EVENT }, BOTH, AS_VALUE, NAMES_SOCKET_DOMAIN,
	    NAMES_SOCKET_DOMAIN_OPENBSM },
	{ { "cmd", 3 }, { 30 }, BOTH, AS_VALUE, NAMES_FCNTL_CMD, NAMES_FCNTL_CMD_OPENBSM },
	{ { "flags", 5 }, { 30 }, SOLARIS, AS_STATUS_FLAGS, NAMES_OPEN_FLAG, 0 },
	{ { "cmd", 3 }, { 251, 252 }, SOLARIS, AS_VALUE, NAMES_ACL_CMD, 0 },
	{ { "cmd", 3 }, { 238 }, SOLARIS, AS_VALUE, NAMES_MEMCNTL_CMD, 0 },
	{ { "flags", 5 }, { 62, 268 }, SOLARIS, AS_BITS, NAMES_MOUNT_FLAG, 0 },
	{ { "flag", 4 }, { 262 }, SOLARIS, AS_PROCESSOR_STATE, NAMES_P_ONLINE_FLAG, 0 },
	{ { "flags", 5 }, { 262 }, SOLARIS, AS_PROCESSOR_STATE, NAMES_P_ONLINE_FLAG, 0 },
	{ { "mode", 4 }, { ANY_EVENT }, BOTH, AS_OCTAL, 0, 0 },
	{ { "new file mode", 13 }, { ANY_EVENT }, BOTH, AS_OCTAL, 0, 0 },
	{ { "ID type", 7 }, { 263 }, SOLARIS, AS_VALUE, NAMES_IDTYPE, 0 },
	{ { "level", 5 }, { 35 }, SOLARIS, AS_VALUE, NAMES_SOCKET_OPTION_LEVEL, 0 },
	{ { "optname", 7 }, { 35 }, SOLARIS, AS_SOCKET_OPTION, NAMES_SOCKET_OPTION, 0 },
	{ { "dev", 3 }, { 9 }, SOLARIS, AS_DEVICE, 0, 0 },
	{ { "door attr", 9 }, { 256, 258 }, SOLARIS, AS_BITS, NAMES_DOOR_ATTR, 0 },
};

static bool
has_event(const struct rule *rule, uint16_t event)
{
	for (unsigned i = 0; i < ARRAY_LEN(rule->events) && rule->events[i] != 0; i++)
		if (rule->events[i] == event || rule->events[i] == ANY_EVENT)
			return true;
	return false;
}

/* Those of auditon and setaudit carry what they set in front: "setpmask:as_success". */
static struct str
without_prefix(struct str name)
{
	const char *colon =
	    name.len > 4 && memcmp(name.at, "set", 3) == 0 ? memchr(name.at, ':', name.len) : NULL;

	if (colon == NULL)
		return name;
	return (struct str){ colon + 1, name.len - (size_t)(colon + 1 - name.at) };
}

static const struct rule *
rule_for(const struct record *r, struct str name)
{
	uint8_t system = r->openbsm ? OPENBSM : SOLARIS;

	name = without_prefix(name);
	for (unsigned i = 0; i < ARRAY_LEN(rules); i++)
		if ((rules[i].systems & system) != 0 && str_equal(rules[i].name, name) &&
		    has_event(&rules[i], r->header.event))
			return &rules[i];
	return NULL;
}

static bool
another_is(const struct record *r, struct str name, uint64_t value)
{
	for (const struct token *t = record_first(r, TOKEN_ARGUMENT); t != NULL;
	     t = record_next(r, t))
		if (str_equal(t->argument.name, name))
			return t->argument.value == value;
	return false;
}

static void
put_classes(struct walk *w, enum names_list list, uint64_t mask)
{
	struct str names[NAMES_BITS];
	uint64_t rest;
	unsigned count = names_classes(list, mask, names, &rest);

	put_names(w, names, count, rest);
}

static void
put_ports(struct walk *w, uint64_t port)
{
	struct terminal t = terminal_of(port, true, false, &w->r->dialect);

	open_object(w);
	if (t.kind == TERMINAL_LOGIN) {
		put_pair(w, KEY_LOCAL_PORT, t.local_port);
		put_pair(w, KEY_REMOTE_PORT, t.remote_port);
	} else {
		put_key(w, KEY_PORT_ID);
		put_hex_number(w, port, 16, true);
	}
	close_object(w);
}

/* An IPv4 address that a machine loaded as an integer of its own. */
static void
put_machine(struct walk *w, uint64_t value)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (w->r->dialect.natural_ports ? 24 - 8 * i : 8 * i));
	put_addr(w, (struct token_addr){ bytes, 4 });
}

static void
put_device(struct walk *w, uint64_t value, bool wide)
{
	unsigned minor_bits = wide ? 32 : 18;

	open_object(w);
	put_pair(w, KEY_MAJOR, (int64_t)(value >> minor_bits));
	put_pair(w, KEY_MINOR, (int64_t)(value & ((UINT64_C(1) << minor_bits) - 1)));
	close_object(w);
}

/* "sock_stream", and behind it by commas what flags the word has above its low half. */
static void
put_socket_type(struct walk *w, enum names_list list, uint64_t value)
{
	struct str type = names_value(list, value & 0xffff), names[NAMES_BITS];
	uint64_t rest;
	unsigned count = names_bits(NAMES_SOCKET_FLAG, value & ~UINT64_C(0xffff), names, &rest);
	char text[128];
	size_t len = type.len;

	if (type.len == 0 || rest != 0 || len > sizeof(text)) {
		put_name(w, STR(""), (int64_t)value);
		return;
	}
	memcpy(text, type.at, len);
	for (unsigned i = 0; i < count && len + 1 + names[i].len <= sizeof(text); i++) {
		text[len++] = ',';
		memcpy(text + len, names[i].at, names[i].len);
		len += names[i].len;
	}
	put_word(w, (struct str){ text, len });
}

/* A state, and perhaps that it is forced. */
static void
put_processor_state(struct walk *w, enum names_list list, uint64_t value)
{
	struct str names[2];
	uint64_t forced = value & UINT64_C(0x10000000), rest = value & ~forced;
	unsigned count = 0;

	names[count] = names_value(list, (int64_t)rest);
	if (names[count].len > 0) {
		rest = 0;
		count++;
	}
	if (forced != 0)
		names[count++] = names_value(list, (int64_t)forced);
	put_names(w, names, count, rest);
}

void
put_argument(struct walk *w, const struct token *t)
{
	const struct record *r = w->r;
	const struct rule *rule = rule_for(r, t->argument.name);
	uint64_t value = t->argument.value;
	int64_t plain = t->argument.wide ? (int64_t)value : id_value((uint32_t)value);
	enum names_list list;

	if (LIKELY(rule == NULL)) {
		put_integer(w, plain);
		return;
	}
	list = r->openbsm ? rule->list_openbsm : rule->list;
	switch (rule->rendering) {
	case AS_VALUE: put_name(w, names_value(list, plain), plain); break;
	case AS_BITS: put_bits(w, list, value); break;
	case AS_OCTAL: put_octal(w, value); break;
	case AS_SIGNAL: put_name(w, names_signal(value, r->openbsm), plain); break;
	case AS_EVENT:
		put_name(w, value <= UINT16_MAX ? names_event(r->column, (uint16_t)value) : STR(""),
		    plain);
		break;
	case AS_CLASSES: put_classes(w, list, value); break;
	case AS_TERMINAL: put_ports(w, value); break;
	case AS_MACHINE: put_machine(w, value); break;
	case AS_DEVICE: put_device(w, value, t->argument.wide); break;
	case AS_SOCKET_TYPE: put_socket_type(w, list, value); break;
	case AS_STATUS_FLAGS:
		if (another_is(r, STR("cmd"), 4))
			put_bits(w, list, value);
		else
			put_integer(w, plain);
		break;
	case AS_SOCKET_OPTION:
		put_name(w,
		    another_is(r, STR("level"), 0xffff) ? names_value(list, plain) : STR(""),
		    plain);
		break;
	case AS_PROCESSOR_STATE: put_processor_state(w, list, value); break;
	}
}

void
put_args(struct walk *w)
{
	put_by_name(w, TOKEN_ARGUMENT, put_argument);
}
