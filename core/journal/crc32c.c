/* crc32c: eight bytes at a time, by tables or by the processor's instruction. */
#include "journal/crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

/* tables[k][b]: what byte b does to a checksum k bytes further on. */
static uint32_t tables[8][256];
static pthread_once_t tables_made = PTHREAD_ONCE_INIT;

static void
make_tables(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (uint32_t b = 0; b < 256; b++)
			tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 255];
}

uint32_t
crc32c_plain(uint32_t before, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t crc = ~before;

	pthread_once(&tables_made, make_tables);
	for (; n >= 8; n -= 8, at += 8) {
		crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
		       (uint32_t)at[3] << 24;
		crc = tables[7][crc & 255] ^ tables[6][crc >> 8 & 255] ^
		      tables[5][crc >> 16 & 255] ^ tables[4][crc >> 24] ^ tables[3][at[4]] ^
		      tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
	}
	for (; n > 0; n--, at++)
		crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 255];
	return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse(uint32_t before, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint64_t crc = ~before, word;

	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; n > 0; n--, at++)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *at);
	return ~(uint32_t)crc;
}

uint32_t
crc32c(uint32_t before, const void *bytes, size_t n)
{
	return __builtin_cpu_supports("sse4.2") ? crc32c_sse(before, bytes, n)
						: crc32c_plain(before, bytes, n);
}

#else

uint32_t
crc32c(uint32_t before, const void *bytes, size_t n)
{
	return crc32c_plain(before, bytes, n);
}

#endif
