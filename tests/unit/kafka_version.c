/* A librdkafka that is known to fail us is refused, its neighbours are not. */
#include "tests/unit/test.h"

#include "common/kafka_version.h"

static const struct {
    int version;
    bool usable;
} VERSIONS[] = {
    {0x010900ff, false}, {0x020001ff, false}, {0x020002ff, true},  {0x020801ff, true}, {0x020405ff, true},
    {0x020500ff, false}, {0x020502ff, false}, {0x02050201, false}, {0x020503ff, true}, {0x020600ff, false},
    {0x020601ff, true},  {0x020902ff, true},  {0x020a00ff, false}, {0x020a01ff, true}, {0x020f00ff, true},
};

static void known_faults_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(VERSIONS); i++)
        assert_int_equal(kafka_version_problem(VERSIONS[i].version) == NULL, VERSIONS[i].usable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_faults_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
