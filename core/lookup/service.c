/* service: an HTTP service with its address, headers and connection. */
#include <stdlib.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/private.h"
#include "lookup/inside.h"

#define HEADERS_MOST (16 * 1024)

/* ---- the address ---- */

/* The host at the beginning of what follows the scheme. */
static struct str
host_of(const char *rest)
{
	return (struct str){ rest, rest[0] == '[' ? strcspn(rest, "]") + 1 : strcspn(rest, ":/") };
}

static struct err *
check_url(const struct lookup_service *c)
{
	bool encrypted = strncasecmp(c->url, "https://", 8) == 0;
	const char *host = c->url + (encrypted ? 8 : 7);

	if (strchr(c->url, '@') != NULL)
		return err_new("credentials do not belong into a URL: name a headers_file");
	if ((!encrypted && strncasecmp(c->url, "http://", 7) != 0) || *host == '\0' ||
	    *host == '/' || *host == ':')
		return err_new("\"%s\" is not a URL like http://vmapi.example.net", c->url);
	for (const char *p = c->url; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || strchr("?#{}\"<>\\^`|", *p) != NULL)
			return err_new("\"%s\": only scheme, host, port and path, please", c->url);
	if (!encrypted && c->headers_file != NULL && !addr_is_loopback(host_of(host)))
		return err_new("\"%s\" is not encrypted, and headers_file may hold secrets: use "
			       "https",
		    c->url);
	if (!encrypted && (c->cert_file != NULL || c->ca_file != NULL))
		return err_new("\"%s\": certificates are for https", c->url);
	return NULL;
}

/* ---- headers ---- */

static bool
is_header(struct str line)
{
	const char *colon = memchr(line.at, ':', line.len);

	if (colon == NULL || colon == line.at)
		return false;
	for (const char *p = line.at; p < colon; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7F ||
		    strchr("()<>@,;\\\"/[]?={}", *p) != NULL)
			return false;
	for (const char *p = colon; p < line.at + line.len; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7F)
			return false;
	return true;
}

/* Cuts the text into lines with a NUL each, in place. */
static struct err *
split_headers(struct service *s, const char *path)
{
	char *at = s->headers.at, *end = at + s->headers.len;
	unsigned number = 0;

	s->line_count = 0;
	while (at < end) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		struct str line = { at, (size_t)(newline - at) }; /* it ends with one */

		number++;
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && line.at[0] != '#') {
			if (!is_header(line))
				return err_new("%s:%u: a line is \"Name: value\"", path, number);
			if (s->line_count == LOOKUP_HEADERS)
				return err_new("%s: at most %d headers", path, LOOKUP_HEADERS);
			at[line.len] = '\0';
			s->lines[s->line_count++] = at;
		}
		at = newline + 1;
	}
	return NULL;
}

static struct err *
read_headers(struct service *s)
{
	const char *path = s->config->headers_file;
	struct err *e;

	if (path == NULL)
		return NULL;
	if (!buf_need(&s->headers, HEADERS_MOST + 1)) /* no copy is left behind by growing */
		return err_new("out of memory");
	if ((e = private_read(&s->headers, path, HEADERS_MOST)) != NULL)
		return e;
	buf_byte(&s->headers, '\n');
	return split_headers(s, path);
}

/* ---- life ---- */

static struct err *
connect_to(struct service *s)
{
	const struct lookup_service *c = s->config;
	struct http_config config = { .ca_file = c->ca_file,
		.connections = s->l->config.max_requests,
		.timeout = LOOKUP_TIMEOUT,
		.cert_file = c->cert_file,
		.key_file = c->key_file };
	struct err *e;

	if ((c->cert_file == NULL) != (c->key_file == NULL))
		return err_new("cert_file and key_file belong together");
	if (c->key_file != NULL && (e = private_check(c->key_file)) != NULL)
		return e;
	if ((e = read_headers(s)) != NULL)
		return e;
	return http_open(&s->http, s->l->loop, &config);
}

struct err *
service_open(struct service *service, struct lookup *l, const struct lookup_service *config)
{
	struct err *e = NULL;

	*service = (struct service){ .l = l, .config = config };
	if ((config->url == NULL) == (config->file == NULL))
		e = err_new("a service has either a url or a file");
	else if (config->url != NULL && (e = check_url(config)) == NULL)
		e = connect_to(service);
	return e != NULL ? err_wrap(e, "lookups: service \"%s\"", config->name) : NULL;
}

void
service_close(struct service *service)
{
	http_close(service->http);
	private_wipe(&service->headers);
}

void
service_reopen(struct service *service)
{
	struct service fresh = { .l = service->l, .config = service->config };
	struct err *e;

	if (service->config->url == NULL)
		return;
	if ((e = connect_to(&fresh)) != NULL) {
		log_warn("lookup_service_kept", log_s("service", service->config->name), log_e(e),
		    log_s("effect", "it goes on with what was read before"));
		err_free(e);
		service_close(&fresh);
		return;
	}
	http_close(service->http);
	requests_take_back(service);
	private_wipe(&service->headers);
	*service = fresh; /* nothing is in flight; its lines point into memory that moved along */
}
