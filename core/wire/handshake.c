/* handshake: version, mechanism, context; each wrong step has its own reason. */
#include "wire/handshake.h"

#include "wire/frame.h"

void
handshake_init(
    struct handshake *h, const struct mech *const *allowed, struct kerberos_acceptor *kerberos)
{
	*h = (struct handshake){ .allowed = allowed, .kerberos = kerberos };
}

void
handshake_fini(struct handshake *h)
{
	if (h->mech != NULL)
		h->mech->close(h->context);
	h->mech = NULL;
	h->context = NULL;
}

/* Is ours among the versions, which are separated by commas? */
static bool
offers_ours(struct str offered)
{
	const struct str ours = STR(HANDSHAKE_VERSION);
	const char *comma;
	struct str one;

	for (;;) {
		comma = memchr(offered.at, ',', offered.len);
		one = (struct str){ offered.at,
			comma != NULL ? (size_t)(comma - offered.at) : offered.len };
		if (str_equal(one, ours))
			return true;
		if (comma == NULL)
			return false;
		offered = (struct str){ comma + 1, offered.len - one.len - 1 };
	}
}

static enum handshake_step
take_version(struct handshake *h, struct str offered, struct buf *out, struct err **why)
{
	const struct str ours = STR(HANDSHAKE_VERSION);

	if (offered.len == 0 || offered.len > HANDSHAKE_VERSION_MAX) {
		*why = err_new("version of %zu bytes", offered.len);
		return HANDSHAKE_BROKEN;
	}
	if (!offers_ours(offered)) {
		*why = err_new("offers version %.*s, we speak " HANDSHAKE_VERSION, (int)offered.len,
		    offered.at);
		return HANDSHAKE_BROKEN;
	}
	memcpy(h->binding, offered.at, offered.len);
	memcpy(h->binding + offered.len, ours.at, ours.len);
	h->binding_len = (uint8_t)(offered.len + ours.len);
	frame_put(out, ours);
	return HANDSHAKE_MORE;
}

static enum handshake_step
choose_mech(struct handshake *h, struct str token, struct err **why)
{
	struct mech_accept how = { .binding = { h->binding, h->binding_len },
		.kerberos = h->kerberos };
	struct str oid;

	if (!mech_token_oid(token, &oid)) {
		*why = err_new("the first token names no mechanism");
		return HANDSHAKE_BROKEN;
	}
	for (size_t i = 0; h->allowed[i] != NULL; i++)
		if (str_equal(h->allowed[i]->oid, oid)) {
			if ((*why = h->allowed[i]->accept_open(&h->context, &how)) != NULL)
				return HANDSHAKE_REFUSED;
			h->mech = h->allowed[i];
			return HANDSHAKE_MORE;
		}
	for (size_t i = 0; mech_all[i] != NULL; i++)
		if (str_equal(mech_all[i]->oid, oid)) {
			*why = err_new("mechanism %s is not allowed here", mech_all[i]->name);
			return HANDSHAKE_NO_MECHANISM;
		}
	*why = err_new("a mechanism that we do not know");
	return HANDSHAKE_NO_MECHANISM;
}

static enum handshake_step
take_token(struct handshake *h, struct str token, struct buf *out, struct err **why)
{
	struct buf answer = { 0 };
	enum handshake_step step = HANDSHAKE_MORE;

	if (++h->tokens > HANDSHAKE_TOKENS_MAX) {
		*why = err_new("more than %d context tokens", HANDSHAKE_TOKENS_MAX);
		return HANDSHAKE_BROKEN;
	}
	if (h->mech == NULL && (step = choose_mech(h, token, why)) != HANDSHAKE_MORE)
		return step;
	switch (h->mech->accept(h->context, token, &answer, why)) {
	case MECH_DONE: step = HANDSHAKE_DONE; break;
	case MECH_MORE: step = HANDSHAKE_MORE; break;
	case MECH_FAILED: step = HANDSHAKE_REFUSED; break;
	}
	if (answer.len > 0)
		frame_put(out, buf_view(&answer));
	buf_fini(&answer);
	return step;
}

enum handshake_step
handshake_frame(struct handshake *h, struct str body, struct buf *out, struct err **why)
{
	return h->binding_len == 0 ? take_version(h, body, out, why)
				   : take_token(h, body, out, why);
}
