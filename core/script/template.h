/* template: names of indices: the default one, made from a time, and whether a name is one. */
#ifndef SCRIPT_TEMPLATE_H
#define SCRIPT_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define INDEX_NAME_MOST 255 /* bytes */

/*
 * Why a text is no name of an index, or NULL when it is one. The rules are those of Elasticsearch
 * and OpenSearch.
 */
const char *index_name_fault(struct str name);

struct template
{
	char *format;
	int64_t unit;   /* seconds that share one name */
	int64_t number; /* seconds / unit of the name that is kept; INT64_MIN: none */
	char name[INDEX_NAME_MOST + 1];
	size_t len;
};

/*
 * Reads a format: %Y %m %d %H are the parts of a UTC time, %G and %V year and number of its ISO
 * week, all else stands for itself. The error says what is wrong with it, or with a name that it
 * makes.
 */
struct err *template_init(struct template *t, const char *format) MUST_USE;
/* Zeroed is fine. */
void template_fini(struct template *t);

/*
 * The name at so many seconds since 1970; it belongs to the template and is valid until the next
 * call.
 */
struct str template_name(struct template *t, int64_t seconds);

#endif
