/* heap: size classes, chunks, and the count against the cap. */
#include "script/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#define LARGEST (HEAP_GRAIN * HEAP_CLASSES)
#define CHUNK   ((size_t)32 * 1024)

static inline size_t
class_of(size_t size)
{
	return (size + HEAP_GRAIN - 1) / HEAP_GRAIN;
}

void
heap_init(struct heap *h, size_t most)
{
	*h = (struct heap){ .most = most, .fail_after = -1 };
}

void
heap_fini(struct heap *h)
{
	void *next;

	for (void *chunk = h->chunks; chunk != NULL; chunk = next) {
		ASAN_UNPOISON_MEMORY_REGION(chunk, CHUNK);
		memcpy(&next, chunk, sizeof(next));
		free(chunk);
	}
	heap_init(h, h->most);
}

/*
 * A block of a class whose list is empty. The rest of a chunk that is too small for it goes to
 * the class that it fits.
 */
static void *
carve(struct heap *h, size_t class)
{
	size_t size = class * HEAP_GRAIN, rest = (size_t)(h->carve_end - h->carve) / HEAP_GRAIN;
	char *block;

	if (UNLIKELY(rest < class)) {
		if ((block = malloc(CHUNK)) == NULL)
			return NULL;
		if (rest > 0) {
			ASAN_UNPOISON_MEMORY_REGION(h->carve, sizeof(void *));
			memcpy(h->carve, &h->free[rest], sizeof(void *));
			h->free[rest] = h->carve;
			ASAN_POISON_MEMORY_REGION(h->carve, rest * HEAP_GRAIN);
		}
		memcpy(block, &h->chunks, sizeof(void *));
		h->chunks = block;
		h->carve = block + HEAP_GRAIN;
		h->carve_end = block + CHUNK;
		ASAN_POISON_MEMORY_REGION(h->carve, CHUNK - HEAP_GRAIN);
	}
	block = h->carve;
	h->carve += size;
	ASAN_UNPOISON_MEMORY_REGION(block, size);
	return block;
}

static inline void *
take(struct heap *h, size_t size)
{
	size_t class = class_of(size);
	void *block;

	if (UNLIKELY(size > LARGEST))
		return malloc(size);
	if (UNLIKELY((block = h->free[class]) == NULL))
		return carve(h, class);
	ASAN_UNPOISON_MEMORY_REGION(block, class * HEAP_GRAIN);
	memcpy(&h->free[class], block, sizeof(void *));
	return block;
}

static inline void
give(struct heap *h, void *block, size_t size)
{
	size_t class = class_of(size);

	if (UNLIKELY(size > LARGEST)) {
		free(block);
		return;
	}
	memcpy(block, &h->free[class], sizeof(void *));
	h->free[class] = block;
	ASAN_POISON_MEMORY_REGION(block, class * HEAP_GRAIN);
}

/*
 * May the heap grow from old_size to new_size bytes here? Lua never asks twice: it collects,
 * tries again, and then raises.
 */
static inline bool
may_grow(struct heap *h, size_t old_size, size_t new_size)
{
	if (UNLIKELY(new_size - old_size > h->most - h->used || h->used > h->most))
		return false;
	if (UNLIKELY(h->fail_after >= 0)) {
		if (h->fail_after == 0)
			return false;
		h->fail_after--;
	}
	return true;
}

void *
heap_realloc(void *ud, void *ptr, size_t old_size, size_t new_size)
{
	struct heap *h = ud;
	void *block;

	if (ptr == NULL)
		old_size = 0;
	if (new_size == 0) {
		if (old_size > 0)
			give(h, ptr, old_size);
		h->used -= old_size;
		return NULL;
	}
	if (new_size > old_size && UNLIKELY(!may_grow(h, old_size, new_size))) {
		h->refused++;
		return NULL;
	}
	if (old_size > LARGEST && new_size > LARGEST) {
		block = realloc(ptr, new_size);
		/* Lua takes it for granted that a block can shrink. */
		if (UNLIKELY(block == NULL && new_size <= old_size))
			block = ptr;
	} else if (old_size > 0 && new_size <= LARGEST && class_of(old_size) == class_of(new_size))
		block = ptr;
	else {
		if ((block = take(h, new_size)) == NULL && new_size <= old_size &&
		    new_size > LARGEST)
			block = ptr;
		else if (block != NULL && old_size > 0) {
			memcpy(block, ptr, old_size < new_size ? old_size : new_size);
			give(h, ptr, old_size);
		}
	}
	if (UNLIKELY(block == NULL)) {
		h->refused++;
		return NULL;
	}
	h->used += new_size - old_size;
	h->allocations++;
	if (h->used > h->peak)
		h->peak = h->used;
	return block;
}
