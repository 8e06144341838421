/* wait: seats for waiting records, and numbers of questions that tell an old answer. */
#include "script/wait.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "script/door.h"
#include "script/policy.h"

#define IDLE_SEATS 32 /* coroutines that are kept for the next records that wait */

void
waits_init(struct waits *ws, const struct script_config *config)
{
	*ws = (struct waits){
		.wake = config->wake, .ctx = config->ctx, .most = config->max_waiting, .states = 1
	};
	if (config->asker != NULL)
		ws->asker = *config->asker;
}

void
waits_fini(struct waits *ws)
{
	struct wait *w;

	while ((w = ws->all) != NULL) {
		ws->all = w->next_all;
		if (w->state == WAIT_ASKED)
			ws->asker.forget(ws->asker.ctx, w);
		run_fini(&w->run);
		buf_fini(&w->tags);
		free(w);
	}
	ws->free = NULL;
	ws->waiting = ws->idle_seats = 0;
}

static struct wait *
wait_new(struct waits *ws)
{
	struct wait *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	if (!run_init(&w->run, ws->words)) {
		free(w);
		return NULL;
	}
	w->waits = ws;
	w->next_all = ws->all;
	ws->all = w;
	w->next = ws->free;
	ws->free = w;
	return w;
}

void
seat_fill(lua_State *L, struct seat *seat)
{
	lua_State *thread;

	if (seat->thread != NULL)
		return;
	thread = lua_newthread(L);
	seat->thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_pushboolean(L, 0);
	seat->doc_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	seat->thread = thread;
}

static void
drop_seat(struct seat *seat, struct policy *p)
{
	if (seat->thread == NULL)
		return;
	seat->thread = NULL;
	luaL_unref(p->L, LUA_REGISTRYINDEX, seat->thread_ref);
	luaL_unref(p->L, LUA_REGISTRYINDEX, seat->doc_ref);
}

void
waits_new_state(struct waits *ws)
{
	ws->states++;
	ws->idle_seats = 0;
	for (struct wait *w = ws->all; w != NULL; w = w->next_all) {
		w->seat.thread = NULL;
		w->run.has_doc = false;
		w->run.record = NULL;
	}
}

/*
 * A record may wait while others do not hold all places, and half of the heap: what waits holds on
 * to its doc.
 */
struct wait *
waits_place(struct waits *ws, lua_State *L, const struct policy *p)
{
	struct wait *w = ws->current;

	if (ws->wake == NULL)
		return NULL;
	if (w == NULL) {
		if (ws->waiting >= ws->most || p->heap.used > p->heap.most / 2)
			return NULL;
		if ((w = ws->free) == NULL && (w = wait_new(ws)) == NULL)
			return NULL;
	} else if (w->left == 0)
		return NULL;
	if (UNLIKELY(w->seat.thread == NULL)) {
		seat_fill(L, &w->seat);
		w->of = ws->states;
		if (w->state == WAIT_FREE)
			ws->idle_seats++;
	}
	w->question++;
	return w;
}

void
waits_told(void *waiter, uint64_t question)
{
	struct wait *w = waiter;

	if (w->state != WAIT_ASKED || w->question != question)
		return;
	w->state = WAIT_TOLD;
	w->waits->wake(w->waits->ctx, &w->face);
}

void
wait_swap(struct wait *w, struct policy *p)
{
	struct seat seat = p->seat;
	struct run run = p->run;
	struct buf tags = p->encoder.tags;

	p->seat = w->seat;
	p->run = w->run;
	p->encoder.tags = w->tags;
	p->run.names = run.names;
	w->seat = seat;
	w->run = run;
	w->tags = tags;
}

struct wait *
waits_park(struct waits *ws, struct policy *p, uint64_t used)
{
	struct wait *w = ws->asked;

	ws->asked = NULL;
	if (w != ws->current) {
		ws->free = w->next;
		ws->idle_seats--;
		w->left = WAITS_EACH;
	}
	w->left--;
	w->used = used;
	w->record = p->run.record;
	w->origin = p->run.origin;
	wait_swap(w, p);
	p->run.record = NULL;
	p->run.has_doc = false;
	w->state = WAIT_ASKED;
	ws->waiting++;
	ws->waited++;
	return w;
}

void
wait_end(struct wait *w, struct policy *p)
{
	struct waits *ws = w->waits;

	if (w->state == WAIT_ASKED)
		ws->asker.forget(ws->asker.ctx, w);
	if (w->state == WAIT_ASKED || w->state == WAIT_TOLD) {
		ws->waiting--;
		/* A coroutine that is left in the middle cannot be used again. */
		if (w->seat.thread != NULL) {
			door_cut_off(p, &w->seat, &w->run);
			drop_seat(&w->seat, p);
		}
	}
	if (w->seat.thread != NULL && ws->idle_seats >= IDLE_SEATS)
		drop_seat(&w->seat, p);
	if (w->seat.thread != NULL)
		ws->idle_seats++;
	if (w->tags.room > 256)
		buf_fini(&w->tags);
	w->state = WAIT_FREE;
	w->record = NULL;
	w->origin = NULL;
	w->next = ws->free;
	ws->free = w;
}

void
waits_trim(struct waits *ws, struct policy *p)
{
	for (struct wait *w = ws->free; w != NULL; w = w->next)
		drop_seat(&w->seat, p);
	ws->idle_seats = 0;
}
