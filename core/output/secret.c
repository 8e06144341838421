/* secret: files to a header, with no copy left behind. */
#include "output/secret.h"

#include "base/private.h"

#define SECRET_MOST 4096

/* Appends the first line of a file that is private. */
static struct err *
read_secret(struct buf *out, const char *path)
{
	struct buf text = { 0 };
	struct err *e;
	size_t len;

	if ((e = private_read(&text, path, SECRET_MOST)) != NULL) {
		private_wipe(&text);
		return e;
	}
	for (len = 0; e == NULL && len < text.len && text.at[len] != '\n' && text.at[len] != '\r';
	     len++)
		if ((unsigned char)text.at[len] < 0x20)
			e = err_new("%s: a control character stands in the secret", path);
	if (e == NULL && len == 0)
		e = err_new("%s is empty", path);
	if (e == NULL)
		buf_append(out, text.at, len);
	private_wipe(&text);
	return e;
}

/* With padding, as headers want it. */
static void
put_base64(struct buf *out, struct str in)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		unsigned v = (unsigned)(unsigned char)in.at[i] << 16;

		if (left > 1)
			v |= (unsigned)(unsigned char)in.at[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)in.at[i + 2];
		buf_byte(out, digits[v >> 18]);
		buf_byte(out, digits[v >> 12 & 63]);
		buf_byte(out, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_byte(out, left > 2 ? digits[v & 63] : '=');
	}
}

void
secret_wipe(struct buf *secret)
{
	private_wipe(secret);
}

struct err *
secret_authorization(
    struct buf *out, const char *api_key_file, const char *username, const char *password_file)
{
	struct buf plain = { 0 };
	struct err *e = NULL;

	if (api_key_file != NULL) {
		if ((e = read_secret(&plain, api_key_file)) != NULL)
			e = err_wrap(e, "output.api_key_file");
		else {
			buf_str(out, STR("ApiKey "));
			if (memchr(plain.at, ':', plain.len) != NULL)
				put_base64(out, buf_view(&plain));
			else
				buf_str(out, buf_view(&plain));
		}
	} else if (username != NULL && password_file != NULL) {
		if (!buf_need(&plain,
			strlen(username) + 1 + SECRET_MOST)) /* no copy left behind by growing */
			return err_new("output: out of memory");
		buf_str(&plain, str_of(username));
		buf_byte(&plain, ':');
		if ((e = read_secret(&plain, password_file)) != NULL)
			e = err_wrap(e, "output.password_file");
		else {
			buf_str(out, STR("Basic "));
			put_base64(out, buf_view(&plain));
		}
	}
	if (out->len > 0)
		buf_byte(out, '\0');
	if (e == NULL && buf_failed(out))
		e = err_new("output: out of memory");
	secret_wipe(&plain);
	return e;
}
