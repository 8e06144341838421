/* sink_json: a sink that writes JSON into a buf. The buf says at the end whether memory ran out. */
#ifndef BSM_SINK_JSON_H
#define BSM_SINK_JSON_H

#include "base/json.h"
#include "bsm/sink.h"

/* Feed it with a struct json (base/json.h) as the sink. */
extern const struct sink_ops sink_json;

#endif
