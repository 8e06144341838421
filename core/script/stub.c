/* stub: when, what and from whom, and the rule that failed; nothing else of the record. */
#include "script/stub.h"

#include "bsm/sink_json.h"

void
stub_failed_tag(struct buf *out, const char *rule)
{
	buf_append(out, "rule_failed:", 12);
	buf_append(out, rule, strlen(rule));
}

void
stub_write(
    const struct record *record, const struct origin *origin, const char *rule, struct buf *out)
{
	static const enum field fields[] = { FIELD_TIME, FIELD_EVENT, FIELD_FROM, FIELD_HOST,
		FIELD_PRINCIPAL, FIELD_RECEIVED, FIELD_SENDER_SEQUENCE };
	struct buf tag = { 0 };
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (document_has(record, origin, fields[i])) {
			json_key(&j, key_names[fields[i]].at, key_names[fields[i]].len);
			if (!document_field(record, origin, fields[i], &sink_json, &j))
				out->failed = true;
		}
	json_key(&j, "tags", 4);
	json_open(&j, '[');
	json_text(&j, "withheld", 8);
	stub_failed_tag(&tag, rule);
	json_text(&j, tag.at, tag.len);
	json_close(&j, ']');
	json_close(&j, '}');
	out->failed |= buf_failed(&tag);
	buf_fini(&tag);
}
