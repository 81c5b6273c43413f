/* A record of the spool as a line of JSON: everything of it is there, byte for byte. */
#include "ctl/spool_line.h"
#include "tests/unit/test.h"

static void a_record_is_one_line_with_all_that_it_has(void **state)
{
    (void)state;
    static const struct header HEADERS[] = {{"ce_id", {"0123", 4}}, {"none", {NULL, 0}}};
    struct spool_row row = {
        .sequence = 7,
        .received_ms = 1795253400123,
        .record = {.topic = "webhooks.retell",
                   .partition = RECORD_PARTITION_BY_KEY,
                   .key = SLICE("a"),
                   .value = {"\0\xff\n\"x", 5},
                   .headers = HEADERS,
                   .header_count = COUNT(HEADERS)},
    };
    struct buffer out = {0};
    spool_line_write(&out, &row);
    assert_slice(
        buffer_slice(&out),
        "{\"sequence\":7,\"received_at\":\"2026-11-21T09:30:00.123Z\",\"topic\":\"webhooks.retell\",\"partition\":-1,"
        "\"key\":\"YQ==\",\"headers\":[[\"ce_id\",\"MDEyMw==\"],[\"none\",null]],\"value\":\"AP8KIng=\"}\n");
    buffer_clear(&out);
    row.problem = "too \"large\"";
    row.record.header_count = 0;
    row.record.value = SLICE("abcdef");
    spool_line_write(&out, &row);
    assert_slice(
        buffer_slice(&out),
        "{\"sequence\":7,\"received_at\":\"2026-11-21T09:30:00.123Z\",\"topic\":\"webhooks.retell\",\"partition\":-1,"
        "\"key\":\"YQ==\",\"headers\":[],\"value\":\"YWJjZGVm\",\"problem\":\"too \\\"large\\\"\"}\n");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_record_is_one_line_with_all_that_it_has)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
