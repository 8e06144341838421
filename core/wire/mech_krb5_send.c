/* mech_krb5_send: the initiator's end of kerberos_v5, as the plugin of a host does it. */
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "wire/mech_krb5.h"

#define MECHS ((gss_OID_set_desc){ 1, (gss_OID)(uintptr_t)gss_mech_krb5 })

static struct err *
import_name(struct krb5_end *end, gss_name_t *out, const char *text, gss_OID type)
{
	gss_buffer_desc name = { strlen(text), (void *)(uintptr_t)text };
	OM_uint32 major, minor;

	major = gss_import_name(&minor, &name, type, out);
	return GSS_ERROR(major) ? krb5_fault(end, end->host, major, minor) : NULL;
}

/*
 * With a key of our own each context has fresh tickets: old ones might be of somebody else, or for a
 * key that the receiver has no more.
 */
static void
name_cache(struct krb5_end *end)
{
	static atomic_uint caches;

	snprintf(
	    end->cache, sizeof(end->cache), "MEMORY:auditrecv-%u", atomic_fetch_add(&caches, 1));
}

void
krb5_forget_tickets(struct krb5_end *end)
{
	krb5_context k;
	krb5_ccache cache;

	if (end->cache[0] == '\0' || krb5_init_context(&k) != 0)
		return;
	if (krb5_cc_resolve(k, end->cache, &cache) == 0)
		krb5_cc_destroy(k, cache);
	krb5_free_context(k);
}

static struct err *
acquire(struct krb5_end *end, const struct mech_initiate *how)
{
	gss_key_value_element_desc elements[] = { { "client_keytab", how->keytab },
		{ "ccache", end->cache } };
	gss_key_value_set_desc store = { ARRAY_LEN(elements), elements };
	gss_OID_set_desc mechs = MECHS;
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 major, minor, ignored;
	struct err *e;

	if (how->keytab != NULL)
		name_cache(end);
	if (how->principal != NULL && (e = import_name(end, &name, how->principal,
					   (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME)) != NULL)
		return e;
	major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &mechs, GSS_C_INITIATE,
	    how->keytab != NULL ? &store : NULL, &end->credential, NULL, NULL);
	gss_release_name(&ignored, &name);
	return GSS_ERROR(major) ? krb5_fault(end, end->host, major, minor) : NULL;
}

struct err *
krb5_initiate_open(void **context, const struct mech_initiate *how)
{
	struct krb5_end *end = calloc(1, sizeof(*end));
	struct err *e = NULL;
	char *service = NULL;
	size_t size = sizeof(KRB5_SERVICE "@") + strlen(how->host);

	*context = NULL;
	if (end == NULL || (service = malloc(size)) == NULL) {
		free(end);
		return err_sys("mechanism kerberos_v5");
	}
	end->binding = how->binding;
	end->host = how->host;
	end->expires = KRB5_FOREVER;
	memcpy(service, KRB5_SERVICE "@", sizeof(KRB5_SERVICE "@") - 1);
	memcpy(service + sizeof(KRB5_SERVICE "@") - 1, how->host, strlen(how->host) + 1);
	if ((e = import_name(end, &end->target, service, (gss_OID)GSS_C_NT_HOSTBASED_SERVICE)) ==
	    NULL)
		e = acquire(end, how);
	free(service);
	if (e != NULL) {
		krb5_close(end);
		return e;
	}
	*context = end;
	return NULL;
}

enum mech_step
krb5_initiate(void *context, struct str token, struct buf *answer, struct err **why)
{
	const OM_uint32 wanted = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG |
				 GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
	struct krb5_end *end = context;
	struct gss_channel_bindings_struct binding;
	gss_buffer_desc in = krb5_buffer(token), out = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor, ignored, flags = 0, seconds = 0;

	krb5_binding(&binding, end);
	major = gss_init_sec_context(&minor, end->credential, &end->gss, end->target,
	    (gss_OID)(uintptr_t)gss_mech_krb5, wanted, 0,
	    end->binding.len > 0 ? &binding : GSS_C_NO_CHANNEL_BINDINGS, &in, NULL, &out, &flags,
	    &seconds);
	buf_append(answer, out.value, out.length);
	gss_release_buffer(&ignored, &out);
	if (GSS_ERROR(major)) {
		*why = krb5_fault(end, end->host, major, minor);
		return MECH_FAILED;
	}
	if ((major & GSS_S_CONTINUE_NEEDED) != 0)
		return MECH_MORE;
	if ((flags & KRB5_NEEDED_FLAGS) != KRB5_NEEDED_FLAGS) {
		*why = err_new("the receiver offers a context without full protection");
		return MECH_FAILED;
	}
	end->expires = krb5_expiry(seconds);
	return MECH_DONE;
}

/* With AES the library goes on beyond the end of the ticket, so we look at the clock. */
bool
krb5_wrap(void *context, struct str plain, struct buf *out, struct err **why)
{
	struct krb5_end *end = context;
	gss_buffer_desc in = krb5_buffer(plain), token = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor;
	int encrypted = 0;

	if (clock_now() >= end->expires) {
		*why = err_new("the ticket of this connection has expired");
		return false;
	}
	major = gss_wrap(&minor, end->gss, 1, GSS_C_QOP_DEFAULT, &in, &encrypted, &token);
	if (GSS_ERROR(major)) {
		*why = krb5_fault(end, end->host, major, minor);
		return false;
	}
	buf_append(out, token.value, token.length);
	gss_release_buffer(&minor, &token);
	if (!encrypted)
		*why = err_new("the library did not encrypt");
	return encrypted;
}

/* As the plugin does: late, early and unsequenced MICs are fine, one that came before is not. */
bool
krb5_verify(void *context, struct str plain, struct str mic, struct err **why)
{
	struct krb5_end *end = context;
	gss_buffer_desc in = krb5_buffer(plain), token = krb5_buffer(mic);
	OM_uint32 major, minor;

	major = gss_verify_mic(&minor, end->gss, &in, &token, NULL);
	if (GSS_ERROR(major)) {
		*why = krb5_fault(end, end->host, major, minor);
		return false;
	}
	if ((major & GSS_S_DUPLICATE_TOKEN) != 0) {
		*why = err_new("a MIC that came before");
		return false;
	}
	return true;
}
