/* simulate_life.h: the script of one call's life, from its first ring to its analysis. Pure: no clock, no randomness but
 * the seed's.
 *
 *      (seed, index, start) ──> life ──> steps: what Retell would tell us, and when
 *                                 └────> the call object, as it would be at any moment (simulate_body.h)
 *
 * Seed, index and start are in the call id, so a life can be made again from its id alone: the stand-in for Retell's API
 * remembers nothing and yet knows every call of every earlier run with the same numbers.
 */
#ifndef HOOKLINE_CTL_SIMULATE_LIFE_H
#define HOOKLINE_CTL_SIMULATE_LIFE_H

#include "common/slice.h"
#include "ctl/simulate_words.h"

enum {
    LIFE_UTTERANCES_MAX = DIALOGUE_LINES_MAX,
    LIFE_TEXT_BYTES = 192,
    LIFE_WORD_BASE_MS = 100, /* speech: about 14 characters a second, as Retell's word times show it */
    LIFE_WORD_PER_BYTE_MS = 60,
    LIFE_WORD_PAUSE_MS = 40,
    LIFE_STEPS_MAX = LIFE_UTTERANCES_MAX + 3,
    LIFE_CALL_ID_BYTES = 40, /* "call_", 32 hex digits, NUL */
    LIFE_AGENT_ID_BYTES = 40,
};

/* What is the same for all lives of a run. Borrowed texts. */
struct life_options {
    uint64_t seed;              /* the lowest 40 bits count */
    const char *const *numbers; /* the companies' own numbers, at least one */
    size_t number_count;
    const char *const *agents; /* agent ids, one for each number in turn; none: made of the number */
    size_t agent_count;
    int64_t life_min_ms, life_max_ms; /* of a conversation */
    double transcripts;               /* share of calls whose agent also sends transcript_updated */
};

enum life_outcome { LIFE_CONVERSATION, LIFE_VOICEMAIL, LIFE_NOT_CONNECTED, LIFE_ERROR };

enum life_step_kind { LIFE_CALL_STARTED, LIFE_TRANSCRIPT_UPDATED, LIFE_CALL_ENDED, LIFE_CALL_ANALYZED };

struct life_step {
    enum life_step_kind kind;
    int64_t at_ms; /* since the epoch: when Retell would send it */
};

struct life_utterance {
    bool by_agent;
    char text[LIFE_TEXT_BYTES];
    int64_t begin_ms, end_ms; /* since the call's start */
};

struct life {
    char call_id[LIFE_CALL_ID_BYTES], agent_id[LIFE_AGENT_ID_BYTES];
    uint32_t index;
    enum life_outcome outcome;
    bool outbound;
    int64_t start_ms, end_ms, analyzed_ms; /* since the epoch */
    const char *our_number, *firm, *agent_name, *given_name, *family_name, *day, *time, *reason;
    char other_number[NUMBER_TEXT_BYTES];
    const struct dialogue *dialogue;
    char summary[LIFE_TEXT_BYTES];
    struct life_utterance utterances[LIFE_UTTERANCES_MAX];
    size_t utterance_count;
    /* Of the agent's answers, end to end, in order; 0 where the caller spoke. The greeting has one, too, said or not. */
    int64_t latencies_ms[LIFE_UTTERANCES_MAX], greeting_latency_ms;
    struct life_step steps[LIFE_STEPS_MAX];
    size_t step_count;
};

void life_make(struct life *life, const struct life_options *options, uint32_t index, int64_t start_ms);

/* The life that has this call id; false if the id is none of ours. */
bool life_of_call_id(struct life *life, const struct life_options *options, struct slice call_id);

/* "call_started" … */
const char *life_step_event(enum life_step_kind kind);

/* The next number of a splitmix64 sequence, and the same as a share in [0, 1). */
uint64_t life_random(uint64_t *state);
double life_random_share(uint64_t *state);

#endif
