/*
 * The field `more`: what a record has beyond the one of each kind that has a field of its own, in
 * the order of their names.
 */
#include "bsm/keyed.h"
#include "bsm/walk.h"

/* Tokens behind the first of a kind, each as its field would have it. */
static void
put_others(struct walk *w, enum key key, enum token_kind kind,
    void (*put)(struct walk *, const struct token *))
{
	const struct token *t;

	if ((w->r->repeated >> kind & 1) == 0)
		return;
	put_key(w, key);
	open_list(w);
	for (t = record_next(w->r, record_first(w->r, kind)); t != NULL; t = record_next(w->r, t))
		put(w, t);
	close_list(w);
}

/* Tokens of a kind but for two that have a place of their own. */
static void
put_all_but(struct walk *w, enum key key, enum token_kind kind, uint32_t one, uint32_t other,
    void (*put)(struct walk *, const struct token *))
{
	const struct token *t = record_first(w->r, kind);
	uint32_t placed = (one != TOKEN_NONE) + (other != TOKEN_NONE && other != one);

	if (record_number(w->r, kind) <= placed)
		return;
	put_key(w, key);
	open_list(w);
	for (; t != NULL; t = record_next(w->r, t)) {
		uint32_t i = (uint32_t)(t - w->r->tokens);

		if (i != one && i != other)
			put(w, t);
	}
	close_list(w);
}

/* The third path and all after it. */
static void
put_paths(struct walk *w)
{
	const struct token *t;

	if (record_number(w->r, TOKEN_PATH) <= 2)
		return;
	put_key(w, KEY_PATH);
	open_list(w);
	t = record_next(w->r, record_next(w->r, record_first(w->r, TOKEN_PATH)));
	for (; t != NULL; t = record_next(w->r, t))
		put_text(w, t->text);
	close_list(w);
}

/* Returns before the last. */
static void
put_returns(struct walk *w)
{
	const struct token *t, *last = record_last(w->r, TOKEN_RETURN);

	if ((w->r->repeated >> TOKEN_RETURN & 1) == 0)
		return;
	put_key(w, KEY_RETURN);
	open_list(w);
	for (t = record_first(w->r, TOKEN_RETURN); t != last; t = record_next(w->r, t)) {
		open_object(w);
		put_key(w, KEY_ERRNO);
		put_errno(w, t);
		put_pair(w, KEY_RETURN, t->ret.value);
		close_object(w);
	}
	close_list(w);
}

static bool
has_sets_between(const struct record *r, enum token_kind kind)
{
	struct keyed *k;
	size_t count;

	if ((r->repeated >> kind & 1) == 0)
		return false;
	count = keyed_collect(r, kind, &k);
	for (size_t i = 0, run; i < count; i += run)
		if ((run = keyed_run(k, i, count)) > 2)
			return true;
	return false;
}

void
put_more(struct walk *w)
{
	const struct record *r = w->r;

	open_object(w);
	put_others(w, KEY_ACCESS_MASK, TOKEN_ACCESS_MASK, put_mask);
	put_all_but(
	    w, KEY_ATTRIBUTES, TOKEN_ATTRIBUTE, r->attributes, r->target_attributes, put_attribute);
	put_others(w, KEY_CMD, TOKEN_CMD, put_cmd);
	put_others(w, KEY_EXEC_ARGS, TOKEN_EXEC_ARGS, put_strings);
	put_others(w, KEY_EXIT, TOKEN_EXIT, put_exit);
	put_others(w, KEY_HEADER_HOST, TOKEN_HOST, put_plain_addr);
	put_others(w, KEY_IDENTITY, TOKEN_IDENTITY, put_identity);
	put_others(w, KEY_IP, TOKEN_IP, put_ip);
	put_others(w, KEY_IPC, TOKEN_IPC, put_ipc);
	put_others(w, KEY_IPC_PERM, TOKEN_IPC_PERM, put_ipc_perm);
	put_others(w, KEY_LABEL, TOKEN_LABEL, put_label);
	put_others(w, KEY_LIAISON, TOKEN_LIAISON, put_number);
	put_paths(w);
	if (has_sets_between(r, TOKEN_PRIVILEGE)) {
		put_key(w, KEY_PRIVS);
		put_sets_between(w, TOKEN_PRIVILEGE, KEY_PRIVS);
	}
	put_others(w, KEY_PROCESS, TOKEN_PROCESS, put_subject);
	put_returns(w);
	if (has_sets_between(r, TOKEN_SECFLAGS)) {
		put_key(w, KEY_SECFLAGS);
		put_sets_between(w, TOKEN_SECFLAGS, KEY_FLAGS);
	}
	put_others(w, KEY_SEQUENCE, TOKEN_SEQUENCE, put_number);
	put_others(w, KEY_SOCKET, TOKEN_SOCKET, put_socket);
	put_others(w, KEY_SUBJECT, TOKEN_SUBJECT, put_subject);
	put_others(w, KEY_TID, TOKEN_TID, put_tid);
	put_all_but(
	    w, KEY_USED_PRIVS, TOKEN_USE_OF_PRIV, r->used_privs, r->failed_privs, put_use_of_priv);
	put_others(w, KEY_USER, TOKEN_USER, put_user);
	put_others(w, KEY_WSID, TOKEN_WSID, put_plain_text);
	close_object(w);
}
