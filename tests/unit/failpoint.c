/* A failpoint acts at the pass that was named, at no other, and only at its own place. */
#include "tests/unit/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/failpoint.h"

/* The plan is read once a process: each case gets its own. Returns how it ended: exit code, or minus the signal. */
static int in_a_process(const char *rules, const char *place, int passes)
{
    pid_t child = fork();
    if (child == 0) {
        int errors = 0;
        setenv("HOOKLINE_FAILPOINT", rules, 1);
        for (int i = 0; i < passes; i++)
            errors += failpoint_reached(place);
        _exit(errors);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static const struct {
    const char *rules, *place;
    int passes, end;
} CASES[] = {
    {"", "session.decided", 10, 0},
    {"session.decided:kill:3", "session.decided", 2, 0},
    {"session.decided:kill:3", "session.decided", 3, -SIGKILL},
    {"session.decided:kill:1", "resolver.decided", 10, 0},
    {"session.decided:error:2", "session.decided", 10, 1},
    {"session.decided:error:1/4", "session.decided", 10, 2},
    {"a.b:error:1,session.decided:error:1/2", "session.decided", 10, 5},
    {"unit-failpoint.decided:error:1", ".decided", 10, 1}, /* a place of all programs, under this one's name */
    {"session.decided:error:1", ".decided", 10, 0},
    {"unit-failpoint.decided2:error:1", ".decided", 10, 0},
    {"session.decided:explode:1", "session.decided", 1, 78},
    {"session.decided:kill", "session.decided", 1, 78},
    {"session.decided:kill:0", "session.decided", 1, 78},
};

static void each_rule_acts_at_its_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(in_a_process(CASES[i].rules, CASES[i].place, CASES[i].passes), CASES[i].end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_rule_acts_at_its_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
