/*
 * walk: what the parts of the document walk share: the sink under way, and how values are put into
 * it. Internal to the room.
 *
 * The parts: document.c (the fields in their order), parts.c (the small ones), document_who.c,
 * document_what.c, document_net.c, document_more.c, arguments.c (args), keyed.c (objects with names
 * from the record), escaped.c.
 */
#ifndef BSM_WALK_H
#define BSM_WALK_H

#include "bsm/document.h"
#include "bsm/names.h"
#include "bsm/scratch.h"
#include "bsm/sink.h"

struct escapes;

struct walk {
	const struct sink_ops *ops;
	void *sink;
	const struct record *r;
	const struct origin *o;
	struct record_scratch *scratch;
	bool spelled;            /* some text so far was not UTF-8 */
	struct escapes *escapes; /* escaped.c, when it listens in; else NULL */
};

static inline void
put_key(struct walk *w, enum key key)
{
	w->ops->key(w->sink, key);
}

static inline void
put_integer(struct walk *w, int64_t value)
{
	w->ops->integer(w->sink, value);
}

static inline void
put_word(struct walk *w, struct str word)
{
	w->ops->word(w->sink, word.at, word.len);
}

static inline void
open_object(struct walk *w)
{
	w->ops->open_object(w->sink);
}

static inline void
close_object(struct walk *w)
{
	w->ops->close_object(w->sink);
}

static inline void
open_list(struct walk *w)
{
	w->ops->open_list(w->sink);
}

static inline void
close_list(struct walk *w)
{
	w->ops->close_list(w->sink);
}

static inline void
put_pair(struct walk *w, enum key key, int64_t value)
{
	if (w->ops->key_integer != NULL) {
		w->ops->key_integer(w->sink, key, value);
		return;
	}
	put_key(w, key);
	put_integer(w, value);
}

/* A 32-bit id or argument: all ones is -1, one less -2, others are unsigned. */
static inline int64_t
id_value(uint32_t id)
{
	return id >= 0xfffffffe ? (int32_t)id : (int64_t)id;
}

static inline void
put_id(struct walk *w, enum key key, uint32_t id)
{
	put_pair(w, key, id_value(id));
}

/* Bytes from the record as text: as they are, or in the spelling of utf8.h. */
void put_text(struct walk *w, struct str raw);
/*
 * The same; `odd` says that it belongs together with bytes that are not UTF-8, and is spelled with
 * them.
 */
void put_text_odd(struct walk *w, struct str raw, bool odd);
void put_text_pair(struct walk *w, enum key key, struct str raw);
/* Each of NUL-terminated strings, into a list that is open. */
void put_each_string(struct walk *w, const struct token_strings *strings);

/* What was put together in scratch->text. */
void put_scratch(struct walk *w);
void put_word_pair(struct walk *w, enum key key, struct str word);
/* A name, or where there is none the number in decimal. */
void put_name(struct walk *w, struct str name, int64_t number);
void put_hex(struct walk *w, const uint8_t *bytes, size_t len);
/* The low digits of a number in hex, at most 16, lower or upper case. */
void put_hex_number(struct walk *w, uint64_t number, unsigned digits, bool upper);
void put_octal(struct walk *w, uint64_t number);
void put_addr(struct walk *w, struct token_addr addr);
void put_addr_pair(struct walk *w, enum key key, struct token_addr addr);
bool addr_is_zero(struct token_addr addr);
/* The names as a list; bits without a name follow as hex. */
void put_names(struct walk *w, const struct str *names, unsigned count, uint64_t rest);
/* A list of the names of a mask's bits. */
void put_bits(struct walk *w, enum names_list list, uint64_t mask);

/* Values of fields from one token; used by `more` too. */
void put_plain_text(struct walk *w, const struct token *t);
void put_plain_addr(struct walk *w, const struct token *t);
void put_number(struct walk *w, const struct token *t);
void put_mask(struct walk *w, const struct token *t); /* of access rights, as a list */
void put_subject(struct walk *w, const struct token *t);
void put_user(struct walk *w, const struct token *t);
void put_use_of_priv(struct walk *w, const struct token *t);
void put_label(struct walk *w, const struct token *t);
void put_identity(struct walk *w, const struct token *t);
void put_exit(struct walk *w, const struct token *t);
void put_errno(struct walk *w, const struct token *t);
void put_attribute(struct walk *w, const struct token *t);
void put_strings(struct walk *w, const struct token *t);
void put_cmd(struct walk *w, const struct token *t);
void put_socket(struct walk *w, const struct token *t);
void put_ip(struct walk *w, const struct token *t);
void put_tid(struct walk *w, const struct token *t);
void put_ipc(struct walk *w, const struct token *t);
void put_ipc_perm(struct walk *w, const struct token *t);
void put_acl(struct walk *w, const struct token *t);
void put_ace(struct walk *w, const struct token *t);
void put_data(struct walk *w, const struct token *t);
void put_x(struct walk *w, const struct token *t);
void put_more(struct walk *w);

/* An object of a kind's tokens by their names; equal names have a list of their values. */
void put_by_name(
    struct walk *w, enum token_kind kind, void (*put)(struct walk *, const struct token *));

/* The value of an argument, by name where it has one. */
void put_argument(struct walk *w, const struct token *t);

/* Fields whose names come from the record. */
void put_args(struct walk *w);
void put_uuids(struct walk *w);
void put_exec_env(struct walk *w);
void put_exec_env_more(struct walk *w);
/* Of PRIVILEGE or SECFLAGS tokens: the sets as they are at last, or as they were before. */
void put_sets(struct walk *w, enum token_kind kind, bool before);
/* Those between, as a list of {name, value}. */
void put_sets_between(struct walk *w, enum token_kind kind, enum key value);

/* Is any text of the record spelled? Looks once. */
bool escaped_look(struct walk *w);
void put_escaped(struct walk *w);
/*
 * A text under way: is it spelled, or has it a backslash of its own? Called only while w->escapes
 * listens.
 */
void escaped_note(struct walk *w, struct str raw, bool spelled);

/* The fields of the document: the record's and its origin's; ESCAPED only perhaps. */
void walk_fields_of(const struct walk *w, uint64_t fields[RECORD_FIELDS / 64]);
/* The walk itself, without the object around it. */
void walk_fields(struct walk *w, const uint64_t fields[RECORD_FIELDS / 64]);

#endif
