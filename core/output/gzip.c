/* gzip: one call of zlib at its fastest level. */
#include "output/gzip.h"

#include <limits.h>
#include <zlib.h>

#define LEVEL       1
#define WINDOW_GZIP (15 + 16) /* zlib's way to say: with a gzip head and checksum */

bool
gzip_pack(struct buf *out, struct str in)
{
	z_stream z = { 0 };
	uLong bound;
	int rc;

	if (in.len > UINT_MAX / 2 ||
	    deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	bound = deflateBound(&z, in.len);
	if (!buf_need(out, bound)) {
		deflateEnd(&z);
		return false;
	}
	z.next_in = (Bytef *)(uintptr_t)in.at;
	z.avail_in = (uInt)in.len;
	z.next_out = (Bytef *)buf_end(out);
	z.avail_out = (uInt)bound;
	rc = deflate(&z, Z_FINISH);
	out->len += z.total_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END;
}
