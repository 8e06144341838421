/* asker: the questions of rules go to the lookups. */
#ifndef DAEMON_ASKER_H
#define DAEMON_ASKER_H

#include "lookup/lookup.h"
#include "script/script.h"

/* Who answers, for script_config; the lookup is borrowed. */
struct script_asker asker_make(struct lookup *lookup);

#endif
