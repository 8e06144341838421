/*
 * install: what `auditrecv template check` and `install` do on a server; waits for it in a loop
 * of its own.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/http.h"
#include "output/check.h"
#include "output/look.h"
#include "output/secret.h"
#include "output/template.h"

#define INSTALL_TIMEOUT 30.0
#define ANSWER_MOST     4096

/* One conversation with the servers of a config. */
struct talk {
	struct ev_loop *loop;
	struct http *http;
	struct look *look;
	struct template_report report;
	struct http_result result;
	struct buf answer;
};

static void
on_look(void *ctx, const struct template_report *report)
{
	struct talk *t = ctx;

	t->report = *report;
	ev_break(t->loop, EVBREAK_ALL);
}

static bool
on_part(void *ctx, const struct http_head *head, const char *bytes, size_t len)
{
	struct talk *t = ctx;

	(void)head;
	if (t->answer.len + len <= ANSWER_MOST)
		buf_append(&t->answer, bytes, len);
	return true;
}

static void
on_put(void *ctx, const struct http_result *result)
{
	struct talk *t = ctx;

	t->result = *result;
	ev_break(t->loop, EVBREAK_ALL);
}

static struct err *
begin(struct talk *t, const struct output_config *config)
{
	struct http_config hc = {
		.ca_file = config->ca_file, .connections = 2, .timeout = INSTALL_TIMEOUT
	};
	struct buf value = { 0 };
	struct err *e = NULL;

	if ((e = check_servers(config)) != NULL)
		return e;
	if ((t->loop = ev_loop_new(EVFLAG_AUTO)) == NULL)
		return err_new("no event loop");
	if ((e = http_open(&t->http, t->loop, &hc)) == NULL)
		e = secret_authorization(
		    &value, config->api_key_file, config->username, config->password_file);
	if (e == NULL && !http_authorize(t->http, value.len > 0 ? value.at : NULL))
		e = err_new("out of memory");
	secret_wipe(&value);
	return e;
}

static void
end(struct talk *t)
{
	http_close(t->http);
	look_close(t->look);
	buf_fini(&t->answer);
	if (t->loop != NULL)
		ev_loop_destroy(t->loop);
}

static struct err *
look_and_wait(struct talk *t, const struct output_config *config)
{
	struct err *e;

	if ((e = look_open(&t->look, t->loop, t->http, config, on_look, t)) != NULL)
		return e;
	ev_run(t->loop, 0);
	if (t->report.family == SERVER_UNKNOWN && t->report.status == 0)
		return err_new("no node answers: %s%s", config->urls[0],
		    config->url_count > 1 ? " and the others" : "");
	return NULL;
}

static struct err *
put_template(struct talk *t, const struct output_config *config, enum server_family family)
{
	struct http_call call = { .method = "PUT", .content_type = "application/json" };
	struct buf body = { 0 };
	char *url = look_template_url(config, look_node(t->look));
	struct err *e = NULL;

	if (url == NULL || !template_render(&body, family, config->template_pattern)) {
		e = err_new("out of memory");
		goto out;
	}
	call.url = url;
	call.body = buf_view(&body);
	call.body_part = on_part;
	call.done = on_put;
	call.ctx = t;
	if (http_send(t->http, &call) == NULL) {
		e = err_new("out of memory");
		goto out;
	}
	ev_run(t->loop, 0);
	if (!t->result.complete)
		e = err_new("%s: %s", url, t->result.why);
	else if (t->result.head.status == 401)
		e = err_new("%s: the credentials are refused", url);
	else if (t->result.head.status == 403)
		e = err_new(
		    "%s: the credentials may not install templates: they need manage_index_templates",
		    url);
	else if (t->result.head.status != 200)
		e = err_new("%s: HTTP status %u: %.*s", url, t->result.head.status,
		    (int)t->answer.len, t->answer.len > 0 ? t->answer.at : "");
out:
	buf_fini(&body);
	free(url);
	return e;
}

struct err *
template_check(const struct output_config *config, struct template_report *out)
{
	struct talk t = { 0 };
	struct err *e;

	if ((e = begin(&t, config)) == NULL)
		e = look_and_wait(&t, config);
	*out = t.report;
	end(&t);
	return e;
}

struct err *
template_install(
    const struct output_config *config, enum server_family family, struct template_report *out)
{
	struct talk t = { 0 };
	struct err *e;

	if ((e = begin(&t, config)) == NULL && (e = look_and_wait(&t, config)) == NULL) {
		if (family == SERVER_UNKNOWN)
			family = t.report.family;
		if (family == SERVER_UNKNOWN)
			e = err_new("the server does not tell what it is: say it with --family");
		else
			e = put_template(&t, config, family);
		t.report.family = family;
	}
	*out = t.report;
	end(&t);
	return e;
}
