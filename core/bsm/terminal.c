/* terminal: how a login is told from a device, for each layout of the port word. */
#include "bsm/terminal.h"

#include "base/compiler.h"

/* Ports at which people log in: these tell a login from a device. */
static bool
is_service(const struct dialect *d, uint32_t port)
{
	static const uint16_t known[] = { 21, 22, 23, 79, 512, 513, 514, 543, 544 };

	for (unsigned i = 0; i < ARRAY_LEN(known); i++)
		if (known[i] == port)
			return true;
	for (unsigned i = 0; i < d->service_count && i < DIALECT_SERVICES; i++)
		if (d->services[i] == port)
			return true;
	return false;
}

/*
 * A login program's 32-bit number: remote port and local port, each in the byte order of its
 * machine.
 */
static struct terminal
login(uint32_t n, bool swapped)
{
	uint16_t remote = (uint16_t)(n >> 16), local = (uint16_t)n;

	if (swapped) {
		remote = __builtin_bswap16(remote);
		local = __builtin_bswap16(local);
	}
	return (
	    struct terminal){ .kind = TERMINAL_LOGIN, .local_port = local, .remote_port = remote };
}

static struct terminal
device(uint32_t major, uint32_t minor)
{
	return (struct terminal){ .kind = TERMINAL_DEVICE, .major = major, .minor = minor };
}

/*
 * A number that can only be a login: the sender's byte order, unless only the other one gives a
 * known service.
 */
static struct terminal
sure_login(uint32_t n, const struct dialect *d)
{
	struct terminal usual = login(n, !d->natural_ports), other = login(n, d->natural_ports);

	if (!is_service(d, usual.local_port) && is_service(d, other.local_port))
		return other;
	return usual;
}

/*
 * A number that may be a login or a device (major, minor): a login if its local port is a known
 * service.
 */
static struct terminal
login_or_device(uint32_t n, uint32_t major, uint32_t minor, const struct dialect *d)
{
	struct terminal t = sure_login(n, d);

	if (!is_service(d, t.local_port) || t.remote_port == 0)
		return device(major, minor);
	t.guessed = true;
	return t;
}

/*
 * OpenBSM: the port of the peer, in natural order; what is larger than a port is a device of a kind
 * unknown to us.
 */
static struct terminal
terminal_openbsm(uint64_t port)
{
	if (port == 0 || port > UINT16_MAX)
		return (struct terminal){ .kind = TERMINAL_NONE };
	return (struct terminal){ .kind = TERMINAL_PEER, .remote_port = (uint32_t)port };
}

static struct terminal
terminal32(uint32_t port, const struct dialect *d)
{
	if (port == 0 || port == UINT32_MAX)
		return (struct terminal){ .kind = TERMINAL_NONE };
	return login_or_device(port, port >> 18, port & 0x3ffff, d);
}

static struct terminal
terminal64(uint32_t high, uint32_t low, const struct dialect *d)
{
	if ((high == 0 && low == 0) || (high == UINT32_MAX && low == UINT32_MAX))
		return (struct terminal){ .kind = TERMINAL_NONE };
	/*
	 * A 64-bit login program: the number, perhaps sign-extended. Without a remote port it is
	 * none.
	 */
	if (high == 0 || high == UINT32_MAX)
		return high == 0 && low <= UINT16_MAX ? device(high, low) : sure_login(low, d);
	/* Solaris 11.4: remote port above, local port below, both natural. */
	if (high > 0x3fff && high <= UINT16_MAX && low <= UINT16_MAX)
		return (struct terminal){ TERMINAL_LOGIN, false, low, high, 0, 0 };
	/*
	 * A 32-bit login program's number, taken for a packed device by the kernel and spread; or a
	 * device.
	 */
	if (high <= 0x3fff && low <= 0x3ffff) {
		uint32_t n = high << 18 | low;
		struct terminal t = login(n, !d->natural_ports);

		if (is_service(d, t.local_port) && t.remote_port != 0) {
			t.guessed = true;
			return t;
		}
		if (low <= UINT16_MAX && is_service(d, low))
			return (struct terminal){ TERMINAL_LOGIN, true, low, high, 0, 0 };
		return login_or_device(n, high, low, d);
	}
	return device(high, low);
}

struct terminal
terminal_of(uint64_t port, bool wide, bool openbsm, const struct dialect *d)
{
	if (openbsm)
		return terminal_openbsm(port);
	return wide ? terminal64((uint32_t)(port >> 32), (uint32_t)port, d)
		    : terminal32((uint32_t)port, d);
}
