/* simulate_life.c: see simulate_life.h. */
#include "ctl/simulate_life.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/text.h"

/* How often each outcome comes, in percent of all calls; the rest are conversations. A third of the outbound calls reach
 * nobody, which is what keeps "not_connected" in sight. */
enum {
    OUTBOUND_PERCENT = 15,
    UNANSWERED_PERCENT_OF_OUTBOUND = 35,
    VOICEMAIL_PERCENT_OF_OUTBOUND = 25,
    ERROR_PERCENT = 2
};

enum { TURN_PAUSE_MS = 300 };

static const uint64_t SEED_MASK = (UINT64_C(1) << 40) - 1;

uint64_t life_random(uint64_t *state)
{
    /* splitmix64, Steele, Lea, Flood 2014: any state is a good seed. */
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

double life_random_share(uint64_t *state)
{
    return (double)(life_random(state) >> 11) * 0x1p-53;
}

static int64_t between(uint64_t *state, int64_t low, int64_t high)
{
    return high <= low ? low : low + (int64_t)(life_random(state) % (uint64_t)(high - low + 1));
}

static bool percent(uint64_t *state, uint64_t chance)
{
    return life_random(state) % 100 < chance;
}

/* Number of a text, the same in every run: agents and names hang on numbers, not on chance. FNV-1a. */
static uint64_t number_of_text(const char *text)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
    return hash;
}

/* One byte over the others: an id that a person mistyped is unknown, as it would be at Retell. */
static unsigned check_of(int64_t start_ms, uint64_t seed, uint32_t index)
{
    uint64_t state = (uint64_t)start_ms ^ seed << 20 ^ index;
    return (unsigned)(life_random(&state) & 0xFF);
}

static void print_call_id(char *out, int64_t start_ms, uint64_t seed, uint32_t index)
{
    snprintf(out, LIFE_CALL_ID_BYTES, "call_%012" PRIx64 "%010" PRIx64 "%08" PRIx32 "%02x",
             (uint64_t)start_ms & ((UINT64_C(1) << 48) - 1), seed, index, check_of(start_ms, seed, index));
}

static void choose_people(struct life *life, const struct life_options *options, uint64_t *state)
{
    size_t which = (size_t)(life_random(state) % options->number_count);
    life->our_number = options->numbers[which];
    uint64_t agent = number_of_text(life->our_number);
    if (options->agent_count > 0)
        snprintf(life->agent_id, sizeof life->agent_id, "%s", options->agents[which % options->agent_count]);
    else
        snprintf(life->agent_id, sizeof life->agent_id, "agent_%016" PRIx64, agent);
    life->agent_name = words_agent_name(agent);
    life->firm = words_firm(agent >> 8);

    words_number(life->other_number, life_random(state) >> 8);
    uint64_t person = number_of_text(life->other_number);
    life->given_name = words_given_name(person >> 16);
    life->family_name = words_family_name(person >> 32);
    life->outbound = percent(state, OUTBOUND_PERCENT);
}

static void choose_outcome(struct life *life, uint64_t *state)
{
    static const char *const UNANSWERED[] = {"dial_no_answer", "dial_busy", "dial_failed", "user_declined"};
    static const char *const BROKEN[] = {"error_llm_websocket_runtime", "error_no_audio_received", "error_asr"};
    static const char *const OVER[] = {"user_hangup", "agent_hangup", "user_hangup", "call_transfer"};

    if (life->outbound && percent(state, UNANSWERED_PERCENT_OF_OUTBOUND)) {
        life->outcome = LIFE_NOT_CONNECTED;
        life->reason = UNANSWERED[life_random(state) % COUNT(UNANSWERED)];
    } else if (life->outbound && percent(state, VOICEMAIL_PERCENT_OF_OUTBOUND)) {
        life->outcome = LIFE_VOICEMAIL;
        life->reason = "voicemail_reached";
    } else if (percent(state, ERROR_PERCENT)) {
        life->outcome = LIFE_ERROR;
        life->reason = BROKEN[life_random(state) % COUNT(BROKEN)];
    } else {
        life->outcome = LIFE_CONVERSATION;
        life->reason = OVER[life_random(state) % COUNT(OVER)];
    }
}

/* A dialogue's line with its {words} filled in. The unit test holds every line of simulate_words.c below LIFE_TEXT_BYTES. */
static void fill_line(char *out, const char *line, const struct life *life)
{
    const struct {
        const char *word, *text;
    } fills[] = {{"{name}", life->family_name}, {"{day}", life->day}, {"{time}", life->time}, {"{firm}", life->firm}};
    size_t len = 0;
    while (*line && len + 1 < LIFE_TEXT_BYTES) {
        size_t i = 0;
        while (i < COUNT(fills) && strncmp(line, fills[i].word, strlen(fills[i].word)) != 0)
            i++;
        if (i == COUNT(fills)) {
            out[len++] = *line++;
            continue;
        }
        int added = snprintf(out + len, LIFE_TEXT_BYTES - len, "%s", fills[i].text);
        len += (size_t)added < LIFE_TEXT_BYTES - len ? (size_t)added : LIFE_TEXT_BYTES - 1 - len;
        line += strlen(fills[i].word);
    }
    out[len] = '\0';
}

static int64_t spoken_ms(const char *text)
{
    int64_t ms = 0;
    for (const char *at = text; *at;) {
        size_t word = strcspn(at, " ");
        ms += LIFE_WORD_BASE_MS + LIFE_WORD_PER_BYTE_MS * (int64_t)word + LIFE_WORD_PAUSE_MS;
        at += word + (at[word] == ' ');
    }
    return ms - LIFE_WORD_PAUSE_MS;
}

/* As much of the dialogue as the call is long. The agent's answers come after its latency, the caller's after a breath. */
static void speak(struct life *life, uint64_t *state)
{
    int64_t at_ms = 400, room_ms = life->end_ms - life->start_ms;
    bool alone = life->outcome == LIFE_VOICEMAIL;
    life->greeting_latency_ms = between(state, 300, 900);
    for (size_t i = 0; life->dialogue->lines[i] && i < LIFE_UTTERANCES_MAX && !(alone && i > 0); i++) {
        struct life_utterance *utterance = &life->utterances[life->utterance_count];
        utterance->by_agent = i % 2 == 0;
        int64_t pause_ms = TURN_PAUSE_MS;
        if (utterance->by_agent && i > 0) /* one answer in two hundred takes far too long, as it does */
            pause_ms = percent(state, 1) && percent(state, 50) ? between(state, 5200, 7000) : between(state, 480, 1600);
        fill_line(utterance->text, life->dialogue->lines[i], life);
        utterance->begin_ms = at_ms + (i > 0 ? pause_ms : 0);
        utterance->end_ms = utterance->begin_ms + spoken_ms(utterance->text);
        if (utterance->end_ms > room_ms)
            return;
        life->latencies_ms[life->utterance_count++] = utterance->by_agent && i > 0 ? pause_ms : 0;
        at_ms = utterance->end_ms;
    }
}

static void add_step(struct life *life, enum life_step_kind kind, int64_t at_ms)
{
    life->steps[life->step_count++] = (struct life_step){kind, at_ms};
}

static void write_steps(struct life *life, bool transcripts, uint64_t *state)
{
    if (life->outcome != LIFE_NOT_CONNECTED)
        add_step(life, LIFE_CALL_STARTED, life->start_ms + between(state, 5, 60));
    for (size_t i = 0; transcripts && i < life->utterance_count; i++)
        if (!life->utterances[i].by_agent) /* Retell sends it when the turn is taken */
            add_step(life, LIFE_TRANSCRIPT_UPDATED, life->start_ms + life->utterances[i].end_ms);
    add_step(life, LIFE_CALL_ENDED, life->end_ms + between(state, 20, 250));
    add_step(life, LIFE_CALL_ANALYZED, life->analyzed_ms);
}

void life_make(struct life *life, const struct life_options *options, uint32_t index, int64_t start_ms)
{
    uint64_t seed = options->seed & SEED_MASK;
    uint64_t state = seed << 24 ^ (uint64_t)index << 1 ^ 1;
    (void)life_random(&state); /* neighbours part at once */

    memset(life, 0, sizeof *life);
    print_call_id(life->call_id, start_ms, seed, index);
    life->index = index;
    life->start_ms = start_ms;
    choose_people(life, options, &state);
    choose_outcome(life, &state);
    life->dialogue = words_dialogue(life_random(&state) >> 8);
    life->day = words_day(life_random(&state) >> 8);
    life->time = words_time(life_random(&state) >> 8);
    fill_line(life->summary, life->dialogue->summary, life);

    int64_t whole_ms = between(&state, options->life_min_ms, options->life_max_ms);
    life->end_ms = start_ms + (life->outcome == LIFE_ERROR ? whole_ms / 2 : whole_ms);
    life->analyzed_ms = life->end_ms + between(&state, 900, 3500);
    if (life->outcome != LIFE_NOT_CONNECTED)
        speak(life, &state);
    write_steps(life, life_random_share(&state) < options->transcripts, &state);
}

/* `count` lower-case hex digits at `at`. */
static bool read_hex(struct slice text, size_t at, size_t count, uint64_t *number)
{
    *number = 0;
    for (size_t i = at; i < at + count; i++) {
        const char *digits = "0123456789abcdef", *digit = memchr(digits, text.ptr[i], 16);
        if (!digit)
            return false;
        *number = *number << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

bool life_of_call_id(struct life *life, const struct life_options *options, struct slice call_id)
{
    uint64_t start_ms = 0, seed = 0, index = 0, check = 0;
    if (call_id.len != 5 + 32 || !slice_starts_with(call_id, "call_") || !read_hex(call_id, 5, 12, &start_ms) ||
        !read_hex(call_id, 17, 10, &seed) || !read_hex(call_id, 27, 8, &index) || !read_hex(call_id, 35, 2, &check) ||
        check != check_of((int64_t)start_ms, seed, (uint32_t)index))
        return false;
    struct life_options then = *options;
    then.seed = seed;
    life_make(life, &then, (uint32_t)index, (int64_t)start_ms);
    return true;
}

const char *life_step_event(enum life_step_kind kind)
{
    switch (kind) {
    case LIFE_CALL_STARTED:
        return "call_started";
    case LIFE_TRANSCRIPT_UPDATED:
        return "transcript_updated";
    case LIFE_CALL_ENDED:
        return "call_ended";
    case LIFE_CALL_ANALYZED:
        break;
    }
    return "call_analyzed";
}
