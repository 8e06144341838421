/* Any bytes as one record: decoded, walked, written. The first byte chooses the dialect. */
#include "document_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record record; /* made anew, so that nothing of an earlier one helps */
	struct buf whole = { 0 }, parts = { 0 };
	struct dialect dialect = { 0 };
	struct origin origin = { 0 };
	uint8_t *exact;

	if (size == 0)
		return 0;
	must(record_init(&record), "memory");
	dialect.natural_ports = data[0] & 1;
	dialect.apple = data[0] & 2;
	dialect.events = data[0] & 4 ? EVENTS_SMARTOS : EVENTS_ILLUMOS;
	origin.present = data[0] & 8;
	origin.from = STR("192.0.2.1");
	origin.host = data[0] & 16 ? STR("caf\xe9") : STR("");
	/* Exactly as many bytes as there are: a read beyond them is seen. */
	exact = malloc(size > 1 ? size - 1 : 1);
	must(exact != NULL, "memory");
	memcpy(exact, data + 1, size - 1);
	record_decode(&record, exact, size - 1, &dialect);
	document_check(&record, &origin, &whole, &parts);
	free(exact);
	record_fini(&record);
	buf_fini(&whole);
	buf_fini(&parts);
	return 0;
}
