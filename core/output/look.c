/* look: one question after the other to each server: version, template, what it makes of it. */
#include "output/look.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonread.h"
#include "base/log.h"
#include "output/url.h"

#define SHIPPED_PATTERN "audit-*"
#define LOOK_TIMEOUT    10.0 /* seconds for an answer */
#define LOOK_AGAIN      10.0 /* seconds until the nodes are asked again when none answered */
#define LOOK_BODY       (1024 * 1024)

struct look {
	struct ev_loop *loop;
	struct http *http;
	struct output_config config; /* its texts are borrowed */
	void (*done)(void *ctx, const struct template_report *report);
	void *ctx;
	size_t node, asked; /* asked: nodes that did not answer in this round */
	ev_timer again;
	char *url;
	struct buf body;
	struct template_report report;
};

bool
look_is_well(const struct http_result *result)
{
	const struct http_head *h = &result->head;

	if (h->status < 200 || h->status >= 500)
		return false;
	/*
	 * 401 and 403 are the next request's to speak about; a page of somebody else's is no
	 * server of ours.
	 */
	return h->status == 401 || h->status == 403 || h->product[0] != '\0' ||
	       (strncasecmp(h->content_type, "application/json", 16) == 0 &&
		   (h->status < 300 || h->status >= 400));
}

char *
look_template_url(const struct output_config *config, size_t node)
{
	return url_below(config->urls[node], "/_index_template/%s", config->template_name);
}

size_t
look_node(const struct look *l)
{
	return l->node;
}

static void
tell(struct look *l)
{
	const struct template_report *r = &l->report;

	if (l->done != NULL) {
		l->done(l->ctx, r);
		return;
	}
	log_info("server", log_s("node", l->config.urls[l->node]), log_s("is", r->server),
	    log_s("family", template_family_name(r->family)));
	if (r->state == TEMPLATE_FINE)
		log_info("template", log_s("name", l->config.template_name),
		    log_s("state", template_state_text(r->state)));
	else
		log_warn("template", log_s("name", l->config.template_name),
		    log_s("state", template_state_text(r->state)));
}

static bool
take_body(void *ctx, const struct http_head *head, const char *bytes, size_t len)
{
	struct look *l = ctx;

	(void)head;
	if (l->body.len + len > LOOK_BODY)
		return false;
	buf_append(&l->body, bytes, len);
	return true;
}

static bool
ask(struct look *l, const char *method, const char *url,
    void (*done)(void *, const struct http_result *))
{
	struct http_call call = { .method = method, .url = url, .timeout = LOOK_TIMEOUT };

	buf_cut(&l->body, 0);
	call.body_part = take_body;
	call.done = done;
	call.ctx = l;
	return http_send(l->http, &call) != NULL;
}

static void
on_simulated(void *ctx, const struct http_result *result)
{
	struct look *l = ctx;

	if (result->complete && !template_in_force(result->head.status, buf_view(&l->body)))
		l->report.state = TEMPLATE_OVERRULED;
	tell(l);
}

/* The URL that tells what a new index of our pattern would get. NULL: out of memory. */
static char *
simulate_url(const struct look *l)
{
	const char *pattern = l->config.template_pattern;
	struct buf name = { 0 };
	char *url = NULL;

	for (const char *p = pattern != NULL ? pattern : SHIPPED_PATTERN; *p != '\0'; p++)
		if (*p == '*')
			buf_str(&name, STR("auditrecv-check"));
		else
			buf_byte(&name, *p);
	buf_byte(&name, '\0');
	if (!buf_failed(&name))
		url = url_below(
		    l->config.urls[l->node], "/_index_template/_simulate_index/%s", name.at);
	buf_fini(&name);
	return url;
}

static void
on_template(void *ctx, const struct http_result *result)
{
	struct look *l = ctx;

	l->report.status = result->head.status;
	l->report.state = result->complete && !buf_failed(&l->body)
			      ? template_compare(result->head.status, buf_view(&l->body),
				    l->report.family, l->config.template_pattern)
			      : TEMPLATE_UNKNOWN;
	if (l->report.state == TEMPLATE_FINE) {
		free(l->url);
		if ((l->url = simulate_url(l)) != NULL && ask(l, "POST", l->url, on_simulated))
			return;
	}
	tell(l);
}

/* Copies a text of the server's for the log: letters, digits and a few marks. */
static void
copy_plain(char *out, size_t room, struct str from)
{
	size_t n = 0;

	for (size_t i = 0; i < from.len && n + 1 < room; i++) {
		char c = from.at[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '-')
			out[n++] = c;
	}
	out[n] = '\0';
}

/* Reads {"version":{"distribution":"opensearch","number":"1.3.20"}}. */
static void
read_version(struct str body, char distribution[24], char number[24])
{
	struct jsonread r;
	unsigned inside = 0; /* depth of the object `version` */
	enum jsonread_token token;

	jsonread_init(&r, body);
	while ((token = jsonread_next(&r)) != JSONREAD_BAD && token != JSONREAD_END) {
		bool is_distribution, is_number;

		if (token == JSONREAD_OBJECT_END && inside > r.depth)
			return;
		if (token != JSONREAD_KEY)
			continue;
		if (inside == 0 && r.depth == 1 && jsonread_is(&r, STR("version"))) {
			if (jsonread_next(&r) != JSONREAD_OBJECT)
				return;
			inside = r.depth;
			continue;
		}
		is_distribution = inside != 0 && jsonread_is(&r, STR("distribution"));
		is_number = inside != 0 && jsonread_is(&r, STR("number"));
		if (is_distribution || is_number) {
			if (jsonread_next(&r) == JSONREAD_TEXT)
				copy_plain(is_number ? number : distribution, 24, r.text);
		} else if (!jsonread_skip(&r))
			return;
	}
}

/* Reads {"nodes":{"TGMX…":{"version":"8.19.5"}}}. */
static void
read_node_version(struct str body, char number[24])
{
	struct jsonread r;
	enum jsonread_token token;

	jsonread_init(&r, body);
	while ((token = jsonread_next(&r)) != JSONREAD_BAD && token != JSONREAD_END)
		if (token == JSONREAD_KEY && r.depth == 3 && jsonread_is(&r, STR("version")) &&
		    jsonread_next(&r) == JSONREAD_TEXT) {
			copy_plain(number, 24, r.text);
			return;
		}
}

static void
name_server(struct look *l, const char *number)
{
	enum server_family family = l->report.family;
	const char *name = family == SERVER_UNKNOWN         ? "unknown"
			   : family == SERVER_ELASTICSEARCH ? "Elasticsearch"
							    : "OpenSearch";

	snprintf(l->report.server, sizeof(l->report.server), "%s%s%s", name,
	    number[0] != '\0' ? " " : ", version not told", number);
}

/* What it is, from the answer to GET /. False: the version was not told. */
static bool
judge_server(struct look *l, const struct http_result *result)
{
	char distribution[24] = "", number[24] = "";
	const char *product = result->head.product;

	if (result->complete && !buf_failed(&l->body))
		read_version(buf_view(&l->body), distribution, number);
	if (strncmp(product, "OpenSearch/", 11) == 0 && number[0] == '\0')
		copy_plain(number, sizeof(number),
		    (struct str){ product + 11, strcspn(product + 11, " ") });
	if (strncasecmp(product, "OpenSearch", 10) == 0 ||
	    strcasecmp(distribution, "opensearch") == 0)
		l->report.family =
		    number[0] == '1' && number[1] == '.' ? SERVER_OPENSEARCH_1 : SERVER_OPENSEARCH;
	else if (strcasecmp(product, "Elasticsearch") == 0 ||
		 (number[0] != '\0' && distribution[0] == '\0'))
		l->report.family = SERVER_ELASTICSEARCH;
	name_server(l, number);
	return number[0] != '\0';
}

static void
ask_template(struct look *l)
{
	free(l->url);
	if ((l->url = look_template_url(&l->config, l->node)) == NULL ||
	    !ask(l, "GET", l->url, on_template))
		tell(l);
}

static void
on_version(void *ctx, const struct http_result *result)
{
	struct look *l = ctx;
	char number[24] = "";

	if (result->complete && result->head.status == 200 && !buf_failed(&l->body))
		read_node_version(buf_view(&l->body), number);
	if (number[0] != '\0')
		name_server(l, number);
	ask_template(l);
}

/*
 * There are servers without GET /: stripped down, or behind something that lets only some paths
 * pass.
 */
static void
ask_version(struct look *l)
{
	free(l->url);
	l->url = url_below(l->config.urls[l->node], "/_nodes/_local?filter_path=nodes.*.version");
	if (l->url == NULL || !ask(l, "GET", l->url, on_version))
		ask_template(l);
}

static void on_root(void *ctx, const struct http_result *result);

static void
ask_node(struct look *l)
{
	if (ask(l, "GET", l->config.urls[l->node], on_root))
		return;
	ev_timer_set(&l->again, LOOK_AGAIN, 0);
	ev_timer_start(l->loop, &l->again);
}

static void
on_root(void *ctx, const struct http_result *result)
{
	struct look *l = ctx;

	l->report.status = result->head.status;
	if (!look_is_well(result)) {
		l->node = (l->node + 1) % l->config.url_count;
		if (++l->asked < l->config.url_count) {
			ask_node(l);
			return;
		}
		l->asked = 0;
		if (l->done != NULL) { /* a command does not wait for ever */
			tell(l);
			return;
		}
		ev_timer_set(&l->again, LOOK_AGAIN, 0);
		ev_timer_start(l->loop, &l->again);
		return;
	}
	if (judge_server(l, result))
		ask_template(l);
	else
		ask_version(l);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	ask_node(container_of(w, struct look, again));
}

struct err *
look_open(struct look **out, struct ev_loop *loop, struct http *http,
    const struct output_config *config,
    void (*done)(void *ctx, const struct template_report *report), void *ctx)
{
	struct look *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_new("output: out of memory");
	l->loop = loop;
	l->http = http;
	l->config = *config;
	l->done = done;
	l->ctx = ctx;
	l->report.state = TEMPLATE_UNKNOWN;
	ev_timer_init(&l->again, on_again, 0, 0);
	ask_node(l);
	*out = l;
	return NULL;
}

void
look_close(struct look *l)
{
	if (l == NULL)
		return;
	ev_timer_stop(l->loop, &l->again);
	free(l->url);
	buf_fini(&l->body);
	free(l);
}
