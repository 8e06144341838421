/* http: curl's sockets and timer in the event loop, requests from first byte to last. */
#include "http/http.h"

#include <curl/curl.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/compiler.h"

#define CONNECT_MS 5000L
#define READ_BYTES (64 * 1024L)
/*
 * curl sends so much in a turn of the loop and no more: with less than a whole body, records pile
 * up behind it. It takes no larger number than this.
 */
#define UPLOAD_BYTES (2048 * 1024L)

struct http {
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer;
	struct http_config config;
	char *ca_file, *cert_file, *key_file;
	char *authorization; /* the whole header; NULL: none */
	struct http_request *active, *idle;
};

struct http_request {
	struct http_request *next, **link; /* link: in the list of active ones */
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct http_call call;
	struct http_head head;
	bool unwanted; /* body_part() wants no more */
	char error[CURL_ERROR_SIZE];
};

/* A socket of curl's that the loop watches. */
struct watched {
	ev_io io;
	struct http *http;
};

/* Headers may hold secrets. */
static void
drop_headers(struct http_request *r)
{
	for (struct curl_slist *line = r->headers; line != NULL; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(r->headers);
	r->headers = NULL;
}

/* ---- curl on the loop ---- */

static void
note_status(struct http_request *r)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	r->head.status = (unsigned)status;
}

static void
finish(struct http_request *r, CURLcode code)
{
	struct http *h = r->http;
	struct http_result result;
	void (*done)(void *, const struct http_result *) = r->call.done;
	void *ctx = r->call.ctx;

	if (r->head.status == 0) /* an answer without a body, such as a 413 */
		note_status(r);
	result.head = r->head;
	result.complete = code == CURLE_OK || r->unwanted;
	result.torn = code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
		      code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE;
	result.why = code == CURLE_OK      ? NULL
		     : r->error[0] != '\0' ? r->error
					   : curl_easy_strerror(code);
	curl_multi_remove_handle(h->multi, r->easy);
	drop_headers(r);
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	r->next = h->idle;
	h->idle = r;
	done(ctx, &result);
}

static void
collect(struct http *h)
{
	CURLMsg *message;
	struct http_request *r;
	CURLcode code;
	int left;

	while ((message = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		code = message->data.result;
		finish(r, code);
	}
}

static void
on_socket(struct ev_loop *loop, ev_io *w, int events)
{
	struct watched *s = container_of(w, struct watched, io);
	struct http *h = s->http;
	int running, what = (events & EV_READ ? CURL_CSELECT_IN : 0) |
			    (events & EV_WRITE ? CURL_CSELECT_OUT : 0);

	(void)loop;
	curl_multi_socket_action(h->multi, w->fd, what, &running);
	collect(h);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct http *h = container_of(w, struct http, timer);
	int running;

	(void)loop;
	(void)events;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct http *h = ctx;
	struct watched *s = known;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL) {
			ev_io_stop(h->loop, &s->io);
			curl_multi_assign(h->multi, fd, NULL);
			free(s);
		}
		return 0;
	}
	if (s == NULL) {
		if ((s = malloc(sizeof(*s))) == NULL)
			return -1;
		s->http = h;
		ev_io_init(&s->io, on_socket, fd, events);
		curl_multi_assign(h->multi, fd, s);
	} else {
		ev_io_stop(h->loop, &s->io);
		ev_io_set(&s->io, fd, events);
	}
	ev_io_start(h->loop, &s->io);
	return 0;
}

static int
watch_time(CURLM *multi, long milliseconds, void *ctx)
{
	struct http *h = ctx;

	(void)multi;
	ev_timer_stop(h->loop, &h->timer);
	if (milliseconds >= 0) {
		ev_timer_set(&h->timer, (double)milliseconds / 1000, 0);
		ev_timer_start(h->loop, &h->timer);
	}
	return 0;
}

/* ---- an answer ---- */

static void
copy_text(char *out, size_t room, const char *at, size_t len)
{
	while (len > 0 && (*at == ' ' || *at == '\t')) {
		at++;
		len--;
	}
	while (len > 0 && (at[len - 1] == '\r' || at[len - 1] == '\n' || at[len - 1] == ' '))
		len--;
	if (len >= room)
		len = room - 1;
	memcpy(out, at, len);
	out[len] = '\0';
}

static bool
is_header(const char *line, size_t len, const char *name, const char **value, size_t *value_len)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	*value = line + n + 1;
	*value_len = len - n - 1;
	return true;
}

static size_t
on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct http_request *r = ctx;
	size_t len = size * count, n;
	const char *value;
	char number[32];

	if (len >= 5 &&
	    memcmp(line, "HTTP/", 5) == 0) /* a new head: what came before was "100 Continue" */
		r->head = (struct http_head){ 0 };
	else if (is_header(line, len, "content-type", &value, &n))
		copy_text(r->head.content_type, sizeof(r->head.content_type), value, n);
	else if (is_header(line, len, "x-elastic-product", &value, &n) ||
		 is_header(line, len, "x-opensearch-version", &value, &n))
		copy_text(r->head.product, sizeof(r->head.product), value, n);
	else if (is_header(line, len, "retry-after", &value, &n)) {
		copy_text(number, sizeof(number), value, n);
		r->head.retry_after =
		    strtod(number, NULL); /* a date reads as its day: harmless, or as nothing */
		if (!(r->head.retry_after > 0))
			r->head.retry_after = 0;
	}
	return len;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_request *r = ctx;
	size_t len = size * count;

	if (r->head.status == 0)
		note_status(r);
	if (r->call.body_part == NULL || r->call.body_part(r->call.ctx, &r->head, bytes, len))
		return len;
	r->unwanted = true;
	return 0;
}

/* ---- a request ---- */

static bool
set_up(struct http *h, struct http_request *r)
{
	CURL *e = r->easy;

	return curl_easy_setopt(e, CURLOPT_PRIVATE, r) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERDATA, r) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEDATA, r) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
#if LIBCURL_VERSION_NUM >= 0x075500
	       curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
#else
	       curl_easy_setopt(e, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) ==
		   CURLE_OK &&
#endif
	       curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NOPROXY, "*") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L) == CURLE_OK &&
	       (h->ca_file == NULL ||
		   curl_easy_setopt(e, CURLOPT_CAINFO, h->ca_file) == CURLE_OK) &&
	       (h->cert_file == NULL ||
		   curl_easy_setopt(e, CURLOPT_SSLCERT, h->cert_file) == CURLE_OK) &&
	       (h->key_file == NULL ||
		   curl_easy_setopt(e, CURLOPT_SSLKEY, h->key_file) == CURLE_OK) &&
	       curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_BUFFERSIZE, READ_BYTES) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES) == CURLE_OK;
}

static struct http_request *
take_idle(struct http *h)
{
	struct http_request *r = h->idle;

	if (r != NULL) {
		h->idle = r->next;
		return r;
	}
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->http = h;
	if ((r->easy = curl_easy_init()) == NULL || !set_up(h, r)) {
		curl_easy_cleanup(r->easy);
		free(r);
		return NULL;
	}
	return r;
}

static bool
add_header(struct http_request *r, const char *line)
{
	struct curl_slist *more = curl_slist_append(r->headers, line);

	if (more == NULL)
		return false;
	r->headers = more;
	return true;
}

static bool
prepare(struct http_request *r)
{
	const struct http_call *c = &r->call;
	double timeout = c->timeout > 0 ? c->timeout : r->http->config.timeout;
	bool has_body = c->content_type != NULL;
	char type[120];
	CURL *e = r->easy;

	if (has_body) {
		snprintf(type, sizeof(type), "Content-Type: %s", c->content_type);
		if (!add_header(r, type) || !add_header(r, "Expect:"))
			return false;
	}
	if ((c->gzipped && !add_header(r, "Content-Encoding: gzip")) ||
	    !add_header(r, "Accept: application/json") || !add_header(r, "User-Agent: auditrecv") ||
	    (r->http->authorization != NULL && !add_header(r, r->http->authorization)))
		return false;
	for (size_t i = 0; i < c->header_count; i++)
		if (!add_header(r, c->headers[i]))
			return false;
	if (curl_easy_setopt(e, CURLOPT_URL, c->url) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(timeout * 1000)) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers) != CURLE_OK)
		return false;
	if (!has_body)
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
		       curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->method) == CURLE_OK;
	return curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->method) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len) ==
		   CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.at) == CURLE_OK;
}

struct http_request *
http_send(struct http *h, const struct http_call *call)
{
	struct http_request *r;

	if ((r = take_idle(h)) == NULL)
		return NULL;
	r->call = *call;
	r->head = (struct http_head){ 0 };
	r->unwanted = false;
	r->error[0] = '\0';
	if (!prepare(r) || curl_multi_add_handle(h->multi, r->easy) != CURLM_OK) {
		drop_headers(r);
		r->next = h->idle;
		h->idle = r;
		return NULL;
	}
	r->next = h->active;
	r->link = &h->active;
	if (r->next != NULL)
		r->next->link = &r->next;
	h->active = r;
	return r;
}

/* ---- life ---- */

bool
http_authorize(struct http *h, const char *value)
{
	char *header = NULL;
	size_t len;

	if (value != NULL) {
		len = strlen(value) + sizeof("Authorization: ");
		if ((header = malloc(len)) == NULL)
			return false;
		snprintf(header, len, "Authorization: %s", value);
	}
	if (h->authorization != NULL)
		explicit_bzero(h->authorization, strlen(h->authorization));
	free(h->authorization);
	h->authorization = header;
	return true;
}

static bool
copy_path(char **out, const char *path)
{
	return path == NULL || (*out = strdup(path)) != NULL;
}

struct err *
http_open(struct http **out, struct ev_loop *loop, const struct http_config *config)
{
	static bool initialised;
	struct http *h;

	if (!initialised && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_new("libcurl does not start");
	initialised = true;
	if ((h = calloc(1, sizeof(*h))) == NULL)
		return err_new("http: out of memory");
	h->loop = loop;
	h->config = *config;
	ev_timer_init(&h->timer, on_timer, 0, 0);
	if (!copy_path(&h->ca_file, config->ca_file) ||
	    !copy_path(&h->cert_file, config->cert_file) ||
	    !copy_path(&h->key_file, config->key_file) || (h->multi = curl_multi_init()) == NULL) {
		http_close(h);
		return err_new("http: out of memory");
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, watch_time);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)config->connections);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	*out = h;
	return NULL;
}

void
http_close(struct http *h)
{
	struct http_request *next;

	if (h == NULL)
		return;
	for (struct http_request *r = h->active; r != NULL; r = next) {
		next = r->next;
		curl_multi_remove_handle(h->multi, r->easy);
		drop_headers(r);
		curl_easy_cleanup(r->easy);
		free(r);
	}
	for (struct http_request *r = h->idle; r != NULL; r = next) {
		next = r->next;
		curl_easy_cleanup(r->easy);
		free(r);
	}
	if (h->multi != NULL)
		curl_multi_cleanup(h->multi);
	ev_timer_stop(h->loop, &h->timer);
	if (h->authorization != NULL)
		explicit_bzero(h->authorization, strlen(h->authorization));
	free(h->authorization);
	free(h->ca_file);
	free(h->cert_file);
	free(h->key_file);
	free(h);
}
