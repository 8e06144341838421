/*
 * http: requests to servers, on libcurl's multi interface and the event loop. The only owner of
 * curl.
 *
 * Connections are kept; certificates and host names are checked, TLS is 1.2 at least; no
 * redirects, no proxies, no cookies, no netrc, nothing from the environment. A request is lent
 * its body until it is done.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct ev_loop;
struct http;
struct http_request;

struct http_config {
	const char *ca_file;  /* NULL: the system's */
	unsigned connections; /* kept and open at a time */
	double timeout;       /* seconds for a whole request */
	/* Of ours, for servers that want to know who we are; read at each handshake. NULL: none. */
	const char *cert_file, *key_file;
};

/* What the head of an answer said. */
struct http_head {
	unsigned status; /* 0: none came */
	char content_type[80];
	char product[40];   /* "Elasticsearch", "OpenSearch/3.4.0"; empty: not said */
	double retry_after; /* seconds; 0: not said */
};

struct http_result {
	struct http_head head;
	bool complete;   /* the answer came to its proper end */
	bool torn;       /* the connection ended on us, before or in the answer */
	const char *why; /* not complete: why, in words that may be logged */
};

struct http_call {
	const char *method; /* GET, POST, PUT, DELETE */
	const char *url;
	struct str body;          /* lent until done */
	const char *content_type; /* of the body; NULL: there is none */
	bool gzipped;
	double timeout; /* seconds; 0: as configured */
	/* More headers, "Name: value" each; copied. They may hold secrets. */
	const char *const *headers;
	size_t header_count;
	/*
	 * Some bytes of the body of the answer; the head is known by then. False: no more of it
	 * is wanted.
	 */
	bool (*body_part)(void *ctx, const struct http_head *head, const char *bytes, size_t len);
	/* The end, once; never from inside http_send(). The request is gone after it. */
	void (*done)(void *ctx, const struct http_result *result);
	void *ctx;
};

struct err *http_open(
    struct http **out, struct ev_loop *loop, const struct http_config *config) MUST_USE;
/* Ends what is under way, without calling back. NULL is fine. */
void http_close(struct http *h);
/*
 * The value of the Authorization header from now on ("ApiKey …"); NULL: none. Copied. False: out
 * of memory.
 */
bool http_authorize(struct http *h, const char *value) MUST_USE;
/* NULL: out of memory. */
struct http_request *http_send(struct http *h, const struct http_call *call) MUST_USE;

#endif
