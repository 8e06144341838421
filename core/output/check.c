/* check: what curl would find out only when it connects. */
#include "output/check.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>

#include "output/output.h"
#include "output/url.h"

/*
 * curl opens the file only when it connects, so a wrong one would be found out by records that
 * wait.
 */
static struct err *
check_ca_file(const char *path)
{
	X509 *certificate;
	struct stat st;
	FILE *f;

	if (stat(path, &st) < 0)
		return err_sys("output.ca_file: %s", path);
	if (!S_ISREG(st.st_mode))
		return err_new("output.ca_file: %s is not a regular file", path);
	if ((f = fopen(path, "re")) == NULL)
		return err_sys("output.ca_file: %s", path);
	certificate = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ERR_clear_error();
	if (certificate == NULL)
		return err_new("output.ca_file: %s holds no certificate in PEM form "
			       "(-----BEGIN CERTIFICATE-----)",
		    path);
	X509_free(certificate);
	return NULL;
}

struct err *
check_servers(const struct output_config *config)
{
	bool credentials = config->api_key_file != NULL || config->username != NULL;
	bool encrypted, loopback;
	struct err *e;

	if (config->url_count == 0)
		return err_new("output.urls: no node is set: urls = { \"https://host:9200\" }");
	for (size_t i = 0; i < config->url_count; i++) {
		if ((e = url_check(config->urls[i], &encrypted, &loopback)) != NULL)
			return err_wrap(e, "output.urls.%zu", i + 1);
		if (credentials && !encrypted && !loopback && !config->plain_credentials)
			return err_new("output.urls.%zu: credentials would go to %s unencrypted: "
				       "use https, or allow it with plain_credentials = true",
			    i + 1, config->urls[i]);
	}
	return config->ca_file != NULL ? check_ca_file(config->ca_file) : NULL;
}
