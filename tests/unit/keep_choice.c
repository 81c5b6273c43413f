/* Where a webhook goes, for every state of the brokers and of the spool. */
#include "ingest/keep_choice.h"
#include "tests/unit/test.h"

#define YES true
#define NO  false

static const struct {
    struct keep_facts facts; /* may spool, spool takes, key waits, brokers up, brokers silent */
    enum keep_choice choice;
} CASES[] = {
    /* All is well. */
    {{YES, YES, NO, YES, NO}, CHOICE_BROKERS},
    {{YES, NO, NO, YES, NO}, CHOICE_BROKERS},
    /* Away or silent: at once, nobody waits in vain. */
    {{YES, YES, NO, NO, NO}, CHOICE_SPOOL},
    {{YES, YES, NO, YES, YES}, CHOICE_SPOOL},
    {{YES, YES, NO, NO, YES}, CHOICE_SPOOL},
    /* A full spool is as good as none: perhaps the brokers come back in time. */
    {{YES, NO, NO, NO, NO}, CHOICE_BROKERS},
    {{YES, NO, NO, YES, YES}, CHOICE_BROKERS},
    /* Its call waits in the spool: behind it, and where the spool takes nothing, before it. */
    {{YES, YES, YES, YES, NO}, CHOICE_SPOOL},
    {{YES, YES, YES, NO, NO}, CHOICE_SPOOL},
    {{YES, NO, YES, YES, NO}, CHOICE_BROKERS},
    {{YES, NO, YES, NO, YES}, CHOICE_BROKERS},
    /* A source that wants no spool waits for the brokers, whatever they do. */
    {{NO, YES, NO, YES, NO}, CHOICE_BROKERS},
    {{NO, YES, NO, NO, YES}, CHOICE_BROKERS},
    {{NO, NO, NO, NO, NO}, CHOICE_BROKERS},
};

static void every_state_has_one_choice(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++)
        if (keep_choose(CASES[i].facts) != CASES[i].choice)
            fail_msg("case %zu: %d, should be %d", i, keep_choose(CASES[i].facts), CASES[i].choice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_state_has_one_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
