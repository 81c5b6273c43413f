/* resolve.c: the rules of resolve.h, in their order. */
#include "resolver/resolve.h"

/* What one rule says: a company, perhaps a branch of it; company_id 0 is silence. */
struct witness {
    enum resolve_rule rule;
    int64_t company_id, branch_id;
};

enum { WITNESSES = 3 };

/* A company that is named must exist, and a branch counts only within it; a branch alone names its company. A company that
 * does not exist makes its branch worth nothing too: whoever wrote that metadata speaks of another system. */
static struct witness metadata_says(const struct evidence *evidence)
{
    const struct mapping *company = &evidence->company_named;
    const struct mapping *branch = &evidence->branch_named;
    if (!evidence->metadata_company)
        return (struct witness){RULE_METADATA, branch->company_id, branch->branch_id};
    bool within = company->company_id && branch->company_id == company->company_id;
    return (struct witness){RULE_METADATA, company->company_id, within ? branch->branch_id : 0};
}

static void hear(const struct evidence *evidence, struct witness witnesses[WITNESSES])
{
    enum resolve_rule number_rule = evidence->outbound ? RULE_FROM_NUMBER : RULE_TO_NUMBER;
    witnesses[0] = metadata_says(evidence);
    witnesses[1] = (struct witness){number_rule, evidence->number.company_id, evidence->number.branch_id};
    witnesses[2] = (struct witness){RULE_AGENT_ID, evidence->agent.company_id, evidence->agent.branch_id};
}

/* The first witness that names a company; *conflict if a later one names another. */
static struct witness agreement(const struct witness witnesses[WITNESSES], bool *conflict)
{
    struct witness first = {0};
    *conflict = false;
    for (size_t i = 0; i < WITNESSES; i++) {
        if (!witnesses[i].company_id)
            continue;
        if (!first.company_id)
            first = witnesses[i];
        else if (witnesses[i].company_id != first.company_id)
            *conflict = true;
    }
    return first;
}

static struct resolution placed(enum resolve_rule rule, int64_t company_id, const struct witness witnesses[WITNESSES])
{
    struct resolution result = {.rule = rule, .company_id = company_id};
    for (size_t i = 0; i < WITNESSES && !result.branch_id; i++)
        if (witnesses[i].company_id == company_id && witnesses[i].branch_id) {
            result.branch_id = witnesses[i].branch_id;
            result.branch_rule = witnesses[i].rule;
        }
    return result;
}

struct resolution resolve(const struct evidence *evidence)
{
    struct witness witnesses[WITNESSES];
    hear(evidence, witnesses);
    if (evidence->source_company)
        return placed(RULE_SOURCE, evidence->source_company, witnesses);

    bool conflict = false;
    struct witness named = agreement(witnesses, &conflict);
    if (named.company_id && !conflict)
        return placed(named.rule, named.company_id, witnesses);
    if (evidence->owner_asked && evidence->owner)
        return placed(RULE_OWNER, evidence->owner, witnesses);
    return (struct resolution){
        .doubt = conflict ? DOUBT_COMPANY_CONFLICT : DOUBT_UNRESOLVED,
        .owner_wanted = !evidence->owner_asked,
    };
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

static struct slice said(const struct witness *witness, int64_t named, struct arena *arena)
{
    if (!witness->company_id)
        return named ? arena_format(arena, "%lld!", (long long)named) : SLICE("-");
    if (!witness->branch_id)
        return arena_format(arena, "%lld", (long long)witness->company_id);
    return arena_format(arena, "%lld/%lld", (long long)witness->company_id, (long long)witness->branch_id);
}

struct slice resolve_explain(const struct evidence *evidence, struct arena *arena)
{
    struct witness witnesses[WITNESSES];
    hear(evidence, witnesses);
    struct witness source = {RULE_SOURCE, evidence->source_company, 0};
    struct witness owner = {RULE_OWNER, evidence->owner, 0};
    struct slice owner_said = evidence->owner_asked ? said(&owner, 0, arena) : SLICE("?");
    return arena_format(arena, "source=%s metadata=%s %s=%s agent_id=%s owner=%s", said(&source, 0, arena).ptr,
                        said(&witnesses[0], evidence->metadata_company, arena).ptr,
                        resolve_rule_name(witnesses[1].rule), said(&witnesses[1], 0, arena).ptr,
                        said(&witnesses[2], 0, arena).ptr, owner_said.ptr);
}
