/*
 * keys: every name that we give to something in a document, as a number, so that a sink can have it
 * ready made. Names that come from the record (of arguments, variables, privilege sets) are not
 * here.
 */
#ifndef BSM_KEYS_H
#define BSM_KEYS_H

#include "base/str.h"

/* The top-level fields, in the order in which a document has them. */
#define FIELD_KEYS(K)                             \
	K(TIME, "time")                           \
	K(VERSION, "version")                     \
	K(EVENT, "event")                         \
	K(EVENT_ID, "event_id")                   \
	K(MODIFIER, "modifier")                   \
	K(HOST_IP, "host_ip")                     \
	K(FROM, "from")                           \
	K(HOST, "host")                           \
	K(PRINCIPAL, "principal")                 \
	K(RECEIVED, "received")                   \
	K(SENDER_SEQUENCE, "sender_sequence")     \
	K(SEQUENCE, "sequence")                   \
	K(ZONENAME, "zonename")                   \
	K(TARGET_ZONENAME, "target_zonename")     \
	K(ZONEALIAS, "zonealias")                 \
	K(TAGS, "tags")                           \
	K(RETURN, "return")                       \
	K(ERRNO, "errno")                         \
	K(OUTCOME, "outcome")                     \
	K(FAILURE, "failure")                     \
	K(EXIT, "exit")                           \
	K(SUBJECT, "subject")                     \
	K(PROCESS, "process")                     \
	K(GROUPS, "groups")                       \
	K(USER, "user")                           \
	K(USED_PRIVS, "used_privs")               \
	K(FAILED_PRIVS, "failed_privs")           \
	K(PRIVS, "privs")                         \
	K(PRIVS_BEFORE, "privs_before")           \
	K(USED_AUTH, "used_auth")                 \
	K(SECFLAGS, "secflags")                   \
	K(SECFLAGS_BEFORE, "secflags_before")     \
	K(LABEL, "label")                         \
	K(WSID, "wsid")                           \
	K(ACCESS_MASK, "access_mask")             \
	K(KRB5_PRINCIPAL, "krb5_principal")       \
	K(CERT_HASH, "cert_hash")                 \
	K(IDENTITY, "identity")                   \
	K(PATH, "path")                           \
	K(TARGET_PATH, "target_path")             \
	K(WORKING_DIRECTORY, "working_directory") \
	K(XATTR_PATH, "xattr_path")               \
	K(ATTRIBUTES, "attributes")               \
	K(TARGET_ATTRIBUTES, "target_attributes") \
	K(EXEC_ARGS, "exec_args")                 \
	K(EXEC_ENV, "exec_env")                   \
	K(EXEC_ENV_MORE, "exec_env_more")         \
	K(CMD, "cmd")                             \
	K(ARGS, "args")                           \
	K(TEXT, "text")                           \
	K(FMRI, "fmri")                           \
	K(ADDR, "addr")                           \
	K(IPORT, "iport")                         \
	K(SOCKET, "socket")                       \
	K(IP, "ip")                               \
	K(TID, "tid")                             \
	K(IPC, "ipc")                             \
	K(IPC_PERM, "ipc_perm")                   \
	K(ACL, "acl")                             \
	K(ACE, "ace")                             \
	K(DATA, "data")                           \
	K(OPAQUE, "opaque")                       \
	K(X, "x")                                 \
	K(UUIDS, "uuids")                         \
	K(RIGHTS, "rights")                       \
	K(LIAISON, "liaison")                     \
	K(HEADER_HOST, "header_host")             \
	K(MORE, "more")                           \
	K(UNKNOWN_TOKEN, "unknown_token")         \
	K(UNKNOWN_HEX, "unknown_hex")             \
	K(DAMAGED, "damaged")                     \
	K(MISFIT, "misfit")                       \
	K(ESCAPED, "escaped")                     \
	K(UNDECODED_HEX, "undecoded_hex")

/* Names inside objects that are not names of fields too. */
#define INNER_KEYS(K)                                   \
	K(AUDIT_ID, "audit_id")                         \
	K(UID, "uid")                                   \
	K(GID, "gid")                                   \
	K(RUID, "ruid")                                 \
	K(RGID, "rgid")                                 \
	K(PID, "pid")                                   \
	K(SESSION_ID, "session_id")                     \
	K(TERMINAL, "terminal")                         \
	K(LOCAL_PORT, "local_port")                     \
	K(REMOTE_PORT, "remote_port")                   \
	K(DEV, "dev")                                   \
	K(MAJOR, "major")                               \
	K(MINOR, "minor")                               \
	K(PORT_ID, "port_id")                           \
	K(CODE, "code")                                 \
	K(NAME, "name")                                 \
	K(STATUS, "status")                             \
	K(VALUE, "value")                               \
	K(SUCCESS, "success")                           \
	K(SET, "set")                                   \
	K(FLAGS, "flags")                               \
	K(TYPE, "type")                                 \
	K(CLASSIFICATION, "classification")             \
	K(COMPARTMENTS, "compartments")                 \
	K(SIGNER_TYPE, "signer_type")                   \
	K(SIGNING_ID, "signing_id")                     \
	K(SIGNING_ID_TRUNCATED, "signing_id_truncated") \
	K(TEAM_ID, "team_id")                           \
	K(TEAM_ID_TRUNCATED, "team_id_truncated")       \
	K(CDHASH, "cdhash")                             \
	K(MODE_OCTAL, "mode_octal")                     \
	K(FSID, "fsid")                                 \
	K(INODE_HEX, "inode_hex")                       \
	K(DEVID, "devid")                               \
	K(ENV, "env")                                   \
	K(FAMILY, "family")                             \
	K(LOCAL_IP, "local_ip")                         \
	K(REMOTE_IP, "remote_ip")                       \
	K(PORT, "port")                                 \
	K(HEADER_LENGTH, "header_length")               \
	K(TOS, "tos")                                   \
	K(LENGTH, "length")                             \
	K(ID, "id")                                     \
	K(OFFSET, "offset")                             \
	K(TTL, "ttl")                                   \
	K(PROTOCOL, "protocol")                         \
	K(CHECKSUM, "checksum")                         \
	K(SOURCE, "source")                             \
	K(DESTINATION, "destination")                   \
	K(CREATOR_UID, "creator_uid")                   \
	K(CREATOR_GID, "creator_gid")                   \
	K(SEQ, "seq")                                   \
	K(KEY_HEX, "key_hex")                           \
	K(PERMS, "perms")                               \
	K(WHO, "who")                                   \
	K(MASK, "mask")                                 \
	K(PRINT, "print")                               \
	K(UNIT, "unit")                                 \
	K(VALUES, "values")                             \
	K(TOKEN, "token")                               \
	K(PROPERTY, "property")                         \
	K(CLIENT, "client")

enum key {
#define KEY_ENUM(name, text) KEY_##name,
	FIELD_KEYS(KEY_ENUM) INNER_KEYS(KEY_ENUM)
#undef KEY_ENUM
	    KEYS,
};

/* A top-level field; the same numbers as their keys. */
enum field {
#define FIELD_ENUM(name, text) FIELD_##name = KEY_##name,
	FIELD_KEYS(FIELD_ENUM)
#undef FIELD_ENUM
	    FIELDS,
};

extern const struct str key_names[KEYS];

#endif
