#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR 30

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
	fprintf(stderr, "%llu %s, %.1f MB, %.0f/s", (unsigned long long)count, what,
	    (double)bytes / 1e6, (double)count / seconds);
	fflush(stderr);
}

void
progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
}
