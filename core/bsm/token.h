/*
 * token: a pure pull parser. Bytes of one audit record go in, one token at a time comes out.
 *
 * A token lends: its texts, addresses and blobs point into the record's bytes and live as long as
 * these. Nothing is allocated, no byte outside the input is read, and no count or length is
 * believed before it was compared with what is left.
 *
 * Numbers are those of the wire, big-endian read natural; what an x86 sender stored swapped (ports,
 * the address of token 2E) is put right by whoever knows the sender (see record.h, struct dialect).
 */
#ifndef BSM_TOKEN_H
#define BSM_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

/*
 * What a token is, whatever its width on the wire. At most 64, so that a set of kinds is one word.
 */
enum token_kind {
	TOKEN_TRAILER,
	TOKEN_PATH,
	TOKEN_PATH_ATTR,
	TOKEN_ATTRIBUTE,
	TOKEN_EXEC_ARGS,
	TOKEN_EXEC_ENV,
	TOKEN_CMD,
	TOKEN_ARGUMENT,
	TOKEN_SUBJECT,
	TOKEN_PROCESS,
	TOKEN_RETURN,
	TOKEN_EXIT,
	TOKEN_TEXT,
	TOKEN_FMRI,
	TOKEN_USE_OF_AUTH,
	TOKEN_USE_OF_PRIV,
	TOKEN_PRIVILEGE,
	TOKEN_SECFLAGS,
	TOKEN_ZONENAME,
	TOKEN_SEQUENCE,
	TOKEN_GROUPS,
	TOKEN_USER,
	TOKEN_LABEL,
	TOKEN_WSID,
	TOKEN_ACCESS_MASK,
	TOKEN_IN_ADDR,
	TOKEN_IPORT,
	TOKEN_IP,
	TOKEN_SOCKET,
	TOKEN_TID,
	TOKEN_IPC,
	TOKEN_IPC_PERM,
	TOKEN_ACL,
	TOKEN_ACE,
	TOKEN_DATA,
	TOKEN_OPAQUE,
	TOKEN_X,
	TOKEN_UUID,
	TOKEN_RIGHTS,
	TOKEN_LIAISON,
	TOKEN_HOST,
	TOKEN_IDENTITY,
	TOKEN_KRB5_PRINCIPAL,
	TOKEN_CERT_HASH,
	TOKEN_KINDS,
};

/* An address in network order; len is 4, 16, or 0 for none. */
struct token_addr {
	const uint8_t *at;
	uint32_t len;
};

/*
 * Strings that stand one behind the other, each with a NUL (string_next) or each with a length
 * (counted_next).
 */
struct token_strings {
	const char *at;
	uint32_t len;       /* bytes of all of them */
	uint32_t announced; /* how many the record says there are */
	uint32_t count;     /* how many there are; fewer only when the record ended */
};

struct token_subject {
	uint32_t audit_id, uid, gid, ruid, rgid, pid, session_id;
	bool wide; /* the port word has 64 bits */
	uint64_t port;
	struct token_addr addr;
};

/* Which of the socket tokens: they hold different things. */
enum socket_form {
	SOCKET_ONE,  /* illumos 2E, 80, 81: family, port, address (in local_*) */
	SOCKET_TWO,  /* OpenBSM 2E: type, both ends */
	SOCKET_FULL, /* 7F: family, type, both ends */
	SOCKET_BARE, /* 7F of a family without addresses: family, type */
	SOCKET_UNIX, /* 82: family, path */
};

struct token_socket {
	enum socket_form form;
	uint16_t family, type, local_port, remote_port;
	struct token_addr local, remote;
	struct str path;
};

struct token {
	enum token_kind kind;
	uint8_t id;    /* as on the wire */
	uint32_t at;   /* offset of its id byte in the record */
	uint32_t len;  /* bytes, id included */
	uint32_t next; /* record.h: index of the next token of this kind, or TOKEN_NONE */
	union {
		struct str
		    text; /* PATH TEXT FMRI USE_OF_AUTH ZONENAME WSID: without the final NUL */
		struct token_strings
		    strings; /* PATH_ATTR EXEC_ARGS EXEC_ENV KRB5_PRINCIPAL CERT_HASH */
		struct token_subject subject; /* SUBJECT PROCESS */
		struct token_socket socket;
		struct token_addr addr; /* IN_ADDR HOST */
		uint32_t number;        /* SEQUENCE LIAISON ACCESS_MASK IPORT */
		struct {
			uint16_t magic;
			uint32_t length;
		} trailer;
		struct {
			uint32_t mode, uid, gid, fsid;
			uint64_t node;
			int64_t dev; /* all ones is -1 in either width */
		} attribute;
		struct {
			struct token_strings args, env; /* with lengths: counted_next */
		} cmd;
		struct {
			uint8_t number;
			bool wide;
			uint64_t value;
			struct str name;
		} argument;
		struct {
			uint8_t error;
			int64_t value;
		} ret;
		struct {
			uint32_t status, value;
		} exit;
		struct {
			struct str name, value; /* PRIVILEGE SECFLAGS: the set, its members */
		} set;
		struct {
			uint8_t ok;
			struct str privs;
		} use_of_priv;
		struct {
			const uint8_t
			    *at; /* GROUPS: words of 4; RIGHTS: words of 8; OPAQUE, IP: bytes */
			uint32_t count;
		} words;
		struct {
			uint32_t uid;
			struct str name;
		} user;
		struct {
			uint8_t type;
			uint16_t classification;
			bool whole; /* false: one blob of Trusted Solaris, in compartments */
			const uint8_t *compartments;
			uint32_t len;
		} label;
		struct {
			uint16_t remote_port, local_port;
			struct token_addr addr;
		} tid;
		struct {
			uint8_t type;
			uint32_t id;
		} ipc;
		struct {
			uint32_t uid, gid, creator_uid, creator_gid, mode, seq, key;
		} ipc_perm;
		struct {
			uint32_t type, id, perms;
		} acl;
		struct {
			uint32_t who, mask;
			uint16_t flags, type;
		} ace;
		struct {
			uint8_t print, unit, count;
			const uint8_t *at;
		} data;
		struct {
			uint8_t layout; /* the id it has at 40..4B, also in header version 3 */
			uint32_t id, uid;
			struct str text, type, data;
		} x;
		struct {
			uint8_t number;
			const uint8_t *at; /* 16 bytes */
			struct str name;
		} uuid;
		struct {
			uint32_t signer_type;
			struct str signing_id, team_id;
			uint8_t signing_id_truncated, team_id_truncated;
			const uint8_t *cdhash;
			uint32_t len;
		} identity;
	};
};

#define TOKEN_NONE UINT32_MAX

/*
 * Where the parser stands. Set it up with the record's bytes, the offset behind the header, and the
 * header's version byte.
 */
struct token_reader {
	const uint8_t *bytes;
	size_t at, end;
	uint8_t version;
};

enum token_status {
	TOKEN_READY,   /* out is filled */
	TOKEN_END,     /* nothing is left */
	TOKEN_UNKNOWN, /* no such id inside a record: the rest cannot be read; at stays */
	TOKEN_ODD, /* a word in it (address type, unit, kind) leaves its length unknown; likewise */
	TOKEN_CUT, /* it runs past the end; likewise */
};

enum token_status token_next(struct token_reader *r, struct token *out) MUST_USE;

/*
 * Takes the next of NUL-terminated strings; false at the end. The last one may lack its NUL when
 * the record was cut.
 */
bool string_next(struct token_strings *s, struct str *out);
/* Takes the next of strings that have a length in front; false at the end. */
bool counted_next(struct token_strings *s, struct str *out);

/* The header of a record. */
struct header {
	uint8_t id, version;
	uint16_t event, modifier;
	uint32_t length;        /* of the whole record, header and trailer included */
	uint32_t size;          /* of the header itself */
	struct token_addr host; /* EX forms */
	int64_t seconds;
	uint64_t fraction; /* as on the wire: nanoseconds in version 2, milliseconds in OpenBSM's */
};

enum header_status {
	HEADER_READY,
	HEADER_FOREIGN, /* the first byte is not that of a header */
	HEADER_CUT,     /* fewer bytes than the header has */
	HEADER_ODD,     /* the host's address type is neither 4 nor 16; all up to there is filled */
};

enum header_status header_read(const uint8_t *bytes, size_t len, struct header *out) MUST_USE;

static inline bool
header_is_id(uint8_t id)
{
	return id == 0x14 || id == 0x15 || id == 0x74 || id == 0x79;
}

/* OpenBSM and Darwin write these header versions; everybody else is Solaris. */
static inline bool
version_is_openbsm(uint8_t version)
{
	return version == 1 || version == 10 || version == 11;
}

/* A file token: 11 or 78, only between records. */
struct file_token {
	uint8_t id;
	uint32_t size;
	int64_t seconds;
	uint64_t fraction; /* microseconds from illumos, milliseconds from OpenBSM */
	struct str name;   /* of the file before or after; empty when there is none */
};

/* READY, CUT (more bytes could complete it), or UNKNOWN (not a file token). */
enum token_status file_token_read(
    const uint8_t *bytes, size_t len, struct file_token *out) MUST_USE;

#endif
