/* mech_krb5: what the files of the mechanism kerberos_v5 share; nobody else sees GSS. */
#ifndef WIRE_MECH_KRB5_H
#define WIRE_MECH_KRB5_H

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdatomic.h>

#include "wire/mech.h"

#define KRB5_SERVICE     "audit"
#define KRB5_DETAIL_SIZE 256
#define KRB5_FOREVER     INT64_MAX
#define KRB5_NEEDED_FLAGS                                                             \
	(GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG | \
	    GSS_C_SEQUENCE_FLAG)

/* A credential made of the keys of one reading; lives until the last context has let go of it. */
struct krb5_keys {
	atomic_uint users;
	bool weak_encryption;
	gss_cred_id_t credential;
};

/* One end of a context. */
struct krb5_end {
	gss_ctx_id_t gss;
	struct str binding;
	struct krb5_keys *keys;   /* acceptor: until the context stands */
	bool weak_encryption;     /* acceptor: allowed */
	gss_cred_id_t credential; /* initiator */
	gss_name_t target;        /* initiator */
	const char *host;         /* initiator */
	char cache[32];           /* initiator: where its tickets are, when they are its own */
	uint64_t newest;          /* acceptor: number of the newest token */
	gss_buffer_desc plain;    /* what was unwrapped last; the library's memory */
	int64_t expires;          /* nanoseconds since 1970 */
	char *principal, *peer_host;
	char detail[KRB5_DETAIL_SIZE];
};

/* mech_krb5_keys.c: the keys in use now, for one context. */
struct krb5_keys *krb5_keys_use(struct kerberos_acceptor *a);
/* NULL is fine. */
void krb5_keys_drop(struct krb5_keys *keys);
bool krb5_encryption_is_weak(int type);

/*
 * mech_krb5_fault.c: what went wrong and what to do, for a person; the bare numbers go to
 * end->detail (end may be NULL). name: the host that we asked for, NULL on the acceptor's side.
 */
struct err *krb5_fault(
    struct krb5_end *end, const char *name, OM_uint32 major, OM_uint32 minor) MUST_USE;

/* mech_krb5_send.c: the initiator's part of mech_kerberos. */
struct err *krb5_initiate_open(void **context, const struct mech_initiate *how);
enum mech_step krb5_initiate(void *context, struct str token, struct buf *answer, struct err **why);
bool krb5_wrap(void *context, struct str plain, struct buf *out, struct err **why);
bool krb5_verify(void *context, struct str plain, struct str mic, struct err **why);

/* Forgets the tickets that were got for this context alone. */
void krb5_forget_tickets(struct krb5_end *end);

/* Both ends. */
void krb5_binding(struct gss_channel_bindings_struct *out, const struct krb5_end *end);
/* The time at which so many seconds are over. */
int64_t krb5_expiry(OM_uint32 seconds);
void krb5_close(void *context);
static inline gss_buffer_desc
krb5_buffer(struct str bytes)
{
	return (gss_buffer_desc){ bytes.len, (void *)(uintptr_t)bytes.at };
}

#endif
