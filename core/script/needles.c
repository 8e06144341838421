/* needles: the automaton, built once, walked byte by byte. */
#include "script/needles.h"

#include <stdint.h>
#include <stdlib.h>

/*
 * Beside the bytes there are two more symbols, before and behind the text. Symbols that no needle
 * has are one class, 0.
 */
#define SYMBOL_START 256
#define SYMBOL_END   257
#define SYMBOLS      258

struct needles {
	uint16_t class[SYMBOLS];
	uint32_t classes;
	uint32_t states;
	uint32_t start; /* after SYMBOL_START */
	uint32_t found; /* the state that is never left */
	bool anchored;  /* needles stand at the start only: the root is never left either */
	uint32_t *next; /* states x classes */
};

static size_t
symbols_of(const struct needle *needle, uint16_t *out)
{
	size_t n = 0;

	if (needle->at_start)
		out[n++] = SYMBOL_START;
	for (size_t i = 0; i < needle->text.len; i++)
		out[n++] = (unsigned char)needle->text.at[i];
	if (needle->at_end)
		out[n++] = SYMBOL_END;
	return n;
}

/* The trie of all needles; a needle's end leads to the state `found`. */
static void
add(struct needles *n, const uint16_t *symbols, size_t count, uint32_t *states)
{
	uint32_t state = 0;

	for (size_t i = 0; i < count && state != n->found; i++) {
		uint32_t *next = &n->next[(size_t)state * n->classes + n->class[symbols[i]]];

		if (i + 1 == count)
			*next = n->found;
		else if (*next == 0)
			*next = (*states)++;
		state = *next;
	}
}

/*
 * Makes the trie an automaton: where a state has no way on for a class, it goes where its longest
 * ending that is a beginning too would go. States are visited by their depth, so that those endings
 * are done before.
 */
static bool
close_ways(struct needles *n, uint32_t states)
{
	uint32_t *queue = calloc(states, sizeof(*queue)), *ending = calloc(states, sizeof(*ending));
	uint32_t head = 0, tail = 0;

	if (queue == NULL || ending == NULL) {
		free(queue);
		free(ending);
		return false;
	}
	for (uint32_t c = 0; c < n->classes; c++)
		if (n->next[c] != 0 && n->next[c] != n->found)
			queue[tail++] = n->next[c];
	while (head < tail) {
		uint32_t state = queue[head++];
		uint32_t *ways = &n->next[(size_t)state * n->classes];
		const uint32_t *of_ending = &n->next[(size_t)ending[state] * n->classes];

		for (uint32_t c = 0; c < n->classes; c++) {
			if (ways[c] == 0)
				ways[c] = of_ending[c];
			else if (ways[c] != n->found) {
				/* A way of the trie. What ends in a needle has found it. */
				if (of_ending[c] == n->found)
					ways[c] = n->found;
				else {
					ending[ways[c]] = of_ending[c];
					queue[tail++] = ways[c];
				}
			}
		}
	}
	free(queue);
	free(ending);
	for (uint32_t c = 0; c < n->classes; c++)
		n->next[(size_t)n->found * n->classes + c] = n->found;
	return true;
}

struct needles *
needles_new(const struct needle *list, size_t count)
{
	struct needles *n = calloc(1, sizeof(*n));
	size_t most = 2, longest = 2;
	uint32_t states = 2; /* the root, and found */
	uint16_t *symbols;
	bool empty = false;

	if (n == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		most += list[i].text.len + 2;
		if (list[i].text.len + 2 > longest)
			longest = list[i].text.len + 2;
	}
	n->classes = 1;
	n->found = 1;
	n->anchored = true;
	if ((symbols = calloc(longest, sizeof(*symbols))) == NULL)
		goto fail;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0, len = symbols_of(&list[i], symbols); k < len; k++)
			if (n->class[symbols[k]] == 0)
				n->class[symbols[k]] = (uint16_t)n->classes++;
	if ((n->next = calloc(most * n->classes, sizeof(*n->next))) == NULL)
		goto fail;
	for (size_t i = 0; i < count; i++) {
		size_t len = symbols_of(&list[i], symbols);

		empty = empty || len == 0;
		n->anchored = n->anchored && list[i].at_start;
		add(n, symbols, len, &states);
	}
	n->states = states;
	if (!close_ways(n, states))
		goto fail;
	free(symbols);
	n->start = empty ? n->found : n->next[n->class[SYMBOL_START]];
	return n;
fail:
	free(symbols);
	needles_free(n);
	return NULL;
}

void
needles_free(struct needles *n)
{
	if (n == NULL)
		return;
	free(n->next);
	free(n);
}

bool
needles_in(const struct needles *n, struct str text)
{
	uint32_t state = n->start;

	for (size_t i = 0; i < text.len; i++) {
		if (state == n->found || (state == 0 && n->anchored))
			break;
		state = n->next[(size_t)state * n->classes + n->class[(unsigned char)text.at[i]]];
	}
	return n->next[(size_t)state * n->classes + n->class[SYMBOL_END]] == n->found;
}
