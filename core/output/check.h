/* check: are the settings of the servers such that they can be used? */
#ifndef OUTPUT_CHECK_H
#define OUTPUT_CHECK_H

#include "base/err.h"

struct output_config;

/*
 * Checks urls, with whom credentials may be shared, and that ca_file holds a certificate. Errors
 * begin with the path of the setting: "output.urls.1: …".
 */
struct err *check_servers(const struct output_config *config) MUST_USE;

#endif
