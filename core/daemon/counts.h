/* counts: what the log says of records: in all, by sender, by reason. */
#ifndef DAEMON_COUNTS_H
#define DAEMON_COUNTS_H

#include "daemon/pipeline.h"

/* One line of all: at SIGUSR1, at the end. */
void counts_tell(const char *event, struct pipeline *p, struct wire *w);
/* A line for each reason why records were dropped or set aside. */
void counts_tell_reasons(struct pipeline *p);
/* A line for each sender, and for each of its reasons. */
void counts_tell_senders(struct pipeline *p);
/* A line for each sender that is owed acknowledgements: it may sit in the trap of a full window. */
void counts_tell_owed(struct pipeline *p);

#endif
