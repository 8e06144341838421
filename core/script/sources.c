/* sources: only files that nobody else may change are read. */
#include "script/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

/* Who may write this may make us run what they like. */
static struct err *
check_owner(const struct stat *st, const char *what, const char *directory, const char *name)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_new(
		    "%s/%s: this %s belongs to user %lu: rules have to belong to root or to the user that runs them",
		    directory, name, what, (unsigned long)st->st_uid);
	if ((st->st_mode & S_IWOTH) != 0 ||
	    ((st->st_mode & S_IWGRP) != 0 && st->st_gid != getegid()))
		return err_new(
		    "%s/%s: others can write this %s: chmod go-w", directory, name, what);
	return NULL;
}

static struct err *
read_bytes(int fd, struct source *out, const char *directory)
{
	struct stat st;
	struct err *e;
	size_t room;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return err_sys("%s/%s", directory, out->name);
	if (!S_ISREG(st.st_mode))
		return err_new("%s/%s is no file", directory, out->name);
	if ((e = check_owner(&st, "file", directory, out->name)) != NULL)
		return e;
	if (st.st_size < 0 || (size_t)st.st_size > SOURCE_MOST)
		return err_new("%s/%s is larger than %zu bytes", directory, out->name, SOURCE_MOST);
	room = (size_t)st.st_size;
	if ((out->bytes = malloc(room + 1)) == NULL)
		return err_sys("%s/%s", directory, out->name);
	while (out->size < room) {
		if ((n = read(fd, out->bytes + out->size, room - out->size)) < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("%s/%s", directory, out->name);
		if (n == 0)
			break;
		out->size += (size_t)n;
	}
	return NULL;
}

/* Opens a file below the directory, looking at every directory on the way. */
static struct err *
open_below(const struct sources *s, const char *name, int *out)
{
	int at = s->fd, next;
	const char *part = name, *slash;
	struct err *e = NULL;

	for (; e == NULL && (slash = strchr(part, '/')) != NULL; part = slash + 1) {
		struct stat st;
		char step[256];

		snprintf(step, sizeof(step), "%.*s", (int)(slash - part), part);
		if ((next = openat(at, step, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
		    fstat(next, &st) != 0)
			e = err_sys("%s/%s", s->directory, name);
		else
			e = check_owner(&st, "directory", s->directory, step);
		if (at != s->fd)
			close(at);
		at = next;
	}
	if (e == NULL && (*out = openat(at, part, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		e = err_sys("%s/%s", s->directory, name);
	if (at != s->fd && at >= 0)
		close(at);
	return e;
}

/* Reads one file and appends it to the list. */
static struct err *
add(struct sources *s, const char *name, bool is_rule)
{
	struct source **list = realloc(s->list, (s->count + 1) * sizeof(struct source *)), *added;
	struct err *e;
	int fd;

	if (list == NULL || (s->list = list, added = calloc(1, sizeof(*added))) == NULL)
		return err_sys("%s", s->directory);
	list[s->count++] = added;
	added->is_rule = is_rule;
	if ((added->name = strdup(name)) == NULL)
		return err_sys("%s", s->directory);
	if ((e = open_below(s, name, &fd)) != NULL)
		return e;
	e = read_bytes(fd, added, s->directory);
	close(fd);
	return e;
}

static int
is_rule_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0;
}

/* By bytes, whatever the locale. */
static int
by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static struct err *
list_names(const struct sources *s, char ***out, size_t *count)
{
	DIR *dir;
	struct dirent *entry;
	char **names = NULL, **more;
	int fd = dup(s->fd);

	*count = 0;
	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			close(fd);
		return err_sys("%s", s->directory);
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!is_rule_file(entry))
			continue;
		if ((more = realloc(names, (*count + 1) * sizeof(*names))) == NULL)
			break;
		names = more;
		if ((names[*count] = strdup(entry->d_name)) == NULL)
			break;
		++*count;
	}
	closedir(dir);
	*out = names;
	if (entry != NULL)
		return err_new("%s: out of memory", s->directory);
	if (*count > 0)
		qsort(names, *count, sizeof(*names), by_name);
	return NULL;
}

struct err *
sources_open(struct sources *s, const char *directory)
{
	struct stat st;
	struct err *e;
	char **names = NULL;
	size_t count = 0;

	*s = (struct sources){ .fd = -1 };
	if (directory == NULL)
		return NULL;
	if ((s->directory = strdup(directory)) == NULL)
		return err_sys("%s", directory);
	if ((s->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    fstat(s->fd, &st) != 0)
		return err_sys("rules directory %s", directory);
	if ((e = check_owner(&st, "directory", directory, ".")) != NULL)
		return e;
	e = list_names(s, &names, &count);
	for (size_t i = 0; i < count; i++) {
		if (e == NULL)
			e = add(s, names[i], true);
		free(names[i]);
	}
	free(names);
	return e;
}

struct err *
sources_module(struct sources *s, const char *module, const struct source **out)
{
	char name[256];
	struct err *e;
	size_t len = 0;

	*out = NULL;
	for (const char *p = module; *p != '\0'; p++, len++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			      (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';

		if (len + 5 >= sizeof(name) ||
		    !(letter || (*p == '.' && p > module && p[-1] != '.')))
			return NULL;
		name[len] = *p == '.' ? '/' : *p;
	}
	if (len == 0 || name[len - 1] == '/')
		return NULL;
	memcpy(name + len, ".lua", 5);
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->list[i]->name, name) == 0) {
			*out = s->list[i];
			return NULL;
		}
	if (s->fd < 0 || faccessat(s->fd, name, F_OK, 0) != 0)
		return NULL;
	if ((e = add(s, name, false)) == NULL)
		*out = s->list[s->count - 1];
	return e;
}

void
sources_close(struct sources *s)
{
	struct str *parts = calloc(s->count * 2 + 1, sizeof(*parts));
	uint8_t digest[SHA256_SIZE];

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (parts == NULL)
		return;
	for (size_t i = 0; i < s->count; i++) {
		/* With its NUL, so that name and bytes cannot run into each other. */
		const struct source *source = s->list[i];

		parts[i * 2] = (struct str){ source->name, strlen(source->name) + 1 };
		parts[i * 2 + 1] = (struct str){ source->bytes, source->size };
	}
	hash_sha256(parts, s->count * 2, digest);
	for (size_t i = 0; i < SHA256_SIZE; i++)
		snprintf(s->hash + i * 2, 3, "%02x", digest[i]);
	free(parts);
}

void
sources_fini(struct sources *s)
{
	if (s->fd >= 0)
		close(s->fd);
	for (size_t i = 0; i < s->count; i++) {
		free(s->list[i]->name);
		free(s->list[i]->bytes);
		free(s->list[i]);
	}
	free(s->list);
	free(s->directory);
	*s = (struct sources){ .fd = -1 };
}
