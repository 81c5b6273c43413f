/* resolve.c: the rules of resolve.h, in their order. */
#include "resolver/resolve.h"

enum { SOURCE, METADATA, NUMBER, AGENT, OWNER };

/* A company that is named must exist, and a branch counts only within it; a branch alone names its company. A company that
 * does not exist makes its branch worth nothing too: whoever wrote that metadata speaks of another system. */
static struct resolve_step metadata_says(const struct evidence *evidence)
{
    const struct mapping *company = &evidence->company_named;
    const struct mapping *branch = &evidence->branch_named;
    bool foreign = evidence->metadata_foreign;
    bool company_given = foreign || evidence->metadata_company || company->company_id;
    bool branch_given = evidence->metadata_branch || branch->company_id;
    struct resolve_step step = {.rule = RULE_METADATA};
    step.verdict = company_given || branch_given ? VERDICT_UNKNOWN : VERDICT_ABSENT;
    if (foreign)
        return step;
    step.company_id = company_given ? company->company_id : branch->company_id;
    bool within = step.company_id && branch->company_id == step.company_id;
    step.branch_id = within ? branch->branch_id : 0;
    step.branch_foreign = step.company_id && branch_given && !within;
    return step;
}

static struct resolve_step mapping_says(enum resolve_rule rule, bool given, const struct mapping *mapping)
{
    return (struct resolve_step){
        .rule = rule,
        .verdict = given ? VERDICT_UNKNOWN : VERDICT_ABSENT,
        .company_id = mapping->company_id,
        .branch_id = mapping->branch_id,
    };
}

/* Every rule heard; those that name a company have no verdict yet. */
static void hear(const struct evidence *evidence, struct resolve_step steps[RESOLVE_STEPS])
{
    enum resolve_rule number_rule = evidence->outbound ? RULE_FROM_NUMBER : RULE_TO_NUMBER;
    steps[SOURCE] = (struct resolve_step){.rule = RULE_SOURCE, .company_id = evidence->source_company};
    steps[METADATA] = metadata_says(evidence);
    steps[NUMBER] = mapping_says(number_rule, evidence->number_given, &evidence->number);
    steps[AGENT] = mapping_says(RULE_AGENT_ID, evidence->agent_given, &evidence->agent);
    steps[OWNER] = (struct resolve_step){
        .rule = RULE_OWNER,
        .verdict = evidence->owner_asked ? VERDICT_ABSENT : VERDICT_UNASKED,
        .company_id = evidence->owner_asked ? evidence->owner : 0,
    };
}

/* The first witness that names a company, NULL if none does; *conflict if a later one names another. */
static const struct resolve_step *agreement(const struct resolve_step steps[RESOLVE_STEPS], bool *conflict)
{
    const struct resolve_step *first = NULL;
    *conflict = false;
    for (size_t i = METADATA; i <= AGENT; i++) {
        if (!steps[i].company_id)
            continue;
        if (!first)
            first = &steps[i];
        else if (steps[i].company_id != first->company_id)
            *conflict = true;
    }
    return first;
}

/* The order of the rules is here, and nowhere else. */
static void decide(struct resolution *result)
{
    bool conflict = false;
    const struct resolve_step *named = agreement(result->steps, &conflict);
    const struct resolve_step *decides = NULL;
    if (result->steps[SOURCE].company_id)
        decides = &result->steps[SOURCE];
    else if (named && !conflict)
        decides = named;
    else if (result->steps[OWNER].company_id)
        decides = &result->steps[OWNER];
    if (decides) {
        result->rule = decides->rule;
        result->company_id = decides->company_id;
        return;
    }
    result->doubt = conflict ? DOUBT_COMPANY_CONFLICT : DOUBT_UNRESOLVED;
    result->owner_wanted = result->steps[OWNER].verdict == VERDICT_UNASKED;
}

static void choose_branch(struct resolution *result)
{
    for (size_t i = METADATA; i <= AGENT && !result->branch_id; i++)
        if (result->company_id && result->steps[i].company_id == result->company_id && result->steps[i].branch_id) {
            result->branch_id = result->steps[i].branch_id;
            result->branch_rule = result->steps[i].rule;
        }
}

static enum resolve_verdict verdict_on(const struct resolution *result, const struct resolve_step *step)
{
    if (!step->company_id)
        return step->verdict;
    if (!result->company_id)
        return VERDICT_DISPUTED;
    if (step->rule == result->rule)
        return VERDICT_DECIDES;
    return step->company_id == result->company_id ? VERDICT_AGREES : VERDICT_OVERRULED;
}

struct resolution resolve(const struct evidence *evidence)
{
    struct resolution result = {0};
    hear(evidence, result.steps);
    decide(&result);
    choose_branch(&result);
    for (size_t i = 0; i < RESOLVE_STEPS; i++)
        result.steps[i].verdict = verdict_on(&result, &result.steps[i]);
    return result;
}

const char *resolve_rule_name(enum resolve_rule rule)
{
    static const char *const NAMES[] = {"none", "source", "metadata", "to_number", "from_number", "agent_id", "owner"};
    return NAMES[rule];
}

const char *resolve_doubt_name(enum resolve_doubt doubt)
{
    static const char *const NAMES[] = {"", "unresolved", "company_conflict"};
    return NAMES[doubt];
}

const char *resolve_verdict_name(enum resolve_verdict verdict)
{
    static const char *const NAMES[] = {"absent", "unknown", "unasked", "decides", "agrees", "overruled", "disputed"};
    return NAMES[verdict];
}

static const char *step_text(const struct resolve_step *step, struct arena *arena)
{
    const char *rule = resolve_rule_name(step->rule);
    const char *verdict = resolve_verdict_name(step->verdict);
    long long company = (long long)step->company_id;
    if (!company)
        return arena_format(arena, "%s=%s", rule, verdict).ptr;
    if (step->branch_id)
        return arena_format(arena, "%s=%lld/%lld:%s", rule, company, (long long)step->branch_id, verdict).ptr;
    return arena_format(arena, "%s=%lld%s:%s", rule, company, step->branch_foreign ? "/!" : "", verdict).ptr;
}

struct slice resolve_explain(const struct resolution *resolution, struct arena *arena)
{
    const char *texts[RESOLVE_STEPS];
    for (size_t i = 0; i < RESOLVE_STEPS; i++)
        texts[i] = step_text(&resolution->steps[i], arena);
    return arena_format(arena, "%s %s %s %s %s", texts[SOURCE], texts[METADATA], texts[NUMBER], texts[AGENT],
                        texts[OWNER]);
}
