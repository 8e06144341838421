/* mech_krb5_fault: statuses of the library as sentences for the person who has to act on them. */
#include <krb5.h>
#include <stdio.h>

#include "wire/mech_krb5.h"

#define CLOCKS                                                                                  \
	"the clocks of sender and receiver differ by more than the five minutes that Kerberos " \
	"allows: let both follow a time server"
#define KEYTAB_OLD                                                                               \
	"the sender's ticket does not fit our keys: its key has been changed on the KDC since; " \
	"export the keys of audit/HOST to the keytab again (kadmin: ktadd)"
#define OTHER_NAME                                                                             \
	"the sender asks for a service that our keytab has no key for: p_hosts on the sender " \
	"must hold the name HOST of a key audit/HOST in the keytab, and that name must be the canonical one"
#define NO_TICKET "there is no ticket: run kinit, or give a keytab of your own"
#define NO_KDC    "no KDC answers: check krb5.conf, the network, and that the KDC runs"
#define WEAK                                                                                         \
	"sender, service and KDC have no encryption type in common that is allowed: give them keys " \
	"of an AES type"

struct saying {
	long status;
	const char *text;
};

/* On the acceptor's side: about a sender. */
static const struct saying of_sender[] = {
	{ KRB5KRB_AP_ERR_SKEW, CLOCKS },
	{ KRB5KRB_AP_ERR_TKT_NYV, CLOCKS },
	{ KRB5KRB_AP_ERR_TKT_EXPIRED,
	    "the sender's ticket has expired: renew it there (kinit, or a key in its keytab), and compare "
	    "the clocks" },
	{ KRB5KRB_AP_ERR_BADKEYVER, KEYTAB_OLD },
	{ KRB5KRB_AP_ERR_BAD_INTEGRITY, KEYTAB_OLD },
	{ KRB5KRB_AP_ERR_MODIFIED, KEYTAB_OLD },
	{ KRB5_KT_KVNONOTFOUND, KEYTAB_OLD },
	{ KRB5_KT_NOTFOUND, OTHER_NAME },
	{ KRB5KRB_AP_ERR_NOKEY, OTHER_NAME },
	{ KRB5KRB_AP_ERR_NOT_US, OTHER_NAME },
	{ KRB5KRB_AP_WRONG_PRINC, OTHER_NAME },
	{ KRB5KRB_AP_ERR_REPEAT,
	    "this token was used before: somebody plays back what he has heard (or a clock went back)" },
	{ KRB5_BAD_ENCTYPE, WEAK },
	{ KRB5_PROG_ETYPE_NOSUPP, WEAK },
	{ KRB5_NOPERM_ETYPE, WEAK },
	{ KRB5KDC_ERR_ETYPE_NOSUPP, WEAK },
	{ 0, NULL },
};

/* On the initiator's side: about us, the KDC and the receiver. */
static const struct saying of_us[] = {
	{ KRB5KRB_AP_ERR_SKEW, CLOCKS },
	{ KRB5KRB_AP_ERR_TKT_NYV, CLOCKS },
	{ KRB5KRB_AP_ERR_TKT_EXPIRED, "the ticket has expired: run kinit again" },
	{ KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN,
	    "the KDC knows no such service: give the receiver by the name for which it has a key (an "
	    "address cannot work), or create the principal there (kadmin: addprinc -randkey audit/HOST)" },
	{ KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN,
	    "the KDC does not know who we say we are: create that principal there" },
	{ KRB5KDC_ERR_PREAUTH_FAILED,
	    "our key is not the one that the KDC has: export it again (kadmin: ktadd)" },
	{ KRB5KRB_AP_ERR_BAD_INTEGRITY,
	    "our key is not the one that the KDC has: export it again (kadmin: ktadd)" },
	{ KRB5_FCC_NOFILE, NO_TICKET },
	{ KRB5_CC_NOTFOUND, NO_TICKET },
	{ KRB5_CC_END, NO_TICKET },
	{ KRB5_KT_NOTFOUND, "the keytab has no key that can be used: export one (kadmin: ktadd)" },
	{ KRB5_KDC_UNREACH, NO_KDC },
	{ KRB5_REALM_CANT_RESOLVE, NO_KDC },
	{ KRB5_REALM_UNKNOWN, "krb5.conf names no KDC for this realm" },
	{ KRB5_CONFIG_NODEFREALM, "krb5.conf names no default_realm" },
	{ KRB5KDC_ERR_ETYPE_NOSUPP, WEAK },
	{ KRB5_BAD_ENCTYPE, WEAK },
	{ 0, NULL },
};

static const char *
saying_of_major(OM_uint32 major, bool ours)
{
	switch (GSS_ROUTINE_ERROR(major)) {
	case GSS_S_BAD_BINDINGS:
		return "the channel bindings differ: somebody on the way has changed the exchange of "
		       "versions, or the sender is no audit_remote plugin";
	case GSS_S_BAD_SIG: return "its checksum is wrong: it was changed on the way";
	case GSS_S_DEFECTIVE_TOKEN: return "it is no token of kerberos_v5";
	case GSS_S_CONTEXT_EXPIRED: return "the context has expired";
	case GSS_S_CREDENTIALS_EXPIRED:
		return ours ? "the ticket has expired: run kinit again"
			    : "the sender's ticket has expired";
	case GSS_S_NO_CRED: return ours ? NO_TICKET : "there is no key to accept with";
	default: return NULL;
	}
}

static const char *
saying_of(const struct saying *all, OM_uint32 minor)
{
	/* Minor statuses are the library's error codes, which are signed. */
	for (; all->text != NULL; all++)
		if ((OM_uint32)all->status == minor)
			return all->text;
	return NULL;
}

/* The library's own words for a status; "" when there are none. */
static void
library_text(char *out, size_t size, OM_uint32 status, int kind)
{
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, more = 0;

	out[0] = '\0';
	if (gss_display_status(&minor, status, kind, (gss_OID)(uintptr_t)gss_mech_krb5, &more,
		&text) == GSS_S_COMPLETE)
		snprintf(out, size, "%.*s", (int)text.length, (const char *)text.value);
	gss_release_buffer(&minor, &text);
}

struct err *
krb5_fault(struct krb5_end *end, const char *name, OM_uint32 major, OM_uint32 minor)
{
	const char *said = NULL;
	char words[192];
	struct err *e;

	library_text(words, sizeof(words), minor, GSS_C_MECH_CODE);
	if (end != NULL)
		snprintf(end->detail, sizeof(end->detail), "major %#x, minor %d: %s",
		    (unsigned)major, (int)minor, words);
	/* A checksum that is wrong has the same minor status as a ticket for another key. */
	if (minor != 0 && GSS_ROUTINE_ERROR(major) != GSS_S_BAD_SIG)
		said = saying_of(name != NULL ? of_us : of_sender, minor);
	if (said == NULL)
		said = saying_of_major(major, name != NULL);
	if (said != NULL)
		e = minor != 0 && strcmp(words, "Success") != 0 && words[0] != '\0'
			? err_new("%s (%s)", said, words)
			: err_new("%s", said);
	else {
		if (words[0] == '\0' || minor == 0)
			library_text(words, sizeof(words), major, GSS_C_GSS_CODE);
		e = err_new("%s", words);
	}
	return name != NULL ? err_wrap(e, KRB5_SERVICE "@%s", name) : e;
}
