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
 * the first of them that names one of its branches chooses the branch. What never decides: a caller's former company; known to
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
    int64_t metadata_company;     /* as named, existing or not; 0: none named */
    struct mapping company_named; /* what companies has under that id */
    struct mapping branch_named;  /* what branches has under metadata's branch id */
    bool outbound;
    struct mapping number;
    struct mapping agent;
    bool owner_asked;
    int64_t owner; /* 0: none, or not asked */
};

struct resolution {
    enum resolve_rule rule; /* RULE_NONE: see doubt */
    enum resolve_doubt doubt;
    int64_t company_id;
    int64_t branch_id;             /* 0: none, always one of the company's otherwise */
    enum resolve_rule branch_rule; /* RULE_NONE if there is no branch */
    bool owner_wanted;             /* open or in conflict, and the owner was not asked: ask, and resolve again */
};

struct resolution resolve(const struct evidence *evidence);

/* The word for ce_resolvedby; "none" for RULE_NONE. */
const char *resolve_rule_name(enum resolve_rule rule);
/* The word for parked_events.reason; "" for DOUBT_NONE. */
const char *resolve_doubt_name(enum resolve_doubt doubt);

/* What every rule said, in their order, for the log: "source=- metadata=7! to_number=1/3 agent_id=2 owner=?". "-" nothing,
 * "!" named but not there, "?" not asked. */
struct slice resolve_explain(const struct evidence *evidence, struct arena *arena);

#endif
