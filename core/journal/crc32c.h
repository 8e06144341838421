/* crc32c: the Castagnoli checksum (RFC 3720, appendix B.4), by the processor where it can. */
#ifndef JOURNAL_CRC32C_H
#define JOURNAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from the checksum of what came before; 0 at the beginning. */
uint32_t crc32c(uint32_t before, const void *bytes, size_t n);
/* The same without the processor's help. */
uint32_t crc32c_plain(uint32_t before, const void *bytes, size_t n);

#endif
