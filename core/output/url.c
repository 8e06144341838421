/* url: what a server's address may look like. */
#include "output/url.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

static bool
has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK && text != NULL;

	curl_free(text);
	return has;
}

struct err *
url_check(const char *url, bool *encrypted, bool *loopback)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	struct err *e = NULL;
	bool parsed;

	if (u == NULL)
		return err_new("out of memory");
	parsed = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		 curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		 curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK;
	/* Before anything that shows the URL, and so a password in it. */
	if (parsed ? has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD)
		   : strchr(url, '@') != NULL)
		e = err_new("credentials do not belong into a URL: name them in files");
	else if (!parsed)
		e = err_new("\"%s\" is not a URL like https://host:9200", url);
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		e = err_new("\"%s\": only http and https are spoken", url);
	else if (has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT))
		e = err_new("\"%s\": no query and no fragment, please", url);
	else {
		*encrypted = strcmp(scheme, "https") == 0;
		*loopback = addr_is_loopback(str_of(host));
	}
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	return e;
}

char *
url_below(const char *base, const char *format, ...)
{
	size_t len = strlen(base);
	char *path, *url;
	va_list args;
	int n;

	while (len > 0 && base[len - 1] == '/')
		len--;
	va_start(args, format);
	n = vasprintf(&path, format, args);
	va_end(args);
	if (n < 0)
		return NULL;
	if (asprintf(&url, "%.*s%s", (int)len, base, path) < 0)
		url = NULL;
	free(path);
	return url;
}
