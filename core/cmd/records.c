/* records: trail files into memory, and record after record out of it. */
#include "cmd/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define RECORD_MOST (64u << 20)

/* The bytes of one file, until the end of the program: outstanding records lie in them. */
struct records_file {
	const char *name;
	struct str bytes;
};

static struct err *
read_all(struct records_file *f, int fd)
{
	struct buf all = { 0 };
	ssize_t n;

	for (;;) {
		if (!buf_need(&all, 1 << 20)) {
			buf_fini(&all);
			return err_new("%s: out of memory", f->name);
		}
		n = read(fd, buf_end(&all), 1 << 20);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		all.len += (size_t)n;
	}
	if (n < 0) {
		buf_fini(&all);
		return err_sys("%s", f->name);
	}
	if (all.len > 0)
		f->bytes = buf_view(&all); /* kept to the end of the program */
	return NULL;
}

static struct err *
open_file(struct records_file *f)
{
	bool is_input = strcmp(f->name, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(f->name, O_RDONLY | O_CLOEXEC);
	struct err *e = NULL;
	struct stat st;
	void *at;

	if (fd < 0)
		return err_sys("%s", f->name);
	if (fstat(fd, &st) != 0)
		e = err_sys("%s", f->name);
	else if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		e = err_sys("%s", f->name);
	} else if (S_ISREG(st.st_mode) && st.st_size > 0) {
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (at == MAP_FAILED)
			e = err_sys("%s", f->name);
		else
			f->bytes = (struct str){ at, (size_t)st.st_size };
	} else
		e = read_all(f, fd);
	if (!is_input)
		close(fd);
	return e;
}

struct err *
records_open(struct records *r, int count, char **names)
{
	struct err *e;

	if ((r->files = calloc((size_t)count, sizeof(*r->files))) == NULL)
		return err_sys("files");
	for (; r->count < (size_t)count; r->count++) {
		r->files[r->count] = (struct records_file){ names[r->count], { "", 0 } };
		if ((e = open_file(&r->files[r->count])) != NULL)
			return e;
		r->bytes += r->files[r->count].bytes.len;
	}
	return NULL;
}

bool
records_next(struct records *r, struct str *out)
{
	const struct records_file *f;
	struct trail_item item;
	enum trail_status status;
	size_t at;

	for (; r->current < r->count; r->current++, r->begun = false) {
		f = &r->files[r->current];
		if (!r->begun)
			trail_init(&r->trail, RECORD_MOST);
		r->begun = true;
		for (;;) {
			at = (size_t)r->trail.offset;
			status = trail_next(&r->trail, (const uint8_t *)f->bytes.at + at,
			    f->bytes.len - at, true, &item);
			if (status == TRAIL_END || status == TRAIL_MORE)
				break;
			if (status == TRAIL_DAMAGE || status == TRAIL_CUT)
				r->damaged(r->ctx, f->name, &item);
			if (status != TRAIL_RECORD)
				continue;
			*out = (struct str){ (const char *)item.at, item.len };
			return true;
		}
	}
	return false;
}

void
records_close(struct records *r)
{
	free(r->files);
}
