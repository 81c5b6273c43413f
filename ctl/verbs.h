/* verbs.h: all verbs of the command, each in the file that bears its name. main.c lists them. */
#ifndef HOOKLINE_CTL_VERBS_H
#define HOOKLINE_CTL_VERBS_H

#include "ctl/verb.h"

extern const struct verb VERB_UP, VERB_DOWN, VERB_STATUS;
extern const struct verb VERB_MIGRATE;
extern const struct verb VERB_TOPICS_CREATE, VERB_TOPICS_LIST;
extern const struct verb VERB_COMPANY_ADD, VERB_COMPANY_LIST;
extern const struct verb VERB_BRANCH_ADD, VERB_BRANCH_LIST;
extern const struct verb VERB_NUMBER_ADD, VERB_NUMBER_LIST;
extern const struct verb VERB_AGENT_ADD, VERB_AGENT_LIST;
extern const struct verb VERB_TOKEN_CREATE, VERB_TOKEN_LIST, VERB_TOKEN_REVOKE;
extern const struct verb VERB_CALL_SHOW, VERB_CALL_ASSIGN;
extern const struct verb VERB_LAG;
extern const struct verb VERB_PARKED_LIST, VERB_PARKED_SHOW, VERB_PARKED_RELEASE;
extern const struct verb VERB_SEND, VERB_SIMULATE, VERB_VERIFY;
extern const struct verb VERB_SPOOL_LIST, VERB_SPOOL_DRAIN, VERB_SPOOL_EXPORT, VERB_SPOOL_SET_ASIDE, VERB_SPOOL_RETRY;
extern const struct verb VERB_PURGE, VERB_FORGET;

#endif
