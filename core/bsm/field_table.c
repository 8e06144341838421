/* field_table: every name of a document with its type, for indices, conditions and order. */
#include "bsm/document.h"

#define ROW(path, type, list, keyed, from, about)            \
	{                                                    \
		path, VALUE_##type, list, keyed, from, about \
	}
#define INTEGER(path, from, about)     ROW(path, INTEGER, false, false, from, about)
#define TEXT(path, from, about)        ROW(path, TEXT, false, false, from, about)
#define OBJECT(path, from, about)      ROW(path, OBJECT, false, false, from, about)
#define INTEGERS(path, from, about)    ROW(path, INTEGER, true, false, from, about)
#define TEXTS(path, from, about)       ROW(path, TEXT, true, false, from, about)
#define OBJECTS(path, from, about)     ROW(path, OBJECT, true, false, from, about)
#define NAMED(path, type, from, about) ROW(path, type, false, true, from, about)

/* A subject or a process. */
#define SUBJECT_ROWS(path, from)                                                                   \
	INTEGER(path ".audit_id", from, "the accountable user; -1 not set, -2 nobody logged in"),  \
	    INTEGER(path ".uid", from, "effective user id"),                                       \
	    INTEGER(path ".gid", from, "effective group id"),                                      \
	    INTEGER(path ".ruid", from, "real user id"),                                           \
	    INTEGER(path ".rgid", from, "real group id"),                                          \
	    INTEGER(path ".pid", from, "process id"),                                              \
	    INTEGER(path ".session_id", from, "audit session, not that of a terminal"),            \
	    OBJECT(path ".terminal", from,                                                         \
		"where the user sits: a network login's ends or a device"),                        \
	    TEXT(                                                                                  \
		path ".terminal.ip", from, "address of the peer, or of the host with the device"), \
	    INTEGER(path ".terminal.local_port", from, "port of the host"),                        \
	    INTEGER(path ".terminal.remote_port", from, "port of the peer"),                       \
	    INTEGER(                                                                               \
		path ".terminal.dev", from, "device number of the terminal, as in the record"),    \
	    INTEGER(path ".terminal.major", from, "its major number"),                             \
	    INTEGER(path ".terminal.minor", from, "its minor number"),                             \
	    TEXT(path ".terminal.port_id", from,                                                   \
		"the port word in hex, when its meaning is unknown or guessed")

#define ATTRIBUTE_ROWS(path)                                                               \
	TEXT(path ".mode_octal", "attribute", "type and permissions, octal"),              \
	    INTEGER(path ".uid", "attribute", "owner"),                                    \
	    INTEGER(path ".gid", "attribute", "group"),                                    \
	    INTEGER(path ".fsid", "attribute", "file system; for comparison on one host"), \
	    TEXT(path ".inode_hex", "attribute", "node id, 16 digits"),                    \
	    TEXT(path ".devid", "attribute",                                               \
		"device number of a device node, decimal; else 0 or -1"),                  \
	    TEXT(path ".type", "attribute", "kind of file, from the mode: s_ifreg, s_ifdir …")

const struct field_row field_table[] = {
	TEXT("time", "header", "when it happened: UTC, nine digits of a second"),
	INTEGER("version", "header", "format: 2 Solaris and illumos, 10 and 11 OpenBSM"),
	TEXT("event", "header", "name of the event; a number without a name in decimal"),
	INTEGER("event_id", "header", "number of the event"),
	TEXTS("modifier", "header", "rd, wr, sp, fp, na, fe; other bits in hex"),
	TEXT("host_ip", "header of an EX form", "address of the audited host"),
	TEXT("from", "connection", "address that the stream came from"),
	TEXT("host", "connection", "name of the authenticated sender"),
	TEXT("principal", "connection", "Kerberos principal by which it authenticated"),
	TEXT("received", "our clock", "when we got it"),
	INTEGER("sender_sequence", "audit_remote", "the stream's number of the record"),
	INTEGER("sequence", "seq", "the kernel's counter of records"),
	TEXT("zonename", "zonename", "zone of the record; of several, the last"),
	TEXTS("target_zonename", "zonename", "zones acted on: those before the last"),
	TEXT("zonealias", "rules", "the zone's alias"),
	TEXTS("tags", "rules", "marks set by rules and by us"),
	INTEGER("return", "return", "result of the call; of several tokens, the last"),
	TEXT("errno", "return", "0, the error's name, or failure"),
	TEXT("outcome", "return, header", "success, failure or unknown"),
	OBJECT("failure", "return", "why a user-level action failed"),
	INTEGER("failure.code", "return", "1000 and up: audit library; 2000 and up: PAM"),
	TEXT("failure.name", "return", "its name"),
	TEXT("failure.text", "tables", "the reason in words"),
	OBJECT("exit", "exit", "how a process ended"),
	INTEGER("exit.status", "exit", "its status"),
	INTEGER("exit.value", "exit", "its return value"),
	OBJECT("subject", "subject", "who did it"),
	SUBJECT_ROWS("subject", "subject"),
	OBJECT("process", "process", "the process that it was done to"),
	SUBJECT_ROWS("process", "process"),
	INTEGERS("groups", "groups", "supplementary groups"),
	OBJECT("user", "user", "a user acted on"),
	INTEGER("user.uid", "user", "user id"),
	TEXT("user.name", "user", "user name"),
	OBJECT("used_privs", "use of privilege",
	    "the successful use of privileges, else the failed one"),
	TEXT("used_privs.privs", "use of privilege", "privileges, by commas"),
	INTEGER("used_privs.success", "use of privilege", "1, or 0 for a failed use"),
	TEXT("failed_privs", "use of privilege", "privileges of a failed use, by commas"),
	NAMED("privs", TEXT, "privilege", "set to privileges by commas, after a change"),
	NAMED("privs_before", TEXT, "privilege", "the same before, where a set comes twice"),
	TEXTS("used_auth", "use of authorization", "authorizations used or demanded"),
	NAMED("secflags", TEXT, "secflags", "set to security flags by commas, after a change"),
	NAMED("secflags_before", TEXT, "secflags", "the same before, where a set comes twice"),
	OBJECT("label", "label", "sensitivity label or clearance"),
	TEXT("label.type", "label", "sensitivity, clearance, information, cmw"),
	INTEGER("label.classification", "label", "classification"),
	TEXT("label.compartments", "label", "compartments in hex"),
	TEXT("wsid", "wsid", "Windows security identifier"),
	TEXTS("access_mask", "access_mask", "rights in question: read_data, delete …"),
	TEXTS("krb5_principal", "krb5 principal", "Kerberos names"),
	TEXTS("cert_hash", "certificate hash", "hashes of certificates"),
	OBJECT("identity", "identity", "code signature of a macOS process"),
	INTEGER("identity.signer_type", "identity", "type of signer"),
	TEXT("identity.signing_id", "identity", "signing id"),
	INTEGER("identity.signing_id_truncated", "identity", "1 when it was cut"),
	TEXT("identity.team_id", "identity", "team id"),
	INTEGER("identity.team_id_truncated", "identity", "1 when it was cut"),
	TEXT("identity.cdhash", "identity", "hash of the code directory in hex"),
	TEXT("path", "path", "the first path, as recorded"),
	TEXT("target_path", "path", "the second: of rename, link, mount …"),
	TEXT("working_directory", "path", "the second of pfexec"),
	TEXTS("xattr_path", "path_attr", "names of extended attributes below the path"),
	OBJECT("attributes", "attribute", "of the first path that has any"),
	ATTRIBUTE_ROWS("attributes"),
	OBJECT("target_attributes", "attribute", "of the second path"),
	ATTRIBUTE_ROWS("target_attributes"),
	TEXTS("exec_args", "exec_args", "argv"),
	NAMED("exec_env", TEXT, "exec_env", "environment: name to value, the first of a name"),
	TEXTS("exec_env_more", "exec_env", "entries without =, and repeats"),
	OBJECT("cmd", "cmd", "a command with its environment"),
	TEXTS("cmd.args", "cmd", "arguments; often the whole line in one"),
	TEXTS("cmd.env", "cmd", "environment"),
	NAMED("args", MIXED, "argument", "name to value: integer, or what it means"),
	TEXTS("text", "text", "free text; its meaning depends on event and place"),
	TEXTS("fmri", "fmri", "services"),
	TEXTS("addr", "in_addr, in_addr_ex", "addresses"),
	INTEGERS("iport", "iport", "ports"),
	OBJECT("socket", "socket", "ends of a connection; those that the token has"),
	TEXT("socket.family", "socket", "address family: af_inet …"),
	TEXT("socket.type", "socket", "sock_stream …"),
	TEXT("socket.ip", "socket", "the only address"),
	INTEGER("socket.port", "socket", "the only port"),
	TEXT("socket.local_ip", "socket", "address of our end"),
	INTEGER("socket.local_port", "socket", "port of our end"),
	TEXT("socket.remote_ip", "socket", "address of the other end"),
	INTEGER("socket.remote_port", "socket", "port of the other end"),
	TEXT("socket.path", "socket", "of a local socket"),
	OBJECT("ip", "ip", "header of an IPv4 packet"),
	INTEGER("ip.version", "ip", "version"),
	INTEGER("ip.header_length", "ip", "length of the header in bytes"),
	INTEGER("ip.tos", "ip", "type of service"),
	INTEGER("ip.length", "ip", "length of the packet"),
	INTEGER("ip.id", "ip", "identification"),
	INTEGER("ip.offset", "ip", "fragment word"),
	INTEGER("ip.ttl", "ip", "time to live"),
	INTEGER("ip.protocol", "ip", "protocol number"),
	INTEGER("ip.checksum", "ip", "checksum"),
	TEXT("ip.source", "ip", "source address"),
	TEXT("ip.destination", "ip", "destination address"),
	OBJECT("tid", "tid", "the network login of a session"),
	TEXT("tid.ip", "tid", "address of the peer"),
	INTEGER("tid.local_port", "tid", "port of the host"),
	INTEGER("tid.remote_port", "tid", "port of the peer"),
	OBJECT("ipc", "ipc", "a System V IPC object"),
	TEXT("ipc.type", "ipc", "msg, sem, shm"),
	INTEGER("ipc.id", "ipc", "id"),
	OBJECT("ipc_perm", "ipc_perm", "its permissions"),
	INTEGER("ipc_perm.uid", "ipc_perm", "owner"),
	INTEGER("ipc_perm.gid", "ipc_perm", "group"),
	INTEGER("ipc_perm.creator_uid", "ipc_perm", "creator"),
	INTEGER("ipc_perm.creator_gid", "ipc_perm", "creator's group"),
	TEXT("ipc_perm.mode_octal", "ipc_perm", "mode, octal"),
	INTEGER("ipc_perm.seq", "ipc_perm", "sequence of the slot"),
	TEXT("ipc_perm.key_hex", "ipc_perm", "key in hex"),
	OBJECTS("acl", "acl", "entries of a POSIX access list"),
	TEXT("acl.type", "acl", "user, group …; default_ in front of default entries"),
	INTEGER("acl.id", "acl", "user or group, where the type has one"),
	TEXT("acl.perms", "acl", "rwx"),
	OBJECTS("ace", "ace", "entries of an NFSv4 access list"),
	TEXT("ace.who", "ace", "owner@, group@, everyone@, user, group"),
	INTEGER("ace.id", "ace", "user or group, where who is one"),
	TEXT("ace.type", "ace", "access_allowed, access_denied …"),
	TEXTS("ace.flags", "ace", "inheritance and kind"),
	TEXT("ace.mask", "ace", "rights in compact form: rwxpdDaARWcCos"),
	OBJECTS("data", "data", "arbitrary data"),
	TEXT("data.print", "data", "how its writer wants it shown"),
	TEXT("data.unit", "data", "byte, short, int32, int64"),
	INTEGERS("data.values", "data", "the items"),
	TEXT("data.text", "data", "instead, of a string"),
	TEXTS("opaque", "opaque", "bytes in hex"),
	OBJECTS("x", "X tokens", "objects of the X server"),
	TEXT("x.token", "X tokens", "xatom, xselect, xwindow …"),
	TEXT("x.name", "xatom", "name of an atom"),
	INTEGER("x.id", "X tokens", "X id"),
	INTEGER("x.uid", "X tokens", "its creator"),
	TEXT("x.property", "xproperty, xselect", "name of a property"),
	TEXT("x.type", "xselect", "type of a selection"),
	TEXT("x.data", "xselect", "its data"),
	INTEGER("x.client", "xclient", "number of a client"),
	NAMED("uuids", TEXT, "arg_uuid, return_uuid", "name to UUID"),
	TEXTS("rights", "rights", "words of Capsicum rights in hex"),
	INTEGER("liaison", "liaison", "obsolete"),
	TEXT("header_host", "host", "address of the host in an obsolete token"),
	NAMED(
	    "more", MIXED, "all", "what repeats beyond the fields above, by their names, in lists"),
	INTEGER("unknown_token", "bytes", "id of the first token that could not be read"),
	TEXT("unknown_hex", "bytes", "the rest from there, and surplus data, in hex"),
	TEXT("damaged", "bytes", "what was wrong, and at which byte"),
	NAMED("misfit", MIXED, "output", "fields that a server refused in their own place"),
	TEXTS("escaped", "bytes", "paths of fields with bytes that are not UTF-8, spelled \\xNN"),
	TEXT("undecoded_hex", "bytes", "the whole record, when its header could not be read"),
};

const size_t field_rows = ARRAY_LEN(field_table);
