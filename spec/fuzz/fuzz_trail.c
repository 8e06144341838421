/*
 * Any bytes as a trail file, read through a window that grows as it is asked to: every byte comes
 * out once, in order.
 */
#include "bsm/trail.h"
#include "document_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record record;
	static struct buf whole, parts;
	struct dialect dialect = { .record_max = 4096 };
	struct origin origin = { 0 };
	struct trail trail;
	struct trail_item item;
	enum trail_status status;
	size_t step, start = 0, end = 0;

	if (size == 0)
		return 0;
	if (record.scratch == NULL)
		must(record_init(&record), "memory");
	step = (size_t)data[0] + 1;
	data++;
	size--;
	trail_init(&trail, dialect.record_max);
	for (;;) {
		uint8_t *window = malloc(end - start > 0 ? end - start : 1);

		must(window != NULL, "memory");
		if (end > start)
			memcpy(window, data + start, end - start);
		status = trail_next(&trail, window, end - start, end == size, &item);
		if (status == TRAIL_RECORD || status == TRAIL_DAMAGE || status == TRAIL_CUT) {
			record_decode(&record, item.at, item.len, &dialect);
			document_check(&record, &origin, &whole, &parts);
		}
		free(window);
		if (status == TRAIL_END)
			break;
		if (status == TRAIL_MORE) {
			must(end < size, "more wanted only when there may be more");
			must(item.len > end - start, "more than there is");
			end = size - end < step ? size : end + step;
			continue;
		}
		must(item.len > 0 && item.len <= end - start, "an item within the window");
		must(item.offset == start, "no byte left out");
		start += item.len;
		must(trail.offset == start, "the trail's own count");
	}
	must(start == size, "every byte comes out");
	return 0;
}
