/* names_tables: what tables/generate.lua makes and names.c reads. */
#ifndef BSM_NAMES_TABLES_H
#define BSM_NAMES_TABLES_H

#include "bsm/names.h"

extern const struct str names_events[]; /* sorted from 1 on; 0 is empty */
extern const size_t names_event_total;  /* without 0 */
/* The number's high byte chooses a page, its low byte the cell: an index into names_events. */
extern const uint8_t names_event_page[EVENT_COLUMNS][256];
extern const uint16_t names_event_cell[][256];

extern const struct str names_errnos[2][256];  /* illumos, OpenBSM */
extern const struct str names_signals[2][128]; /* illumos, BSD */
extern const struct names_rows names_lists[NAMES_LISTS];
extern const struct names_failure names_failures[]; /* by code */
extern const size_t names_failure_total;

#endif
