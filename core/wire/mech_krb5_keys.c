/*
 * mech_krb5_keys: the acceptor's keys. Those of the service `audit` are copied from the keytab file to
 * a keytab in memory, of which a credential is made; that of the next reading takes its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <krb5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "wire/kerberos.h"
#include "wire/mech_krb5.h"
#include "wire/wire.h"

#define NAMES_SIZE 256 /* of the services in a log line */

struct kerberos_acceptor {
	char *path;
	bool weak_encryption;
	struct stat seen; /* of the file that was read last, or that could not be */
	pthread_mutex_t lock;
	struct krb5_keys *keys; /* under the lock */
};

/* What a reading of a keytab found. */
struct found {
	unsigned audit, weak, others;
	char names[NAMES_SIZE]; /* of the services, for the log */
};

bool
krb5_encryption_is_weak(int type)
{
	switch (type) {
	case ENCTYPE_AES128_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES256_CTS_HMAC_SHA1_96:
	case ENCTYPE_AES128_CTS_HMAC_SHA256_128:
	case ENCTYPE_AES256_CTS_HMAC_SHA384_192:
	case ENCTYPE_CAMELLIA128_CTS_CMAC:
	case ENCTYPE_CAMELLIA256_CTS_CMAC: return false;
	default: return true;
	}
}

struct krb5_keys *
krb5_keys_use(struct kerberos_acceptor *a)
{
	struct krb5_keys *keys;

	pthread_mutex_lock(&a->lock);
	keys = a->keys;
	atomic_fetch_add(&keys->users, 1);
	pthread_mutex_unlock(&a->lock);
	return keys;
}

void
krb5_keys_drop(struct krb5_keys *keys)
{
	OM_uint32 minor;

	if (keys == NULL || atomic_fetch_sub(&keys->users, 1) > 1)
		return;
	if (keys->credential != GSS_C_NO_CREDENTIAL)
		gss_release_cred(&minor, &keys->credential);
	free(keys);
}

static struct err *
library_error(krb5_context k, krb5_error_code code, const char *what)
{
	const char *text = krb5_get_error_message(k, code);
	struct err *e = err_new("%s: %s", what, text);

	krb5_free_error_message(k, text);
	return e;
}

/* May this file be trusted with keys? */
static struct err *
check_file(const char *path, struct stat *st)
{
	struct err *e = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_sys("keytab %s", path);
	if (fstat(fd, st) != 0)
		e = err_sys("keytab %s", path);
	else if (!S_ISREG(st->st_mode))
		e = err_new("keytab %s is not a regular file", path);
	else if (st->st_uid != geteuid() && st->st_uid != 0)
		e = err_new(
		    "keytab %s belongs to user %lu: chown it to the user of this program, or to "
		    "root",
		    path, (unsigned long)st->st_uid);
	else if ((st->st_mode & 027) != 0)
		e = err_new(
		    "keytab %s has mode %04o, so others get at the keys in it: chmod 600 (or 640 "
		    "with the group of this program)",
		    path, (unsigned)(st->st_mode & 07777));
	close(fd);
	return e;
}

static void
note_name(krb5_context k, krb5_const_principal principal, struct found *found)
{
	size_t len = strlen(found->names);
	char *text;

	if (krb5_unparse_name(k, principal, &text) != 0)
		return;
	if (strstr(found->names, text) == NULL && len + strlen(text) + 2 < sizeof(found->names))
		snprintf(found->names + len, sizeof(found->names) - len, "%s%s", len > 0 ? " " : "",
		    text);
	krb5_free_unparsed_name(k, text);
}

static bool
is_audit(krb5_const_principal p)
{
	return p->length == 2 && p->data[0].length == sizeof(KRB5_SERVICE) - 1 &&
	       memcmp(p->data[0].data, KRB5_SERVICE, sizeof(KRB5_SERVICE) - 1) == 0;
}

static krb5_error_code
copy_keys(
    krb5_context k, krb5_keytab from, krb5_keytab to, bool weak_encryption, struct found *found)
{
	krb5_keytab_entry entry;
	krb5_kt_cursor cursor;
	krb5_error_code code = krb5_kt_start_seq_get(k, from, &cursor);

	if (code != 0)
		return code;
	while ((code = krb5_kt_next_entry(k, from, &entry, &cursor)) == 0) {
		if (!is_audit(entry.principal))
			found->others++;
		else if (!weak_encryption && krb5_encryption_is_weak(entry.key.enctype))
			found->weak++;
		else if ((code = krb5_kt_add_entry(k, to, &entry)) == 0) {
			found->audit++;
			note_name(k, entry.principal, found);
		}
		krb5_free_keytab_entry_contents(k, &entry);
		if (code != 0)
			break;
	}
	krb5_kt_end_seq_get(k, from, &cursor);
	return code == KRB5_KT_END ? 0 : code;
}

/* The credential of whoever has a key in the keytab of that name. */
static struct err *
acquire(struct krb5_keys *keys, const char *name)
{
	/* Said outright: neither krb5.conf nor the environment can switch the replay cache off. */
	gss_key_value_element_desc elements[] = { { "keytab", name }, { "rcache", "dfl:" } };
	gss_key_value_set_desc store = { ARRAY_LEN(elements), elements };
	gss_OID_set_desc mechs = { 1, (gss_OID)(uintptr_t)gss_mech_krb5 };
	gss_buffer_desc service = { sizeof(KRB5_SERVICE) - 1, (void *)(uintptr_t)KRB5_SERVICE };
	gss_name_t wanted = GSS_C_NO_NAME;
	OM_uint32 major, minor, ignored;

	major = gss_import_name(&minor, &service, (gss_OID)GSS_C_NT_HOSTBASED_SERVICE, &wanted);
	if (!GSS_ERROR(major))
		major = gss_acquire_cred_from(&minor, wanted, GSS_C_INDEFINITE, &mechs,
		    GSS_C_ACCEPT, &store, &keys->credential, NULL, NULL);
	gss_release_name(&ignored, &wanted);
	return GSS_ERROR(major) ? krb5_fault(NULL, NULL, major, minor) : NULL;
}

static struct err *
read_file(
    krb5_context k, const char *path, krb5_keytab to, bool weak_encryption, struct found *found)
{
	krb5_keytab from = NULL;
	krb5_error_code code;
	struct err *e = NULL;
	char *name;
	int len = (int)strlen(path) + (int)sizeof("FILE:");

	if ((name = malloc((size_t)len)) == NULL)
		return err_sys("keytab %s", path);
	snprintf(name, (size_t)len, "FILE:%s", path);
	if ((code = krb5_kt_resolve(k, name, &from)) != 0 ||
	    (code = copy_keys(k, from, to, weak_encryption, found)) != 0)
		e = err_wrap(library_error(k, code, "it cannot be read"), "keytab %s", path);
	else if (found->audit == 0 && found->weak > 0)
		e = err_new(
		    "keytab %s has keys of audit/HOST of broken encryption types only: give the "
		    "service keys of an AES type, or set kerberos.weak_encryption",
		    path);
	else if (found->audit == 0)
		e = err_new(
		    "keytab %s has no key of a service audit/HOST (%u keys of others): on the KDC, "
		    "kadmin: addprinc -randkey audit/HOST, then ktadd -k FILE audit/HOST",
		    path, found->others);
	if (from != NULL)
		krb5_kt_close(k, from);
	free(name);
	return e;
}

static struct err *
read_keys(const char *path, bool weak_encryption, struct krb5_keys **out, struct stat *st,
    struct found *found)
{
	static atomic_uint readings;
	struct krb5_keys *keys = NULL;
	krb5_context k = NULL;
	krb5_keytab memory = NULL;
	krb5_error_code code;
	char name[64];
	struct err *e = check_file(path, st);

	if (e != NULL)
		return e;
	snprintf(name, sizeof(name), "MEMORY:auditrecv-%u", atomic_fetch_add(&readings, 1));
	if ((keys = calloc(1, sizeof(*keys))) == NULL)
		return err_sys("keytab %s", path);
	if ((code = krb5_init_context(&k)) != 0)
		e = library_error(NULL, code, "Kerberos (krb5.conf)");
	else if ((code = krb5_kt_resolve(k, name, &memory)) != 0)
		e = library_error(k, code, "keytab in memory");
	else if ((e = read_file(k, path, memory, weak_encryption, found)) == NULL &&
		 (e = acquire(keys, name)) != NULL)
		e = err_wrap(e, "keytab %s", path);
	if (memory != NULL)
		krb5_kt_close(k, memory);
	if (k != NULL)
		krb5_free_context(k);
	if (e != NULL) {
		atomic_store(&keys->users, 1);
		krb5_keys_drop(keys);
		return e;
	}
	atomic_store(&keys->users, 1);
	keys->weak_encryption = weak_encryption;
	*out = keys;
	return NULL;
}

static void
tell(const char *path, const struct found *found)
{
	log_info("keytab_read", log_s("keytab", path), log_i("keys", found->audit),
	    log_s("services", found->names));
	if (found->weak > 0)
		log_warn("keys_left_out", log_s("keytab", path), log_i("keys", found->weak),
		    log_s("reason", "their encryption types are broken"));
}

struct err *
kerberos_acceptor_open(struct kerberos_acceptor **out, const struct wire_kerberos *config)
{
	struct kerberos_acceptor *a;
	struct found found = { 0 };
	struct err *e;

	if (config->keytab == NULL)
		return err_new("mechanism kerberos_v5 needs a keytab");
	if ((a = calloc(1, sizeof(*a))) == NULL || (a->path = strdup(config->keytab)) == NULL) {
		free(a);
		return err_sys("keytab");
	}
	pthread_mutex_init(&a->lock, NULL);
	a->weak_encryption = config->weak_encryption;
	if ((e = read_keys(a->path, a->weak_encryption, &a->keys, &a->seen, &found)) != NULL) {
		kerberos_acceptor_close(a);
		return e;
	}
	tell(a->path, &found);
	*out = a;
	return NULL;
}

struct err *
wire_kerberos_check(const struct wire_kerberos *config)
{
	struct krb5_keys *keys = NULL;
	struct found found = { 0 };
	struct stat st;
	struct err *e;

	if (config->keytab == NULL)
		return err_new("mechanism kerberos_v5 needs a keytab");
	e = read_keys(config->keytab, config->weak_encryption, &keys, &st, &found);
	krb5_keys_drop(keys);
	return e;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

void
kerberos_acceptor_refresh(struct kerberos_acceptor *a)
{
	struct krb5_keys *keys = NULL, *old;
	struct found found = { 0 };
	struct stat now = { 0 }, read = { 0 };
	struct err *e;

	/* A file that is gone has a status of its own: all zeroes. */
	if (stat(a->path, &now) != 0)
		now = (struct stat){ 0 };
	if (is_same(&now, &a->seen))
		return;
	e = read_keys(a->path, a->weak_encryption, &keys, &read, &found);
	a->seen = now;
	if (e != NULL) {
		log_error("keytab_not_read", log_e(e),
		    log_s("meaning", "the keys that were read before stay in use"));
		err_free(e);
		return;
	}
	pthread_mutex_lock(&a->lock);
	old = a->keys;
	a->keys = keys;
	pthread_mutex_unlock(&a->lock);
	krb5_keys_drop(old);
	tell(a->path, &found);
}

void
kerberos_acceptor_close(struct kerberos_acceptor *a)
{
	if (a == NULL)
		return;
	krb5_keys_drop(a->keys);
	pthread_mutex_destroy(&a->lock);
	free(a->path);
	free(a);
}
