/* principal: names are taken apart once, and compared part by part. */
#include "daemon/principal.h"

#include "base/addr.h"

static char
small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_name(struct str s, const char *beside)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = small(s.at[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && strchr(beside, c) == NULL)
			return false;
	}
	return s.len > 0;
}

/* An address in place of a name could be taken for a sender that has not authenticated. */
static bool
is_address(struct str host)
{
	char text[PRINCIPAL_HOST_SIZE];
	struct addr_net net;
	struct err *e;
	bool is = false;

	memcpy(text, host.at, host.len);
	text[host.len] = '\0';
	if ((e = addr_net_parse(text, &net)) == NULL)
		is = true;
	err_free(e);
	return is;
}

/*
 * Cuts SERVICE/HOST@REALM. Kerberos writes a / or @ within a part with a backslash; no host has
 * either, and no part with other characters than those of names is taken.
 */
static struct err *
cut(const char *text, const char *host_marks, struct principal *out)
{
	const char *slash = strchr(text, '/'), *at = strchr(text, '@');

	if (at == NULL || at[1] == '\0')
		return err_new("\"%s\": the realm is missing: SERVICE/HOST@REALM is wanted", text);
	if (slash == NULL || slash > at)
		return err_new("\"%s\" names no host: SERVICE/HOST@REALM is wanted", text);
	out->service = (struct str){ text, (size_t)(slash - text) };
	out->host = (struct str){ slash + 1, (size_t)(at - slash) - 1 };
	out->realm = str_of(at + 1);
	if (!is_name(out->service, "-_.") || !is_name(out->realm, "-_."))
		return err_new("\"%s\": SERVICE/HOST@REALM is wanted, each of letters, digits and "
			       "the marks - _ .",
		    text);
	if (!is_name(out->host, host_marks) || out->host.len >= PRINCIPAL_HOST_SIZE ||
	    out->host.at[0] == '.' || is_address(out->host))
		return err_new("\"%s\": \"%.*s\" is not the name of a host", text,
		    (int)(out->host.len < 300 ? out->host.len : 300), out->host.at);
	return NULL;
}

struct err *
principal_parse(const char *text, struct principal *out)
{
	return cut(text, "-_.", out);
}

struct err *
principal_pattern_parse(const char *text, struct principal_pattern *out)
{
	struct principal p;
	struct err *e = cut(text, "-_.*", &p);
	const char *star;

	if (e != NULL)
		return e;
	*out = (struct principal_pattern){ .service = p.service, .realm = p.realm, .head = p.host };
	if ((star = memchr(p.host.at, '*', p.host.len)) == NULL)
		return NULL;
	out->star = true;
	out->head.len = (size_t)(star - p.host.at);
	out->tail = (struct str){ star + 1, p.host.len - out->head.len - 1 };
	if (memchr(out->tail.at, '*', out->tail.len) != NULL)
		return err_new("\"%s\": only one * may stand in a pattern", text);
	return NULL;
}

static bool
is_same(const char *a, struct str b)
{
	for (size_t i = 0; i < b.len; i++)
		if (small(a[i]) != small(b.at[i]))
			return false;
	return true;
}

bool
principal_matches(const struct principal_pattern *pattern, const struct principal *p)
{
	size_t fixed = pattern->head.len + pattern->tail.len;

	if (!str_equal(pattern->service, p->service) || !str_equal(pattern->realm, p->realm))
		return false;
	if (pattern->star ? p->host.len <= fixed : p->host.len != fixed)
		return false;
	return is_same(p->host.at, pattern->head) &&
	       is_same(p->host.at + p->host.len - pattern->tail.len, pattern->tail);
}

void
principal_host(const struct principal *p, char out[PRINCIPAL_HOST_SIZE])
{
	for (size_t i = 0; i < p->host.len; i++)
		out[i] = small(p->host.at[i]);
	out[p->host.len] = '\0';
}
