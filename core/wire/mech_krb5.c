/*
 * The mechanism kerberos_v5: the acceptor's end, through the GSS library of MIT Kerberos.
 *
 * The library takes a sender that gives no channel bindings for granted, and accepts contexts
 * without the protection that we want: both are checked here.
 */
#include "wire/mech_krb5.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"

#define OID       "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
#define WINDOW    64 /* tokens behind the newest of which the library knows whether they came */
#define MIC_MOST  64 /* bytes; 28 and 40 with the encryption types of today */
#define TYPE_BASE "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x04" /* in front of an encryption type */

static struct err *
accept_open(void **context, const struct mech_accept *how)
{
	struct krb5_end *end;

	*context = NULL;
	if (how->kerberos == NULL)
		return err_new("mechanism kerberos_v5 has no keytab here");
	if ((end = calloc(1, sizeof(*end))) == NULL)
		return err_sys("mechanism kerberos_v5");
	end->binding = how->binding;
	end->expires = KRB5_FOREVER;
	end->keys = krb5_keys_use(how->kerberos);
	end->weak_encryption = end->keys->weak_encryption;
	*context = end;
	return NULL;
}

void
krb5_close(void *context)
{
	struct krb5_end *end = context;
	OM_uint32 minor;

	if (end == NULL)
		return;
	if (end->plain.value != NULL)
		gss_release_buffer(&minor, &end->plain);
	if (end->gss != GSS_C_NO_CONTEXT)
		gss_delete_sec_context(&minor, &end->gss, GSS_C_NO_BUFFER);
	if (end->credential != GSS_C_NO_CREDENTIAL)
		gss_release_cred(&minor, &end->credential);
	if (end->target != GSS_C_NO_NAME)
		gss_release_name(&minor, &end->target);
	krb5_keys_drop(end->keys);
	krb5_forget_tickets(end);
	free(end->principal);
	free(end->peer_host);
	free(end);
}

void
krb5_binding(struct gss_channel_bindings_struct *out, const struct krb5_end *end)
{
	*out = (struct gss_channel_bindings_struct){ .initiator_addrtype = GSS_C_AF_NULLADDR,
		.acceptor_addrtype = GSS_C_AF_NULLADDR,
		.application_data = krb5_buffer(end->binding) };
}

int64_t
krb5_expiry(OM_uint32 seconds)
{
	return seconds == GSS_C_INDEFINITE ? KRB5_FOREVER
					   : clock_now() + (int64_t)seconds * CLOCK_SECOND;
}

/*
 * The host in "service/host@REALM", when it is one: what has other characters than a host name (an
 * escape, say) names no host.
 */
static char *
host_of(const char *principal)
{
	const char *slash = strchr(principal, '/'), *end;

	if (slash == NULL)
		return NULL;
	for (end = slash + 1; *end != '\0' && *end != '@'; end++)
		if (!((*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z') ||
			(*end >= '0' && *end <= '9') || *end == '.' || *end == '-' || *end == '_'))
			return NULL;
	return *end == '@' && end > slash + 1 ? strndup(slash + 1, (size_t)(end - slash - 1))
					      : NULL;
}

static struct err *
take_name(struct krb5_end *end, gss_name_t name)
{
	OM_uint32 major, minor;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;

	major = gss_display_name(&minor, name, &text, NULL);
	if (GSS_ERROR(major))
		return krb5_fault(end, NULL, major, minor);
	end->principal = strndup(text.value, text.length);
	gss_release_buffer(&minor, &text);
	if (end->principal == NULL)
		return err_sys("the sender's name");
	end->peer_host = host_of(end->principal);
	return NULL;
}

/* The encryption type of the session's key is what the records are protected by. */
static struct err *
check_encryption(struct krb5_end *end)
{
	gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
	const uint8_t *at;
	OM_uint32 major, minor;
	int type = 0;

	major = gss_inquire_sec_context_by_oid(&minor, end->gss, GSS_C_INQ_SSPI_SESSION_KEY, &set);
	if (GSS_ERROR(major))
		return krb5_fault(end, NULL, major, minor);
	if (set != GSS_C_NO_BUFFER_SET && set->count == 2 &&
	    set->elements[1].length > sizeof(TYPE_BASE) - 1) {
		at = set->elements[1].value;
		for (size_t i = sizeof(TYPE_BASE) - 1; i < set->elements[1].length; i++)
			type = (type & 0xffff) << 7 | (at[i] & 0x7f);
		explicit_bzero(set->elements[0].value, set->elements[0].length);
	}
	gss_release_buffer_set(&minor, &set);
	if (!end->weak_encryption && krb5_encryption_is_weak(type))
		return err_new(
		    "the session's encryption type (number %d) is broken or not known: give the "
		    "sender and the service keys of an AES type",
		    type);
	return NULL;
}

static struct err *
check_context(struct krb5_end *end, OM_uint32 flags)
{
	if ((flags & KRB5_NEEDED_FLAGS) != KRB5_NEEDED_FLAGS)
		return err_new("the sender's context lacks%s%s%s%s%s",
		    (flags & GSS_C_MUTUAL_FLAG) == 0 ? " mutual authentication" : "",
		    (flags & GSS_C_CONF_FLAG) == 0 ? " encryption" : "",
		    (flags & GSS_C_INTEG_FLAG) == 0 ? " integrity" : "",
		    (flags & GSS_C_REPLAY_FLAG) == 0 ? " replay detection" : "",
		    (flags & GSS_C_SEQUENCE_FLAG) == 0 ? " sequence detection" : "");
	if ((flags & GSS_C_ANON_FLAG) != 0)
		return err_new("the sender is anonymous");
#ifdef GSS_C_CHANNEL_BOUND_FLAG
	if ((flags & GSS_C_CHANNEL_BOUND_FLAG) == 0)
		return err_new("the sender gives no channel bindings, so nothing protects the "
			       "exchange of versions: this is no audit_remote plugin");
#endif
	return check_encryption(end);
}

static enum mech_step
accept_token(void *context, struct str token, struct buf *answer, struct err **why)
{
	struct krb5_end *end = context;
	struct gss_channel_bindings_struct binding;
	gss_buffer_desc in = krb5_buffer(token), out = GSS_C_EMPTY_BUFFER;
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 major, minor, ignored, flags = 0, seconds = 0;
	bool more;

	krb5_binding(&binding, end);
	major = gss_accept_sec_context(&minor, &end->gss, end->keys->credential, &in, &binding,
	    &name, NULL, &out, &flags, &seconds, NULL);
	buf_append(answer, out.value, out.length);
	more = (major & GSS_S_CONTINUE_NEEDED) != 0;
	*why = NULL;
	if (more && out.length == 0) /* its way to say that this is no token that it knows */
		*why = krb5_fault(end, NULL, GSS_S_DEFECTIVE_TOKEN, minor);
	else if (GSS_ERROR(major))
		*why = krb5_fault(end, NULL, major, minor);
	else if (!more && (*why = check_context(end, flags)) == NULL)
		*why = take_name(end, name);
	gss_release_buffer(&ignored, &out);
	gss_release_name(&ignored, &name);
	if (*why != NULL)
		return MECH_FAILED;
	if (more)
		return MECH_MORE;
	end->expires = krb5_expiry(seconds);
	krb5_keys_drop(end->keys);
	end->keys = NULL;
	return MECH_DONE;
}

static struct mech_name
name_of(const void *context)
{
	const struct krb5_end *end = context;

	return (struct mech_name){ .host = end->peer_host, .principal = end->principal };
}

/*
 * The number of a token in the order of its sender (RFC 4121; older forms hide it), which its
 * checksum has vouched for. The library calls a token that comes too late to tell whether it came
 * before just out of sequence.
 */
static bool
token_number(struct str token, uint64_t *number)
{
	if (token.len < 16 || token.at[0] != 0x05 || token.at[1] != 0x04)
		return false;
	*number = be64(token.at + 8);
	return true;
}

static bool
is_too_old(const struct krb5_end *end, struct str token)
{
	uint64_t number;

	return !token_number(token, &number) || end->newest - number >= WINDOW;
}

static enum mech_text
unwrap(void *context, struct str token, struct str *plain, struct err **why)
{
	struct krb5_end *end = context;
	gss_buffer_desc in = krb5_buffer(token);
	OM_uint32 major, minor;
	uint64_t number;
	int encrypted = 0;

	if (end->plain.value != NULL)
		gss_release_buffer(&minor, &end->plain);
	major = gss_unwrap(&minor, end->gss, &in, &end->plain, &encrypted, NULL);
	if (UNLIKELY(GSS_ERROR(major))) {
		*why = krb5_fault(end, NULL, major, minor);
		return MECH_TEXT_FAILED;
	}
	if (UNLIKELY(!encrypted)) {
		*why = err_new("it is not encrypted");
		return MECH_TEXT_FAILED;
	}
	*plain = (struct str){ end->plain.value, end->plain.length };
	if (token_number(token, &number) && number > end->newest)
		end->newest = number;
	if (LIKELY(major == GSS_S_COMPLETE))
		return MECH_TEXT;
	if ((major & (GSS_S_DUPLICATE_TOKEN | GSS_S_OLD_TOKEN)) != 0)
		return MECH_TEXT_SEEN;
	if ((major & GSS_S_UNSEQ_TOKEN) != 0 && is_too_old(end, token))
		return MECH_TEXT_SEEN;
	return MECH_TEXT_GAP;
}

static size_t
mic(void *context, struct str plain, uint8_t *out, struct err **why)
{
	struct krb5_end *end = context;
	gss_buffer_desc in = krb5_buffer(plain), token = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor;
	size_t len;

	major = gss_get_mic(&minor, end->gss, GSS_C_QOP_DEFAULT, &in, &token);
	if (UNLIKELY(GSS_ERROR(major))) {
		*why = krb5_fault(end, NULL, major, minor);
		return 0;
	}
	len = token.length;
	if (LIKELY(len <= MIC_MOST))
		memcpy(out, token.value, len);
	else {
		*why = err_new("a MIC of %zu bytes", len);
		len = 0;
	}
	gss_release_buffer(&minor, &token);
	return len;
}

static bool
expired(const void *context)
{
	return clock_now() > ((const struct krb5_end *)context)->expires;
}

static const char *
detail(const void *context)
{
	return ((const struct krb5_end *)context)->detail;
}

const struct mech mech_kerberos = {
	.name = "kerberos_v5",
	.oid = { OID, sizeof(OID) - 1 },
	.mic_max = MIC_MOST,
	.accept_open = accept_open,
	.accept = accept_token,
	.name_of = name_of,
	.unwrap = unwrap,
	.mic = mic,
	.expired = expired,
	.detail = detail,
	.initiate_open = krb5_initiate_open,
	.initiate = krb5_initiate,
	.wrap = krb5_wrap,
	.verify = krb5_verify,
	.close = krb5_close,
	.slow = true,
};
