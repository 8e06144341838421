/* node: the next one that is well, and when to ask one that is not. */
#include "output/node.h"

#define DOWN_BASE (CLOCK_SECOND / 8)
#define DOWN_MOST (20 * CLOCK_SECOND)

int
nodes_pick(struct nodes *n)
{
	for (unsigned i = 0; i < n->count; i++) {
		unsigned at = (n->next + i) % n->count;

		if (n->list[at].state == NODE_UP) {
			n->next = at + 1;
			return (int)at;
		}
	}
	return -1;
}

int
nodes_ask(struct nodes *n, int64_t now)
{
	for (unsigned i = 0; i < n->count; i++)
		if (n->list[i].state == NODE_DOWN && n->list[i].due <= now) {
			n->list[i].state = NODE_ASKED;
			return (int)i;
		}
	return -1;
}

bool
node_failed(struct node *node, struct jitter *j, int64_t now)
{
	bool was_up = node->state == NODE_UP;

	/* Requests that were under way together fail together; that is one failure. */
	if (node->state == NODE_DOWN)
		return false;
	node->state = NODE_DOWN;
	node->due = now + backoff_delay(j, node->failures, DOWN_BASE, DOWN_MOST);
	if (node->failures < 31)
		node->failures++;
	return was_up;
}

bool
node_answered(struct node *node)
{
	bool was_down = node->state != NODE_UP;

	node->state = NODE_UP;
	node->failures = 0;
	return was_down;
}

unsigned
nodes_up(const struct nodes *n)
{
	unsigned up = 0;

	for (unsigned i = 0; i < n->count; i++)
		up += n->list[i].state == NODE_UP;
	return up;
}

int64_t
nodes_due(const struct nodes *n)
{
	int64_t due = PACE_NEVER;

	for (unsigned i = 0; i < n->count; i++)
		if (n->list[i].state == NODE_DOWN && n->list[i].due < due)
			due = n->list[i].due;
	return due;
}
