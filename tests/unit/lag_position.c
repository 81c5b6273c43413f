/* What is not read yet is never hidden: not by a commit of another topic of that name, nor by one that retention passed. */
#include "tests/unit/test.h"

#include "ctl/lag_position.h"

static const struct {
    int64_t committed, low, high;
    int64_t next, unread;
    const char *note; /* words of it, "": none */
} CASES[] = {
    {-1001, 0, 0, 0, 0, ""},              /* nothing was ever written */
    {-1001, 0, 10, 0, 10, ""},            /* a new group begins at the beginning */
    {4, 0, 10, 4, 6, ""},                 /* behind */
    {10, 0, 10, 10, 0, ""},               /* all is read */
    {11, 0, 10, 0, 10, "beyond the end"}, /* the topic was made anew */
    {5000, 0, 0, 0, 0, "beyond the end"}, /* and is still empty */
    {3, 5, 10, 5, 5, "deleted unread"},   /* stopped for longer than the topic keeps records */
    {9, 10, 10, 10, 0, "deleted unread"}, /* none is left */
};

static void nothing_unread_is_hidden(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct lag_position position = lag_position_of(CASES[i].committed, CASES[i].low, CASES[i].high);
        assert_int_equal(position.next, CASES[i].next);
        assert_int_equal(position.unread, CASES[i].unread);
        if (*CASES[i].note == '\0')
            assert_null(position.note);
        else if (!position.note || !strstr(position.note, CASES[i].note))
            fail_msg("\"%s\" does not hold \"%s\"", position.note ? position.note : "", CASES[i].note);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_unread_is_hidden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
