/* resolve.h: one decision: whose call is it?
 *
 *      1 source      the signing source is bound to a company: that is the company, whatever the rest says
 *      2 metadata    call.metadata names a company or a branch that exists
 *      3 to_number   the number called is a company's (outbound: from_number)
 *      4 agent_id    the agent is a company's
 *      5 owner       another event of the call was placed before; asked only if 2-4 are silent or disagree
 *      -             nobody's yet: parked as `unresolved`, or as `company_conflict` if 2-4 disagree
 *
 * 2, 3 and 4 are witnesses, not a ranking: if two name different companies neither is believed. Within the company found,
 * the first of them that names one of its branches chooses the branch. What became of every rule is kept in the result. What never decides: a caller's former company; known to
 * one company, ringing another's unmapped number, he would show it a stranger's call.
 *
 * No I/O, no clock.
 */
#ifndef HOOKLINE_RESOLVER_RESOLVE_H
#define HOOKLINE_RESOLVER_RESOLVE_H

#include "common/arena.h"
#include "resolver/mapping_cache.h"

enum resolve_rule {
    RULE_NONE,
    RULE_SOURCE,
    RULE_METADATA,
    RULE_TO_NUMBER,
    RULE_FROM_NUMBER,
    RULE_AGENT_ID,
    RULE_OWNER,
};

/* Why there is no company. */
enum resolve_doubt { DOUBT_NONE, DOUBT_UNRESOLVED, DOUBT_COMPANY_CONFLICT };

/* Everything that the decision rests on. A mapping that is all 0 says nothing. */
struct evidence {
    int64_t source_company;       /* 0: the source is bound to none */
    bool metadata_foreign;        /* metadata names a company by something that is no id of ours */
    int64_t metadata_company;     /* as named, existing or not; 0: none named */
    int64_t metadata_branch;      /* the same of the branch */
    struct mapping company_named; /* what companies has under that id */
    struct mapping branch_named;  /* what branches has under metadata's branch id */
    bool outbound;
    bool number_given, agent_given; /* the event has one, be it anybody's */
    struct mapping number;
    struct mapping agent;
    bool owner_asked;
    int64_t owner; /* 0: none, or not asked */
};

/* What became of one rule. */
enum resolve_verdict {
    VERDICT_ABSENT,    /* the event has nothing that it could go by; of the owner: there is none yet */
    VERDICT_UNKNOWN,   /* what the event names is nobody's */
    VERDICT_UNASKED,   /* the owner, who was not needed so far */
    VERDICT_DECIDES,   /* its company is the call's */
    VERDICT_AGREES,    /* it names the same company as the rule that decides */
    VERDICT_OVERRULED, /* it names another one */
    VERDICT_DISPUTED,  /* it names a company that another rule denies, and nobody settles it */
};

struct resolve_step {
    enum resolve_rule rule;
    enum resolve_verdict verdict;
    int64_t company_id;  /* 0: none */
    int64_t branch_id;   /* of that company; 0: none */
    bool branch_foreign; /* it names a branch that is not that company's: not believed */
};

/* The rules in their order; RULE_TO_NUMBER or RULE_FROM_NUMBER is the third. */
enum { RESOLVE_STEPS = 5 };

struct resolution {
    enum resolve_rule rule; /* RULE_NONE: see doubt */
    enum resolve_doubt doubt;
    int64_t company_id;
    int64_t branch_id;             /* 0: none, always one of the company's otherwise */
    enum resolve_rule branch_rule; /* RULE_NONE if there is no branch */
    bool owner_wanted;             /* open or in conflict, and the owner was not asked: ask, and resolve again */
    struct resolve_step steps[RESOLVE_STEPS];
};

struct resolution resolve(const struct evidence *evidence);

/* The word for ce_resolvedby; "none" for RULE_NONE. */
const char *resolve_rule_name(enum resolve_rule rule);
/* The word for parked_events.reason; "" for DOUBT_NONE. */
const char *resolve_doubt_name(enum resolve_doubt doubt);

/* The word for the log. */
const char *resolve_verdict_name(enum resolve_verdict verdict);

/* The whole chain for the log, rules in their order, ids only, no number and no name:
 *
 *      source=absent metadata=unknown to_number=1/3:decides agent_id=2:overruled owner=unasked
 *
 * "1/3" is company and branch, "2/!" a company and a branch that is not its own. */
struct slice resolve_explain(const struct resolution *resolution, struct arena *arena);

#endif
