/* failpoint.c: reads HOOKLINE_FAILPOINT once and counts passes. Compiled only with -Dfailpoints=true.
 *
 * Refuses to run with a rule that it cannot read: a test whose fault never happens would pass for the wrong reason. */
#include "common/failpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/text.h"

enum { RULES_MAX = 16 };

enum action { ACTION_KILL, ACTION_STOP, ACTION_ERROR };

struct rule {
    struct slice place;
    enum action action;
    bool repeated;    /* "1/50": every 50th pass; else once, at that pass */
    int64_t at, seen; /* passes */
};

static struct {
    bool read;
    size_t count;
    struct rule rules[RULES_MAX];
} plan;

static void unreadable(struct slice text)
{
    fprintf(stderr, "HOOKLINE_FAILPOINT: %.*s is not PLACE:kill|stop|error:N or 1/N\n", SLICE_PRINT(text));
    _exit(78);
}

/* What stands before `end`, and *rest after it; all of it if there is no `end`. */
static struct slice part(struct slice text, char end, struct slice *rest)
{
    const char *at = memchr(text.ptr, end, text.len);
    size_t len = at ? (size_t)(at - text.ptr) : text.len;
    *rest = slice_from(text, at ? len + 1 : len);
    return (struct slice){text.ptr, len};
}

static struct rule rule_read(struct slice text)
{
    static const char *const ACTIONS[] = {"kill", "stop", "error"};
    struct rule rule = {0};
    struct slice rest = text;
    rule.place = part(rest, ':', &rest);
    struct slice action = part(rest, ':', &rest);
    size_t found = 0;
    while (found < COUNT(ACTIONS) && !slice_equals(action, ACTIONS[found]))
        found++;
    rule.action = (enum action)found;
    rule.repeated = slice_starts_with(rest, "1/");
    if (found == COUNT(ACTIONS) || !text_read_int(slice_from(rest, rule.repeated ? 2 : 0), &rule.at) || rule.at < 1)
        unreadable(text);
    return rule;
}

static void plan_read(void)
{
    plan.read = true;
    const char *text = getenv("HOOKLINE_FAILPOINT");
    struct slice rest = slice_of(text ? text : "");
    while (rest.len > 0) {
        struct slice one = part(rest, ',', &rest);
        if (plan.count == RULES_MAX)
            unreadable(one);
        plan.rules[plan.count++] = rule_read(one);
    }
}

/* ".decided" is everybody's own. */
static bool is_place(struct slice named, const char *place)
{
    static const char FAMILY[] = "hookline-";
    if (*place != '.')
        return slice_equals(named, place);
    const char *program = program_invocation_short_name;
    if (strncmp(program, FAMILY, sizeof FAMILY - 1) == 0)
        program += sizeof FAMILY - 1;
    return slice_starts_with(named, program) && slice_equals(slice_from(named, strlen(program)), place);
}

static bool is_due(struct rule *rule)
{
    rule->seen++;
    return rule->repeated ? rule->seen % rule->at == 0 : rule->seen == rule->at;
}

bool failpoint_reached(const char *place)
{
    static const int SIGNALS[] = {[ACTION_KILL] = SIGKILL, [ACTION_STOP] = SIGSTOP};
    bool error = false;
    if (!plan.read)
        plan_read();
    for (size_t i = 0; i < plan.count; i++) {
        struct rule *rule = &plan.rules[i];
        if (!is_place(rule->place, place) || !is_due(rule))
            continue;
        fprintf(stderr, "failpoint %.*s, pass %lld\n", SLICE_PRINT(rule->place), (long long)rule->seen);
        if (rule->action == ACTION_ERROR)
            error = true;
        else
            kill(getpid(), SIGNALS[rule->action]);
    }
    return error;
}
