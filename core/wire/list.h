/* list: a ring of nodes that live inside what they list; the head is a node of its own. */
#ifndef WIRE_LIST_H
#define WIRE_LIST_H

#include <stdbool.h>

struct list {
	struct list *next, *prev;
};

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* Takes a node out; one that is in no list (and was list_init()ed) may be given too. */
static inline void
list_take(struct list *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	list_init(node);
}

/* Puts a node at the end of a list, out of the one it was in. */
static inline void
list_put(struct list *head, struct list *node)
{
	list_take(node);
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

#endif
