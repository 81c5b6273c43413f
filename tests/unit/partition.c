/* A key lies in the partition where Kafka's own Java client would put it. */
#include "tests/unit/test.h"

#include "common/producer.h"

/* 12 partitions; from Python: (murmur2(key) & 0x7fffffff) % 12 with the hashes that Kafka's own UtilsTest.java lists. */
static const struct {
    const char *key;
    int32_t hash;
} HASHES[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
};

static void keys_lie_where_java_puts_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(HASHES); i++) {
        uint32_t positive = (uint32_t)HASHES[i].hash & 0x7fffffff;
        assert_int_equal(partition_of_key(slice_of(HASHES[i].key), 12), positive % 12);
        assert_int_equal(partition_of_key(slice_of(HASHES[i].key), 7919), positive % 7919);
    }
}

static void bytes_above_127_are_not_negative(void **state)
{
    (void)state;
    /* murmur2("é" in UTF-8) with 8-bit bytes; with signed ones it would be another partition. */
    struct slice signed_look = {"\xc3\xa9\xff", 3};
    int32_t partition = partition_of_key(signed_look, 1 << 30);
    assert_in_range(partition, 0, (1 << 30) - 1);
    assert_int_not_equal(partition, partition_of_key((struct slice){"\xc3\xa9\x7f", 3}, 1 << 30));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_lie_where_java_puts_them),
        cmocka_unit_test(bytes_above_127_are_not_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
