/*
 * storage: the system calls with which the journal touches a disk, as a table, so that specs can
 * make each of them fail and forget what was never synced.
 *
 * Names are plain names in a folder that is held open; no symbolic link is followed, and nothing
 * but regular files is opened. Answers are those of the system calls: -1 and errno. Calls come from
 * several threads.
 */
#ifndef JOURNAL_STORAGE_H
#define JOURNAL_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

enum storage_how {
	STORAGE_READ,
	STORAGE_KEEP, /* read and write; made when it is not there */
	STORAGE_NEW,  /* read and write; must not be there yet */
};

struct storage {
	void *ctx;
	/* A folder by its path (below < 0), or in another one; with make, made 0700 if need be. */
	int (*folder)(void *ctx, int below, const char *path, bool make);
	int (*open)(void *ctx, int folder, const char *name, enum storage_how how);
	void (*close)(void *ctx, int fd);
	ssize_t (*read)(void *ctx, int fd, void *to, size_t n, uint64_t offset);
	ssize_t (*write)(void *ctx, int fd, const void *from, size_t n, uint64_t offset);
	/* Contents of a file with its size, or names of a folder, on the disk for good. */
	int (*sync)(void *ctx, int fd);
	/* What is read next comes from the disk, not from memory that the disk refused to take. */
	void (*refresh)(void *ctx, int fd);
	int (*cut)(void *ctx, int fd, uint64_t size);
	int (*rename)(void *ctx, int folder, const char *name, int to_folder, const char *to);
	int (*unlink)(void *ctx, int folder, const char *name);
	int (*size)(void *ctx, int fd, uint64_t *out);
	/* Every name in a folder but "." and "..". */
	int (*list)(void *ctx, int folder, void (*each)(void *to, const char *name), void *to);
	/* Bytes that may still be written to the folder's disk. */
	int (*room)(void *ctx, int folder, uint64_t *out);
	/* Nobody else holds it, or EWOULDBLOCK. Ends with the descriptor. */
	int (*lock)(void *ctx, int fd);
};

extern const struct storage storage_system;

/* All n bytes, however many calls that takes. False and errno. */
bool storage_write(
    const struct storage *s, int fd, const void *from, size_t n, uint64_t offset) MUST_USE;
/* As many of n bytes as there are, or -1 and errno. */
ssize_t storage_read(const struct storage *s, int fd, void *to, size_t n, uint64_t offset) MUST_USE;
/* sync() that was interrupted goes on. False and errno. */
bool storage_sync(const struct storage *s, int fd) MUST_USE;
/* Closes what is open, and says so in the variable. */
void storage_close(const struct storage *s, int *fd);

#endif
