/*
 * heap: the memory of one Lua state, with a cap.
 *
 * Small blocks come from lists of freed blocks, one list for each size class, carved out of larger
 * chunks; that is what makes tables and strings of a record cheap. Chunks go back when the heap
 * ends. Not for several threads.
 */
#ifndef SCRIPT_HEAP_H
#define SCRIPT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_GRAIN   16 /* size classes are this many bytes apart */
#define HEAP_CLASSES 64 /* so blocks above 1024 bytes are malloc's */

struct heap {
	size_t used;          /* bytes that Lua holds, as it asked for them */
	size_t most;          /* the cap on `used` */
	size_t peak;          /* highest `used` so far */
	uint64_t allocations; /* blocks given out or grown so far */
	uint64_t refused;     /* requests that the cap, fail_after or malloc turned down */
	int64_t fail_after;   /* specs: so many requests succeed, then none; negative: off */
	void *free[HEAP_CLASSES + 1];
	void *chunks;
	char *carve, *carve_end; /* what is left of the newest chunk */
};

void heap_init(struct heap *h, size_t most);
/*
 * Gives the chunks back. Blocks above the largest class are Lua's to free: close the state first.
 */
void heap_fini(struct heap *h);

/*
 * A lua_Alloc; ud is the heap. With a NULL ptr the old size counts as 0, for Lua passes the kind
 * of the object there.
 */
void *heap_realloc(void *ud, void *ptr, size_t old_size, size_t new_size);

#endif
