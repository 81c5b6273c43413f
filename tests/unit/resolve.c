/* Whose call is it: every rule, every conflict between rules, and what never decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/resolve.h"

/* A table row: companies and branches as "company" or "company, branch"; 0 is silence. */
struct row {
    const char *story;
    struct evidence evidence;
    struct resolution expected;
};

#define AT(company, branch)                                                                                            \
    {                                                                                                                  \
        .company_id = (company), .branch_id = (branch)                                                                 \
    }

static const struct row ROWS[] = {
    /* One rule at a time. */
    {"nothing is known", {.owner_asked = true}, {.doubt = DOUBT_UNRESOLVED}},
    {"nothing is known, the owner was not asked", {0}, {.doubt = DOUBT_UNRESOLVED, .owner_wanted = true}},
    {"the source is bound", {.source_company = 1}, {.rule = RULE_SOURCE, .company_id = 1}},
    {"metadata names a company",
     {.metadata_company = 2, .company_named = AT(2, 0)},
     {.rule = RULE_METADATA, .company_id = 2}},
    {"metadata names a company and one of its branches",
     {.metadata_company = 2, .company_named = AT(2, 0), .branch_named = AT(2, 5)},
     {.rule = RULE_METADATA, .company_id = 2, .branch_id = 5, .branch_rule = RULE_METADATA}},
    {"metadata names a branch alone",
     {.branch_named = AT(2, 5)},
     {.rule = RULE_METADATA, .company_id = 2, .branch_id = 5, .branch_rule = RULE_METADATA}},
    {"the number is a company's", {.number = AT(3, 0)}, {.rule = RULE_TO_NUMBER, .company_id = 3}},
    {"the number is a branch's",
     {.number = AT(3, 7)},
     {.rule = RULE_TO_NUMBER, .company_id = 3, .branch_id = 7, .branch_rule = RULE_TO_NUMBER}},
    {"an outbound call's number",
     {.outbound = true, .number = AT(3, 7)},
     {.rule = RULE_FROM_NUMBER, .company_id = 3, .branch_id = 7, .branch_rule = RULE_FROM_NUMBER}},
    {"a web call has its agent only",
     {.agent = AT(4, 9)},
     {.rule = RULE_AGENT_ID, .company_id = 4, .branch_id = 9, .branch_rule = RULE_AGENT_ID}},
    {"the owner, when all else is silent", {.owner_asked = true, .owner = 6}, {.rule = RULE_OWNER, .company_id = 6}},

    /* Foreign and invented ids in metadata. */
    {"a company that does not exist is none",
     {.metadata_company = 77, .owner_asked = true},
     {.doubt = DOUBT_UNRESOLVED}},
    {"a company that does not exist takes its branch with it",
     {.metadata_company = 77, .branch_named = AT(2, 5), .owner_asked = true},
     {.doubt = DOUBT_UNRESOLVED}},
    {"a company that does not exist leaves the number to decide",
     {.metadata_company = 77, .number = AT(3, 0)},
     {.rule = RULE_TO_NUMBER, .company_id = 3}},
    {"another company's branch is ignored",
     {.metadata_company = 2, .company_named = AT(2, 0), .branch_named = AT(3, 8)},
     {.rule = RULE_METADATA, .company_id = 2}},
    {"another company's branch is ignored, the number's counts",
     {.metadata_company = 2, .company_named = AT(2, 0), .branch_named = AT(3, 8), .number = AT(2, 4)},
     {.rule = RULE_METADATA, .company_id = 2, .branch_id = 4, .branch_rule = RULE_TO_NUMBER}},

    {"another company's branch, without a company, decides against nobody",
     {.metadata_branch = 8, .branch_named = AT(3, 8), .number = AT(2, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"a branch that does not exist is none",
     {.metadata_company = 2, .company_named = AT(2, 0), .metadata_branch = 99},
     {.rule = RULE_METADATA, .company_id = 2}},
    {"a branch alone that does not exist names nobody",
     {.metadata_branch = 99, .owner_asked = true},
     {.doubt = DOUBT_UNRESOLVED}},
    {"a company by a foreign name takes its branch with it",
     {.metadata_foreign = true, .branch_named = AT(2, 5), .owner_asked = true},
     {.doubt = DOUBT_UNRESOLVED}},
    {"a company by a foreign name leaves the number to decide",
     {.metadata_foreign = true, .branch_named = AT(2, 5), .number = AT(3, 0)},
     {.rule = RULE_TO_NUMBER, .company_id = 3}},
    {"a number and an agent that nobody has",
     {.number_given = true, .agent_given = true, .owner_asked = true},
     {.doubt = DOUBT_UNRESOLVED}},

    /* Agreement: the first names the rule, the first branch is the branch. */
    {"all three agree",
     {.metadata_company = 2, .company_named = AT(2, 0), .number = AT(2, 0), .agent = AT(2, 0)},
     {.rule = RULE_METADATA, .company_id = 2}},
    {"the first branch counts",
     {.metadata_company = 2, .company_named = AT(2, 0), .number = AT(2, 4), .agent = AT(2, 9)},
     {.rule = RULE_METADATA, .company_id = 2, .branch_id = 4, .branch_rule = RULE_TO_NUMBER}},
    {"number and agent agree, the agent knows the branch",
     {.number = AT(3, 0), .agent = AT(3, 9)},
     {.rule = RULE_TO_NUMBER, .company_id = 3, .branch_id = 9, .branch_rule = RULE_AGENT_ID}},
    {"the owner is not asked when the rest is clear, and does not decide",
     {.number = AT(3, 0), .owner_asked = true, .owner = 6},
     {.rule = RULE_TO_NUMBER, .company_id = 3}},

    /* Conflicts, two by two and all three. */
    {"metadata against number",
     {.metadata_company = 2, .company_named = AT(2, 0), .number = AT(3, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"metadata against agent",
     {.metadata_company = 2, .company_named = AT(2, 0), .agent = AT(4, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"number against agent",
     {.number = AT(3, 0), .agent = AT(4, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"two against one is a conflict too",
     {.metadata_company = 2, .company_named = AT(2, 0), .number = AT(2, 0), .agent = AT(4, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"three companies",
     {.metadata_company = 2, .company_named = AT(2, 0), .number = AT(3, 0), .agent = AT(4, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"metadata's branch alone against the number",
     {.branch_named = AT(2, 5), .number = AT(3, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"a conflict asks for the owner first",
     {.number = AT(3, 0), .agent = AT(4, 0)},
     {.doubt = DOUBT_COMPANY_CONFLICT, .owner_wanted = true}},
    {"three companies, and the owner is one of them",
     {.metadata_company = 2,
      .company_named = AT(2, 0),
      .number = AT(3, 7),
      .agent = AT(4, 0),
      .owner_asked = true,
      .owner = 3},
     {.rule = RULE_OWNER, .company_id = 3, .branch_id = 7, .branch_rule = RULE_TO_NUMBER}},
    {"metadata against number, and the owner is metadata's",
     {.metadata_company = 2,
      .company_named = AT(2, 0),
      .metadata_branch = 5,
      .branch_named = AT(2, 5),
      .number = AT(3, 0),
      .owner_asked = true,
      .owner = 2},
     {.rule = RULE_OWNER, .company_id = 2, .branch_id = 5, .branch_rule = RULE_METADATA}},
    {"metadata against agent, and the owner is neither's",
     {.metadata_company = 2, .company_named = AT(2, 0), .agent = AT(4, 9), .owner_asked = true, .owner = 6},
     {.rule = RULE_OWNER, .company_id = 6}},
    {"outbound: the number against the agent",
     {.outbound = true, .number = AT(3, 0), .agent = AT(4, 0), .owner_asked = true},
     {.doubt = DOUBT_COMPANY_CONFLICT}},
    {"the owner settles a conflict",
     {.number = AT(3, 1), .agent = AT(4, 9), .owner_asked = true, .owner = 4},
     {.rule = RULE_OWNER, .company_id = 4, .branch_id = 9, .branch_rule = RULE_AGENT_ID}},
    {"the owner settles a conflict for a third company, without a foreign branch",
     {.number = AT(3, 1), .agent = AT(4, 9), .owner_asked = true, .owner = 6},
     {.rule = RULE_OWNER, .company_id = 6}},

    /* A bound source is the company; the rest only chooses the branch within it. */
    {"a bound source, metadata of another company",
     {.source_company = 1, .metadata_company = 2, .company_named = AT(2, 0), .branch_named = AT(2, 5)},
     {.rule = RULE_SOURCE, .company_id = 1}},
    {"a bound source, metadata's branch",
     {.source_company = 1, .branch_named = AT(1, 3)},
     {.rule = RULE_SOURCE, .company_id = 1, .branch_id = 3, .branch_rule = RULE_METADATA}},
    {"a bound source, a foreign number, its own agent",
     {.source_company = 1, .number = AT(3, 7), .agent = AT(1, 2)},
     {.rule = RULE_SOURCE, .company_id = 1, .branch_id = 2, .branch_rule = RULE_AGENT_ID}},
    {"a bound source, all others in conflict",
     {.source_company = 1,
      .metadata_company = 2,
      .company_named = AT(2, 0),
      .number = AT(3, 7),
      .agent = AT(4, 9),
      .owner_asked = true,
      .owner = 4},
     {.rule = RULE_SOURCE, .company_id = 1}},
    {"a bound source, metadata's branch of another company and its own number",
     {.source_company = 1, .metadata_branch = 5, .branch_named = AT(2, 5), .number = AT(1, 7)},
     {.rule = RULE_SOURCE, .company_id = 1, .branch_id = 7, .branch_rule = RULE_TO_NUMBER}},
    {"a bound source, the call another company's so far",
     {.source_company = 1, .owner_asked = true, .owner = 4},
     {.rule = RULE_SOURCE, .company_id = 1}},
    {"a bound source, outbound",
     {.source_company = 1, .outbound = true, .number = AT(1, 7)},
     {.rule = RULE_SOURCE, .company_id = 1, .branch_id = 7, .branch_rule = RULE_FROM_NUMBER}},
};

static void every_case_is_decided_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct resolution got = resolve(&ROWS[i].evidence);
        const struct resolution *expected = &ROWS[i].expected;
        if (got.rule != expected->rule || got.doubt != expected->doubt || got.company_id != expected->company_id ||
            got.branch_id != expected->branch_id || got.branch_rule != expected->branch_rule ||
            got.owner_wanted != expected->owner_wanted)
            fail_msg("%s: %s %lld/%lld (branch by %s) %s %d", ROWS[i].story, resolve_rule_name(got.rule),
                     (long long)got.company_id, (long long)got.branch_id, resolve_rule_name(got.branch_rule),
                     resolve_doubt_name(got.doubt), got.owner_wanted);
    }
}

/* Over all small worlds: a company comes from somewhere, a branch is never another company's, and only a bound source or
 * agreement or the owner places a call. */
static void no_combination_guesses(void **state)
{
    (void)state;
    size_t placed = 0;
    for (unsigned world = 0; world < 3 * 3 * 3 * 3 * 3; world++) {
        int64_t source = world % 3;
        int64_t company = world / 3 % 3;
        int64_t number = world / 9 % 3;
        int64_t agent = world / 27 % 3;
        int64_t owner = world / 81 % 3;
        struct evidence evidence = {
            .source_company = source,
            .metadata_company = company,
            .company_named = AT(company, 0),
            .number = AT(number, number * 10),
            .agent = AT(agent, agent * 10),
            .owner_asked = true,
            .owner = owner,
        };
        struct resolution got = resolve(&evidence);
        int64_t named = company | number | agent; /* 0 silence, 1 or 2 agreement, 3 conflict */
        bool agreed = named == 1 || named == 2;
        assert_int_equal(got.company_id, source ? source : agreed ? named : owner);
        assert_int_equal(got.rule == RULE_NONE, got.company_id == 0);
        assert_int_equal(got.doubt == DOUBT_NONE, got.company_id != 0);
        assert_true(got.branch_id == 0 || got.branch_id == got.company_id * 10);
        placed += got.company_id != 0;
    }
    /* Not placed: an unbound source, no owner, and of 27 testimonies the one that is silence and the 12 in conflict. */
    assert_int_equal(placed, 243 - 13);
}

/* The log's line, for each thing that can become of a rule. */
static const struct {
    struct evidence evidence;
    const char *chain;
} CHAINS[] = {
    {{0}, "source=absent metadata=absent to_number=absent agent_id=absent owner=unasked"},
    {{.owner_asked = true}, "source=absent metadata=absent to_number=absent agent_id=absent owner=absent"},
    {{.number_given = true, .agent_given = true, .metadata_company = 7, .owner_asked = true},
     "source=absent metadata=unknown to_number=unknown agent_id=unknown owner=absent"},
    {{.metadata_branch = 7, .outbound = true},
     "source=absent metadata=unknown from_number=absent agent_id=absent owner=unasked"},
    {{.metadata_foreign = true, .branch_named = AT(2, 5)},
     "source=absent metadata=unknown to_number=absent agent_id=absent owner=unasked"},
    {{.metadata_company = 7, .number_given = true, .number = AT(1, 3), .agent = AT(1, 0)},
     "source=absent metadata=unknown to_number=1/3:decides agent_id=1:agrees owner=unasked"},
    {{.metadata_company = 2, .company_named = AT(2, 0), .metadata_branch = 8, .branch_named = AT(3, 8)},
     "source=absent metadata=2/!:decides to_number=absent agent_id=absent owner=unasked"},
    {{.metadata_company = 2, .company_named = AT(2, 0), .metadata_branch = 99},
     "source=absent metadata=2/!:decides to_number=absent agent_id=absent owner=unasked"},
    {{.metadata_branch = 5, .branch_named = AT(2, 5), .outbound = true, .number = AT(2, 4)},
     "source=absent metadata=2/5:decides from_number=2/4:agrees agent_id=absent owner=unasked"},
    {{.number = AT(3, 7), .agent = AT(4, 0)},
     "source=absent metadata=absent to_number=3/7:disputed agent_id=4:disputed owner=unasked"},
    {{.number = AT(3, 7), .agent = AT(4, 0), .owner_asked = true, .owner = 4},
     "source=absent metadata=absent to_number=3/7:overruled agent_id=4:agrees owner=4:decides"},
    {{.source_company = 1, .number_given = true, .number = AT(3, 7), .agent = AT(1, 2)},
     "source=1:decides metadata=absent to_number=3/7:overruled agent_id=1/2:agrees owner=unasked"},
    {{.number = AT(3, 0), .owner_asked = true, .owner = 6},
     "source=absent metadata=absent to_number=3:decides agent_id=absent owner=6:overruled"},
};

static void the_chain_says_what_became_of_every_rule(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(CHAINS); i++) {
        struct resolution resolution = resolve(&CHAINS[i].evidence);
        assert_string_equal(resolve_explain(&resolution, arena).ptr, CHAINS[i].chain);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_decided_as_the_table_says),
        cmocka_unit_test(no_combination_guesses),
        cmocka_unit_test(the_chain_says_what_became_of_every_rule),
    };
    return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
