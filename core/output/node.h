/*
 * node: which of several servers are well.
 *
 * Pure. A node that fails is left alone for a time with jitter, then asked with one small
 * question (half-open); its answer, not a batch of documents, decides whether it is used again.
 */
#ifndef OUTPUT_NODE_H
#define OUTPUT_NODE_H

#include <stdint.h>

#include "output/pace.h"

enum node_state { NODE_UP, NODE_DOWN, NODE_ASKED };

struct node {
	const char *url; /* borrowed */
	enum node_state state;
	unsigned failures; /* in a row */
	int64_t due;       /* NODE_DOWN: when to ask */
};

struct nodes {
	struct node *list; /* the owner's memory */
	unsigned count, next;
};

/* The next node that is up, in turn; -1: none. */
int nodes_pick(struct nodes *n);
/* A node that is down and due to be asked, now NODE_ASKED; -1: none. */
int nodes_ask(struct nodes *n, int64_t now);
/* It does not answer. True when it was up. */
bool node_failed(struct node *node, struct jitter *j, int64_t now);
/* It answers. True when it was not up. */
bool node_answered(struct node *node);
unsigned nodes_up(const struct nodes *n);
/* When the next one is due to be asked; PACE_NEVER: none. */
int64_t nodes_due(const struct nodes *n);

#endif
