/*
 * The parts of a document about the network. A port that an x86 sender stored swapped is put right
 * here.
 */
#include "base/bytes.h"
#include "bsm/walk.h"

/* Did the sender store ports through its own integers, low byte first? OpenBSM never does. */
static bool
is_swapped(const struct walk *w)
{
	return !w->r->openbsm && !w->r->dialect.natural_ports;
}

static uint16_t
put_right(uint16_t port, bool swapped)
{
	return swapped ? __builtin_bswap16(port) : port;
}

static void
put_family(struct walk *w, const struct token *t)
{
	enum names_list list = NAMES_SOCKET_DOMAIN;

	if (t->id >= 0x80 && t->id <= 0x82)
		list = NAMES_SOCKET_DOMAIN_KERNEL;
	else if (w->r->openbsm)
		list = NAMES_SOCKET_DOMAIN_OPENBSM;
	put_key(w, KEY_FAMILY);
	put_name(w, names_value(list, t->socket.family), t->socket.family);
}

static void
put_type(struct walk *w, uint16_t type)
{
	put_key(w, KEY_TYPE);
	put_name(w,
	    names_value(w->r->openbsm ? NAMES_SOCKET_TYPE_OPENBSM : NAMES_SOCKET_TYPE, type), type);
}

/* Token 2E of an x86 sender has its address reversed, too. */
static void
put_one_end(struct walk *w, const struct token *t)
{
	const struct token_socket *s = &t->socket;
	bool swapped = t->id == 0x2e && is_swapped(w);
	struct token_addr addr = s->local;
	uint8_t reversed[4];

	if (swapped) {
		put_be32(reversed, __builtin_bswap32(be32(addr.at)));
		addr.at = reversed;
	}
	put_addr_pair(w, KEY_IP, addr);
	put_pair(w, KEY_PORT, put_right(s->local_port, swapped));
}

static void
put_both_ends(struct walk *w, const struct token *t)
{
	const struct token_socket *s = &t->socket;
	bool swapped = is_swapped(w);

	put_addr_pair(w, KEY_LOCAL_IP, s->local);
	put_pair(w, KEY_LOCAL_PORT, put_right(s->local_port, swapped));
	put_addr_pair(w, KEY_REMOTE_IP, s->remote);
	put_pair(w, KEY_REMOTE_PORT, put_right(s->remote_port, swapped));
}

void
put_socket(struct walk *w, const struct token *t)
{
	enum socket_form form = t->socket.form;

	open_object(w);
	if (form != SOCKET_TWO)
		put_family(w, t);
	if (form == SOCKET_TWO || form == SOCKET_FULL || form == SOCKET_BARE)
		put_type(w, t->socket.type);
	if (form == SOCKET_ONE)
		put_one_end(w, t);
	else if (form == SOCKET_TWO || form == SOCKET_FULL)
		put_both_ends(w, t);
	else if (form == SOCKET_UNIX)
		put_text_pair(w, KEY_PATH, t->socket.path);
	close_object(w);
}

/* An IPv4 header; an x86 Solaris kernel would have swapped each of its words. */
void
put_ip(struct walk *w, const struct token *t)
{
	bool swapped = is_swapped(w);
	uint8_t h[20];

	memcpy(h, t->words.at, sizeof(h));
	if (swapped) {
		static const uint8_t halves[] = { 2, 4, 6, 10 };

		for (unsigned i = 0; i < ARRAY_LEN(halves); i++) {
			uint8_t low = h[halves[i]];

			h[halves[i]] = h[halves[i] + 1];
			h[halves[i] + 1] = low;
		}
		put_be32(h + 12, __builtin_bswap32(be32(h + 12)));
		put_be32(h + 16, __builtin_bswap32(be32(h + 16)));
	}
	open_object(w);
	put_pair(w, KEY_VERSION, h[0] >> 4);
	put_pair(w, KEY_HEADER_LENGTH, (h[0] & 15) * 4);
	put_pair(w, KEY_TOS, h[1]);
	put_pair(w, KEY_LENGTH, be16(h + 2));
	put_pair(w, KEY_ID, be16(h + 4));
	put_pair(w, KEY_OFFSET, be16(h + 6));
	put_pair(w, KEY_TTL, h[8]);
	put_pair(w, KEY_PROTOCOL, h[9]);
	put_pair(w, KEY_CHECKSUM, be16(h + 10));
	put_addr_pair(w, KEY_SOURCE, (struct token_addr){ h + 12, 4 });
	put_addr_pair(w, KEY_DESTINATION, (struct token_addr){ h + 16, 4 });
	close_object(w);
}

/*
 * The ports' order depends on the program that made the token: natural, unless only swapped the
 * local port is a well-known one.
 */
void
put_tid(struct walk *w, const struct token *t)
{
	uint16_t local = t->tid.local_port;
	bool swapped = is_swapped(w) && local >= 1024 && __builtin_bswap16(local) < 1024;

	open_object(w);
	put_addr_pair(w, KEY_IP, t->tid.addr);
	put_pair(w, KEY_LOCAL_PORT, put_right(local, swapped));
	put_pair(w, KEY_REMOTE_PORT, put_right(t->tid.remote_port, swapped));
	close_object(w);
}
