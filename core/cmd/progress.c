/* progress: how often that line is drawn, and what it says. */
#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR 30

const char *
progress_size(char out[PROGRESS_SIZE], uint64_t bytes)
{
	if (bytes < 1000)
		snprintf(out, PROGRESS_SIZE, "%u bytes", (unsigned)bytes);
	else if (bytes < 1000000)
		snprintf(out, PROGRESS_SIZE, "%.1f kB", (double)bytes / 1e3);
	else
		snprintf(out, PROGRESS_SIZE, "%.1f MB", (double)bytes / 1e6);
	return out;
}

void
progress_begin(struct progress *p, uint64_t whole)
{
	p->shown = isatty(STDERR_FILENO) == 1;
	p->began = clock_steady();
	p->next = p->began + CLOCK_SECOND / 2; /* what is done sooner needs no bar */
	p->whole = whole;
}

void
progress_step(struct progress *p, uint64_t bytes, uint64_t count, const char *what)
{
	int64_t now;
	double seconds, share;
	char size[PROGRESS_SIZE];
	int full;

	if (!p->shown || (now = clock_steady()) < p->next)
		return;
	p->next = now + CLOCK_SECOND / 5;
	seconds = (double)(now - p->began) / (double)CLOCK_SECOND;
	fputs("\r\033[K", stderr);
	if (p->whole > 0) {
		share = (double)bytes / (double)p->whole;
		share = share > 1 ? 1 : share;
		full = (int)(share * BAR);
		fprintf(stderr, "[%.*s%*s] %3d %%  ", full, "##############################",
		    BAR - full, "", (int)(share * 100));
	}
	fprintf(stderr, "%llu %s, %s, %.0f/s", (unsigned long long)count, what,
	    progress_size(size, bytes), (double)count / seconds);
	fflush(stderr);
}

void
progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
}
