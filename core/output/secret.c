#include "output/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MOST 4096

static struct err *
check_file(const struct stat *st, const char *path)
{
	if (!S_ISREG(st->st_mode))
		return err_new("%s is not a regular file", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_new(
		    "%s belongs to user %lu: chown it to the user of this program, or to root",
		    path, (unsigned long)st->st_uid);
	if ((st->st_mode & 077) != 0)
		return err_new("%s has mode %04o, so others get at the secret in it: chmod 600",
		    path, (unsigned)(st->st_mode & 07777));
	if (st->st_size > SECRET_MOST)
		return err_new("%s is too large for a secret", path);
	return NULL;
}

struct err *
secret_read(struct buf *out, const char *path)
{
	char text[SECRET_MOST];
	struct err *e = NULL;
	struct stat st;
	ssize_t n = 0;
	size_t len;
	int fd;

	/* Not blocked by a FIFO of that name. */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0)
		return err_sys("%s", path);
	if (fstat(fd, &st) < 0)
		e = err_sys("%s", path);
	else if ((e = check_file(&st, path)) == NULL) {
		while ((n = read(fd, text, sizeof(text))) < 0 && errno == EINTR)
			;
		if (n < 0)
			e = err_sys("%s", path);
		for (len = 0;
		     e == NULL && len < (size_t)n && text[len] != '\n' && text[len] != '\r'; len++)
			if ((unsigned char)text[len] < 0x20)
				e = err_new("%s: a control character stands in the secret", path);
		if (e == NULL && len == 0)
			e = err_new("%s is empty", path);
		if (e == NULL)
			buf_append(out, text, len);
		explicit_bzero(text, sizeof(text));
	}
	close(fd);
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
	if (secret->base != NULL)
		explicit_bzero(secret->base, (size_t)(secret->at - secret->base) + secret->room);
	buf_fini(secret);
}

struct err *
secret_authorization(
    struct buf *out, const char *api_key_file, const char *username, const char *password_file)
{
	struct buf plain = { 0 };
	struct err *e = NULL;

	if (api_key_file != NULL) {
		if ((e = secret_read(&plain, api_key_file)) != NULL)
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
		if ((e = secret_read(&plain, password_file)) != NULL)
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
