/* record_size.c: whether Kafka can take a record at all, known before it is sent. Pure.
 *
 * Kafka limits the batch (max.message.bytes) and librdkafka the record: 61 bytes of batch, then lengths and differences as
 * varints of at most 10 bytes each (kafka.apache.org, "Record Batch"). The reserve is generous: nobody misses a KiB. */
#include "common/producer.h"

enum { FRAMING_BYTES = 1024, HEADER_FRAMING_BYTES = 10 };

size_t record_bytes(const struct record *record)
{
    size_t bytes = FRAMING_BYTES + record->key.len + record->value.len;
    for (size_t i = 0; i < record->header_count; i++)
        bytes += HEADER_FRAMING_BYTES + strlen(record->headers[i].name) + record->headers[i].value.len;
    return bytes;
}

bool record_fits(const struct record *record)
{
    return record_bytes(record) <= MESSAGE_MAX_BYTES;
}
