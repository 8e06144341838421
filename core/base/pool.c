/* pool: the queue of jobs, its threads, and the way back into the loop. */
#include "base/pool.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum job_state { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct job_list {
	struct pool_job *first, *last;
};

struct pool {
	struct ev_loop *loop;
	ev_async finished; /* some thread has put a job into `results` */
	unsigned busy;     /* the loop's own count */
	unsigned wanted;   /* threads */
	unsigned started;
	pthread_t *threads;
	pthread_mutex_t lock; /* guards everything below, and the state of every job */
	pthread_cond_t more;  /* jobs queued, or stopping */
	pthread_cond_t less;  /* a job has run, or a thread has ended */
	struct job_list queue, results;
	unsigned alive; /* threads that have not ended */
	bool stopping;
};

static void
list_put(struct job_list *list, struct pool_job *job)
{
	job->next = NULL;
	if (list->last != NULL)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
}

static struct pool_job *
list_take(struct job_list *list)
{
	struct pool_job *job = list->first;

	if (job != NULL && (list->first = job->next) == NULL)
		list->last = NULL;
	return job;
}

static void
list_remove(struct job_list *list, struct pool_job *job)
{
	struct pool_job *before = NULL;

	for (struct pool_job *j = list->first; j != NULL; before = j, j = j->next) {
		if (j != job)
			continue;
		if (before != NULL)
			before->next = j->next;
		else
			list->first = j->next;
		if (list->last == j)
			list->last = before;
		return;
	}
}

/* An idle pool does not keep the loop running; a busy one does. */
static void
count_up(struct pool *p)
{
	if (p->busy++ == 0)
		ev_ref(p->loop);
}

static void
count_down(struct pool *p)
{
	if (--p->busy == 0)
		ev_unref(p->loop);
}

static void *
thread_main(void *arg)
{
	struct pool *p = arg;
	struct pool_job *job;
	bool wake;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->stopping && p->queue.first == NULL)
			pthread_cond_wait(&p->more, &p->lock);
		if (p->stopping)
			break;
		job = list_take(&p->queue);
		job->state = JOB_RUNNING;
		pthread_mutex_unlock(&p->lock);
		job->work(job);
		pthread_mutex_lock(&p->lock);
		job->state = JOB_DONE;
		wake = p->results.first == NULL;
		list_put(&p->results, job);
		pthread_cond_broadcast(&p->less);
		/*
		 * One wake-up brings the loop everything that is there by then; once we are
		 * stopping there may be no loop any more.
		 */
		if (wake && !p->stopping)
			ev_async_send(p->loop, &p->finished);
	}
	p->alive--;
	pthread_cond_broadcast(&p->less);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
on_finished(struct ev_loop *loop, ev_async *w, int events)
{
	struct pool *p = container_of(w, struct pool, finished);
	struct pool_job *job;
	unsigned turn = p->busy;

	(void)loop;
	(void)events;
	/* Bounded: a done() that submits again must not keep the loop here. */
	while (turn-- > 0) {
		pthread_mutex_lock(&p->lock);
		if ((job = list_take(&p->results)) != NULL)
			job->state = JOB_IDLE;
		pthread_mutex_unlock(&p->lock);
		if (job == NULL)
			return;
		count_down(p);
		job->done(job);
	}
	pthread_mutex_lock(&p->lock);
	if (p->results.first != NULL)
		ev_async_send(p->loop, &p->finished);
	pthread_mutex_unlock(&p->lock);
}

struct err *
pool_open(struct pool **out, struct ev_loop *loop, unsigned threads)
{
	pthread_condattr_t steady;
	struct pool *p;

	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->threads = calloc(threads, sizeof(*p->threads))) == NULL) {
		free(p);
		return err_sys("pool of %u threads", threads);
	}
	p->loop = loop;
	p->wanted = threads;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&p->less, &steady);
	pthread_condattr_destroy(&steady);
	ev_async_init(&p->finished, on_finished);
	ev_async_start(loop, &p->finished);
	ev_unref(loop);
	*out = p;
	return NULL;
}

static void
start_threads(struct pool *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->started < p->wanted &&
	       pthread_create(&p->threads[p->started], NULL, thread_main, p) == 0)
		p->started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_mutex_lock(&p->lock);
	p->alive += p->started;
	pthread_mutex_unlock(&p->lock);
}

void
pool_submit(struct pool *p, struct pool_job *job)
{
	bool wake;

	if (p->started == 0)
		start_threads(p);
	count_up(p);
	if (p->started == 0) {
		job->work(job);
		pthread_mutex_lock(&p->lock);
		job->state = JOB_DONE;
		wake = p->results.first == NULL;
		list_put(&p->results, job);
		pthread_mutex_unlock(&p->lock);
		if (wake)
			ev_async_send(p->loop, &p->finished);
		return;
	}
	pthread_mutex_lock(&p->lock);
	job->state = JOB_QUEUED;
	list_put(&p->queue, job);
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

bool
pool_cancel(struct pool *p, struct pool_job *job)
{
	bool ran = false;

	pthread_mutex_lock(&p->lock);
	while (job->state == JOB_RUNNING)
		pthread_cond_wait(&p->less, &p->lock);
	if (job->state == JOB_QUEUED) {
		list_remove(&p->queue, job);
		count_down(p);
	} else if (job->state == JOB_DONE) {
		list_remove(&p->results, job);
		count_down(p);
		ran = true;
	}
	job->state = JOB_IDLE;
	pthread_mutex_unlock(&p->lock);
	return ran;
}

bool
pool_withdraw(struct pool *p, struct pool_job *job)
{
	bool queued;

	pthread_mutex_lock(&p->lock);
	if ((queued = job->state == JOB_QUEUED)) {
		list_remove(&p->queue, job);
		job->state = JOB_IDLE;
		count_down(p);
	}
	pthread_mutex_unlock(&p->lock);
	return queued;
}

unsigned
pool_busy(const struct pool *p)
{
	return p->busy;
}

/* No thread takes another job. */
static void
stop_threads(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
}

static void
leave_loop(struct pool *p)
{
	if (p->busy == 0)
		ev_ref(p->loop);
	ev_async_stop(p->loop, &p->finished);
}

bool
pool_close_within(struct pool *p, double seconds)
{
	struct timespec until;
	bool ended;

	if (p == NULL)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	until.tv_sec += (time_t)seconds + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	stop_threads(p);
	pthread_mutex_lock(&p->lock);
	while (p->alive > 0 && pthread_cond_timedwait(&p->less, &p->lock, &until) != ETIMEDOUT)
		;
	ended = p->alive == 0;
	pthread_mutex_unlock(&p->lock);
	if (ended) {
		pool_close(p);
		return true;
	}
	leave_loop(p);
	for (unsigned i = 0; i < p->started; i++)
		pthread_detach(p->threads[i]);
	return false;
}

void
pool_close(struct pool *p)
{
	if (p == NULL)
		return;
	stop_threads(p);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->threads[i], NULL);
	leave_loop(p);
	pthread_cond_destroy(&p->less);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}
