/*
 * The parts of a document that say who: subjects, processes, users, privileges, labels, identities.
 */
#include "bsm/terminal.h"
#include "bsm/walk.h"

static void
put_terminal(struct walk *w, const struct token_subject *s)
{
	struct terminal t = terminal_of(s->port, s->wide, w->r->openbsm, &w->r->dialect);
	bool somewhere = !addr_is_zero(s->addr), known;

	/* A port of nowhere is no port. */
	if (t.kind == TERMINAL_PEER && !somewhere)
		t.kind = TERMINAL_NONE;
	known = t.kind != TERMINAL_NONE || (somewhere && s->port == 0);
	open_object(w);
	if (somewhere)
		put_addr_pair(w, KEY_IP, s->addr);
	switch (t.kind) {
	case TERMINAL_LOGIN:
		put_pair(w, KEY_LOCAL_PORT, t.local_port);
		put_pair(w, KEY_REMOTE_PORT, t.remote_port);
		break;
	case TERMINAL_PEER: put_pair(w, KEY_REMOTE_PORT, t.remote_port); break;
	case TERMINAL_DEVICE:
		put_pair(w, KEY_DEV, (int64_t)s->port);
		put_pair(w, KEY_MAJOR, t.major);
		put_pair(w, KEY_MINOR, t.minor);
		break;
	case TERMINAL_NONE: break;
	}
	if (!known || t.guessed) {
		put_key(w, KEY_PORT_ID);
		put_hex_number(w, s->port, s->wide ? 16 : 8, true);
	}
	close_object(w);
}

void
put_subject(struct walk *w, const struct token *t)
{
	const struct token_subject *s = &t->subject;

	open_object(w);
	put_id(w, KEY_AUDIT_ID, s->audit_id);
	put_id(w, KEY_UID, s->uid);
	put_id(w, KEY_GID, s->gid);
	put_id(w, KEY_RUID, s->ruid);
	put_id(w, KEY_RGID, s->rgid);
	put_id(w, KEY_PID, s->pid);
	put_id(w, KEY_SESSION_ID, s->session_id);
	put_key(w, KEY_TERMINAL);
	put_terminal(w, s);
	close_object(w);
}

void
put_user(struct walk *w, const struct token *t)
{
	open_object(w);
	put_id(w, KEY_UID, t->user.uid);
	put_text_pair(w, KEY_NAME, t->user.name);
	close_object(w);
}

void
put_use_of_priv(struct walk *w, const struct token *t)
{
	open_object(w);
	put_text_pair(w, KEY_PRIVS, t->use_of_priv.privs);
	put_pair(w, KEY_SUCCESS, t->use_of_priv.ok != 0);
	close_object(w);
}

void
put_label(struct walk *w, const struct token *t)
{
	open_object(w);
	put_key(w, KEY_TYPE);
	put_name(w, names_value(NAMES_LABEL_TYPE, t->label.type), t->label.type);
	if (t->label.whole)
		put_pair(w, KEY_CLASSIFICATION, t->label.classification);
	put_key(w, KEY_COMPARTMENTS);
	put_hex(w, t->label.compartments, t->label.len);
	close_object(w);
}

void
put_identity(struct walk *w, const struct token *t)
{
	open_object(w);
	put_pair(w, KEY_SIGNER_TYPE, t->identity.signer_type);
	put_text_pair(w, KEY_SIGNING_ID, t->identity.signing_id);
	put_pair(w, KEY_SIGNING_ID_TRUNCATED, t->identity.signing_id_truncated);
	put_text_pair(w, KEY_TEAM_ID, t->identity.team_id);
	put_pair(w, KEY_TEAM_ID_TRUNCATED, t->identity.team_id_truncated);
	put_key(w, KEY_CDHASH);
	put_hex(w, t->identity.cdhash, t->identity.len);
	close_object(w);
}
