/*
 * The mechanism `dummy`: no secret, no check, no protection. It exists in the illumos source for
 * testing and serves on trusted networks. Every token: 60, length of the rest, 06 0a and the OID,
 * 00 00, the body.
 *
 * Body of a context token: the sender's status as decimal digits with a NUL; "0" is complete and
 * gets no answer, "1" wants one. Body of a wrap token: the plain text. Body of a MIC: fourteen
 * fixed letters.
 */
#include <stdlib.h>

#include "wire/der.h"
#include "wire/mech.h"

#define OID       "\x2b\x06\x01\x04\x01\x2a\x02\x1a\x01\x02"
#define FIXED     "\x06\x0a" OID "\0\0"
#define FIXED_LEN (sizeof(FIXED) - 1)
#define MIC       "dummy_gss_sign"
#define MIC_TOKEN "\x60\x1c" FIXED MIC
#define MIC_LEN   (sizeof(MIC_TOKEN) - 1)

static const char complete[] = "0";        /* with its NUL */
static const char continue_needed[] = "1"; /* likewise */

/* Splits the head of a token of full_size bytes; the body is as much as head has of it. */
static enum mech_step
take_header(struct str head, uint64_t full_size, struct str *body, uint64_t *body_size)
{
	uint32_t len;
	size_t used;

	if (head.len < 1)
		return full_size == 0 ? MECH_FAILED : MECH_MORE;
	if ((uint8_t)head.at[0] != 0x60)
		return MECH_FAILED;
	switch (der_get_length((struct str){ head.at + 1, head.len - 1 }, &len, &used)) {
	case DER_OK: break;
	case DER_SHORT: return head.len < full_size ? MECH_MORE : MECH_FAILED;
	case DER_BAD: return MECH_FAILED;
	}
	used += 1;
	if ((uint64_t)used + len != full_size || len < FIXED_LEN)
		return MECH_FAILED;
	if (head.len - used < FIXED_LEN)
		return MECH_MORE;
	if (memcmp(head.at + used, FIXED, FIXED_LEN) != 0)
		return MECH_FAILED;
	*body = (struct str){ head.at + used + FIXED_LEN, head.len - used - FIXED_LEN };
	*body_size = len - FIXED_LEN;
	return MECH_DONE;
}

static bool
take_body(struct str token, struct str *body)
{
	uint64_t size;

	return take_header(token, token.len, body, &size) == MECH_DONE;
}

static void
put_token(struct buf *out, struct str body)
{
	uint8_t head[1 + DER_LENGTH_MAX];
	size_t len = 1;

	head[0] = 0x60;
	len += der_put_length(head + 1, (uint32_t)(FIXED_LEN + body.len));
	buf_append(out, head, len);
	buf_append(out, FIXED, FIXED_LEN);
	buf_str(out, body);
}

static struct err *
accept_open(void **context, const struct mech_accept *how)
{
	(void)how;
	*context = NULL;
	return NULL;
}

static enum mech_step
accept_token(void *context, struct str token, struct buf *answer, struct err **why)
{
	struct str body;

	(void)context;
	if (!take_body(token, &body)) {
		*why = err_new("not a token of the dummy mechanism");
		return MECH_FAILED;
	}
	if (str_equal(body, (struct str){ complete, sizeof(complete) }))
		return MECH_DONE;
	if (str_equal(body, (struct str){ continue_needed, sizeof(continue_needed) })) {
		put_token(answer, (struct str){ complete, sizeof(complete) });
		return MECH_DONE;
	}
	*why = err_new("the sender's status is neither complete nor continue");
	return MECH_FAILED;
}

static struct mech_name
name_of(const void *context)
{
	(void)context;
	return (struct mech_name){ 0 };
}

static enum mech_text
unwrap(void *context, struct str token, struct str *plain, struct err **why)
{
	(void)context;
	if (LIKELY(take_body(token, plain)))
		return MECH_TEXT;
	*why = err_new("not a token of the dummy mechanism");
	return MECH_TEXT_FAILED;
}

static enum mech_step
unwrap_head(void *context, struct str head, uint64_t full_size, struct str *plain,
    uint64_t *plain_size, struct err **why)
{
	enum mech_step step = take_header(head, full_size, plain, plain_size);

	(void)context;
	if (step == MECH_FAILED)
		*why = err_new("not a token of the dummy mechanism");
	return step;
}

static size_t
mic(void *context, struct str plain, uint8_t *out, struct err **why)
{
	(void)context;
	(void)plain;
	(void)why;
	memcpy(out, MIC_TOKEN, MIC_LEN);
	return MIC_LEN;
}

/* The initiator's side: how many answers it still waits for. */
struct initiator {
	bool multi_token;
	bool asked;
};

static struct err *
initiate_open(void **context, const struct mech_initiate *how)
{
	struct initiator *i = calloc(1, sizeof(*i));

	if ((*context = i) == NULL)
		return err_sys("dummy mechanism");
	i->multi_token = how->multi_token;
	return NULL;
}

static enum mech_step
initiate(void *context, struct str token, struct buf *answer, struct err **why)
{
	struct initiator *i = context;
	struct str body;

	if (!i->multi_token) {
		put_token(answer, (struct str){ complete, sizeof(complete) });
		return MECH_DONE;
	}
	if (i->asked) {
		if (!take_body(token, &body)) {
			*why = err_new("not a token of the dummy mechanism");
			return MECH_FAILED;
		}
		if (str_equal(body, (struct str){ complete, sizeof(complete) }))
			return MECH_DONE;
		if (!str_equal(body, (struct str){ continue_needed, sizeof(continue_needed) })) {
			*why = err_new("the receiver refused the context");
			return MECH_FAILED;
		}
	}
	i->asked = true;
	put_token(answer, (struct str){ continue_needed, sizeof(continue_needed) });
	return MECH_MORE;
}

static bool
wrap(void *context, struct str plain, struct buf *out, struct err **why)
{
	(void)context;
	(void)why;
	put_token(out, plain);
	return true;
}

static bool
verify(void *context, struct str plain, struct str mic_token, struct err **why)
{
	(void)context;
	(void)plain;
	if (LIKELY(mic_token.len == MIC_LEN && memcmp(mic_token.at, MIC_TOKEN, MIC_LEN) == 0))
		return true;
	*why = err_new("not a MIC of the dummy mechanism");
	return false;
}

const struct mech mech_dummy = {
	.name = "dummy",
	.oid = { OID, sizeof(OID) - 1 },
	.mic_max = MIC_LEN,
	.accept_open = accept_open,
	.accept = accept_token,
	.name_of = name_of,
	.unwrap = unwrap,
	.unwrap_head = unwrap_head,
	.mic = mic,
	.initiate_open = initiate_open,
	.initiate = initiate,
	.wrap = wrap,
	.verify = verify,
	.close = free,
};
