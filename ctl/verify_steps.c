/* verify_steps.c: see verify_steps.h. */
#include "ctl/verify_steps.h"

#include <math.h>
#include <stdio.h>

#include "common/buffer.h"
#include "ctl/verify_body.h"

enum { MS_PER_S = 1000 };

struct work {
    struct arena *arena;
    const struct verify_question *question;
    struct verify_answer answer;
    struct slice header;
    struct signature signature; /* read if form_fine */
    bool form_fine;
};

const char *verify_state_name(enum verify_state state)
{
    static const char *const NAMES[] = {[VERIFY_FINE] = "ok", [VERIFY_FAILED] = "FAILED", [VERIFY_UNKNOWN] = "-"};
    return NAMES[state];
}

static void say(struct work *work, int step, enum verify_state state, struct slice sentence)
{
    work->answer.steps[step].state = state;
    work->answer.steps[step].says = sentence;
}

/* header ------------------------------------------------------------------------------------------------------------ */

static const char *const FORMS[SOURCE_PROVIDERS] = {
    [SOURCE_RETELL] = "v=<milliseconds since 1970>,d=<64 hex digits>",
    [SOURCE_CALCOM] = "64 hex digits in small letters and nothing else",
    [SOURCE_STRIPE] = "t=<seconds since 1970>,v1=<64 hex digits>[,v1=…]",
};

static bool reads(const struct work *work, struct slice header)
{
    struct signature signature;
    enum signature_verdict verdict = work->question->provider->read(&signature, header, work->question->now_ms);
    return verdict == SIGNATURE_VALID || verdict == SIGNATURE_TIME;
}

/* The header without these characters, or in small letters. */
static struct slice changed(struct arena *arena, struct slice header, const char *without, bool small)
{
    char *text = arena_alloc(arena, header.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < header.len; i++) {
        char c = header.ptr[i];
        if (!c || !strchr(without, c))
            text[len++] = small && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return (struct slice){text, len};
}

static size_t hex_at_end(struct slice header)
{
    size_t count = 0;
    while (count < header.len && strchr("0123456789abcdefABCDEF", header.ptr[header.len - 1 - count]) &&
           header.ptr[header.len - 1 - count])
        count++;
    return count;
}

/* What exactly is wrong with a header that cannot be read; absent: nothing in particular. */
static struct slice form_fault(const struct work *work)
{
    struct arena *arena = work->arena;
    struct slice header = work->header;
    enum source_provider provider = work->question->provider->id;
    size_t hex = hex_at_end(header);
    if (header.len == 0)
        return SLICE("it is empty");
    if (reads(work, changed(arena, header, " \t\r\n\v\f", false)))
        return SLICE("it has white space in it, without which it could be read");
    if (reads(work, changed(arena, header, "\"'", false)))
        return SLICE("it has quotes around it");
    if (reads(work, changed(arena, header, "", true)))
        return SLICE("it has capital letters");
    if (provider == SOURCE_CALCOM && slice_starts_with(header, "sha256="))
        return SLICE("it begins with sha256=, as other platforms write it and Cal.com does not");
    if (provider == SOURCE_STRIPE && slice_starts_with(header, "t=") && !memmem(header.ptr, header.len, "v1=", 3))
        return SLICE("it has no v1, the only scheme that counts");
    if (provider == SOURCE_RETELL && slice_starts_with(header, "d="))
        return SLICE("d stands before v");
    if (hex != SIGNATURE_HEX && hex > 0)
        return arena_format(arena, "its digest has %zu hex digits instead of 64: it is cut off, or another hash", hex);
    return SLICE_ABSENT;
}

static void check_header(struct work *work)
{
    const struct verify_question *question = work->question;
    const struct provider *provider = question->provider;
    if (question->header_count != 1) {
        say(work, VERIFY_HEADER, VERIFY_FAILED,
            question->header_count == 0
                ? arena_format(work->arena, "there is no %s", provider->signature_field)
                : arena_format(work->arena, "there are %zu %s: ingest answers 400, whichever is right",
                               question->header_count, provider->signature_field));
        return;
    }
    enum signature_verdict verdict = provider->read(&work->signature, work->header, question->now_ms);
    work->form_fine = verdict == SIGNATURE_VALID || verdict == SIGNATURE_TIME;
    if (work->form_fine) {
        say(work, VERIFY_HEADER, VERIFY_FINE, arena_format(work->arena, "it has the form %s", FORMS[provider->id]));
        return;
    }
    struct slice fault = verdict == SIGNATURE_NO_SECRET
                             ? SLICE("Cal.com says that this webhook was set up without a secret: give it one there")
                             : form_fault(work);
    say(work, VERIFY_HEADER, VERIFY_FAILED,
        slice_absent(fault) ? arena_format(work->arena, "it has not the form %s", FORMS[provider->id])
                            : arena_format(work->arena, "%.*s; right is %s", SLICE_PRINT(fault), FORMS[provider->id]));
}

/* time -------------------------------------------------------------------------------------------------------------- */

static struct slice time_text(struct arena *arena, double time_ms)
{
    static const double YEAR_10000_MS = 253402300800000;
    struct buffer out = {0};
    if (!(time_ms >= 0 && time_ms < YEAR_10000_MS))
        return SLICE("no year that there is");
    buffer_add_time(&out, (int64_t)time_ms);
    struct slice text = arena_copy(arena, buffer_slice(&out));
    buffer_free(&out);
    return text;
}

static void check_time(struct work *work)
{
    const struct verify_question *question = work->question;
    const struct signature *signature = &work->signature;
    struct signature again;
    if (!work->form_fine)
        return;
    if (!signature->has_time) {
        say(work, VERIFY_TIME, VERIFY_FINE, SLICE("this provider's signatures have none, and so never grow old"));
        return;
    }
    double off_s = ((double)question->now_ms - signature->time_ms) / MS_PER_S;
    bool fine = question->provider->read(&again, work->header, question->now_ms) == SIGNATURE_VALID;
    struct slice signed_at = time_text(work->arena, signature->time_ms);
    struct slice looked_at = time_text(work->arena, (double)question->now_ms);
    const char *of_age =
        question->provider->id == SOURCE_STRIPE ? "of age " : ""; /* a time to come is accepted there */
    const char *hint = "";
    if (question->provider->id == SOURCE_RETELL && signature->time_ms < 1e11)
        hint = "; v is in milliseconds, and this looks like seconds";
    if (question->provider->id == SOURCE_STRIPE && signature->time_ms > 1e15)
        hint = "; t is in seconds, and this looks like milliseconds";
    say(work, VERIFY_TIME, fine ? VERIFY_FINE : VERIFY_FAILED,
        arena_format(work->arena,
                     "the clock is %.*f s off%s: signed %.*s, looked at %.*s; at most 300 s %sare allowed%s",
                     fabs(off_s) < 10 ? 1 : 0, fabs(off_s), off_s < 0 ? " (signed in the future)" : "",
                     SLICE_PRINT(signed_at), SLICE_PRINT(looked_at), of_age, hint));
}

/* key and digest ---------------------------------------------------------------------------------------------------- */

static bool matches(const struct work *work, const struct hmac_key *key, struct slice body)
{
    uint8_t digest[HMAC_BYTES];
    signature_digest(&work->signature, key, body, digest);
    return work->question->provider->matches(&work->signature, digest);
}

/* The first key of the provider's sources for which the body, or what it may have been, matches. */
static const struct source_key *key_that_matches(const struct work *work, struct slice body,
                                                 const struct source **source)
{
    const struct sources *sources = work->question->sources;
    for (size_t i = 0; i < sources->count; i++) {
        *source = &sources->items[i];
        for (size_t at = 0; (*source)->provider == work->question->provider->id && at < (*source)->key_count; at++)
            if (matches(work, (*source)->keys[at].hmac, body))
                return &(*source)->keys[at];
    }
    return NULL;
}

static void say_key(struct work *work, const struct source *source, const struct source_key *key)
{
    const struct verify_question *question = work->question;
    if (question->source && strcmp(question->source, source->name) != 0)
        say(work, VERIFY_KEY, VERIFY_FAILED,
            arena_format(work->arena, "matches source %s's key \"%s\", and the path names %s", source->name, key->id,
                         question->source));
    else if (!source_key_active(key, question->now_ms))
        say(work, VERIFY_KEY, VERIFY_FAILED,
            arena_format(work->arena, "matches key id \"%s\" of source %s, which expired %.*s", key->id, source->name,
                         SLICE_PRINT(time_text(work->arena, (double)key->expires_at_ms))));
    else
        say(work, VERIFY_KEY, VERIFY_FINE,
            arena_format(work->arena, "matches key id \"%s\" of source %s", key->id, source->name));
}

static bool try_bodies(struct work *work)
{
    struct body_variant variants[BODY_VARIANTS_MAX];
    const struct source *source = NULL;
    size_t count = body_variants(work->arena, work->question->body, variants);
    for (size_t i = 0; i < count; i++) {
        const struct source_key *key = key_that_matches(work, variants[i].body, &source);
        if (!key)
            continue;
        say_key(work, source, key);
        say(work, VERIFY_DIGEST, VERIFY_FAILED,
            arena_format(work->arena,
                         "matches if the body %s: something changed it on its way here; hand on the bytes as they came",
                         variants[i].how));
        return true;
    }
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool try_key_text(struct work *work, const struct source *source, const struct source_key *key,
                         struct slice text, const char *how)
{
    struct hmac_key *made = slice_same(text, key->text) ? NULL : hmac_key_new(text);
    bool found = made && matches(work, made, work->question->body);
    hmac_key_free(made);
    if (found)
        say(work, VERIFY_KEY, VERIFY_FAILED,
            arena_format(work->arena, "key id \"%s\" of source %s matches %s", key->id, source->name, how));
    return found;
}

static bool try_key(struct work *work, const struct source *source, const struct source_key *key)
{
    struct slice trimmed = key->text;
    while (trimmed.len && is_space(trimmed.ptr[0]))
        trimmed = slice_from(trimmed, 1);
    while (trimmed.len && is_space(trimmed.ptr[trimmed.len - 1]))
        trimmed.len--;
    return try_key_text(work, source, key, trimmed, "after trimming the key: remove the white space around it") ||
           try_key_text(work, source, key, arena_format(work->arena, "%.*s\n", SLICE_PRINT(key->text)),
                        "with a newline behind it: the sender's copy has one too many");
}

static bool try_keys(struct work *work)
{
    const struct sources *sources = work->question->sources;
    for (size_t i = 0; i < sources->count; i++)
        for (size_t at = 0; at < sources->items[i].key_count; at++)
            if (sources->items[i].provider == work->question->provider->id &&
                try_key(work, &sources->items[i], &sources->items[i].keys[at]))
                return true;
    return false;
}

static void check_key_and_digest(struct work *work)
{
    const struct source *source = NULL;
    if (!work->form_fine)
        return;
    const struct source_key *key = key_that_matches(work, work->question->body, &source);
    if (key) {
        say_key(work, source, key);
        say(work, VERIFY_DIGEST, VERIFY_FINE, SLICE("it is the digest of this body"));
        return;
    }
    if (try_bodies(work))
        return;
    if (try_keys(work)) {
        say(work, VERIFY_DIGEST, VERIFY_FINE, SLICE("it is the digest of this body with that key"));
        return;
    }
    say(work, VERIFY_KEY, VERIFY_FAILED, SLICE("no key that is known here matches, of whatever source"));
    say(work, VERIFY_DIGEST, VERIFY_FAILED,
        SLICE("neither this body nor what it may have been before matches: another key, or another body"));
}

struct verify_answer verify_find(struct arena *arena, const struct verify_question *question)
{
    static const char *const NAMES[VERIFY_STEPS] = {"header", "time", "key", "digest"};
    struct work work = {.arena = arena, .question = question};
    struct sender sender;
    struct route route = {question->provider, slice_of(question->source)};
    work.header = question->header_count == 1 ? question->headers[0] : SLICE_ABSENT;
    for (int i = 0; i < VERIFY_STEPS; i++) {
        work.answer.steps[i].name = NAMES[i];
        say(&work, i, VERIFY_UNKNOWN, SLICE("not looked at: the header cannot be read"));
    }
    check_header(&work);
    check_time(&work);
    check_key_and_digest(&work);
    work.answer.valid = question->header_count == 1 && sender_find(&sender, question->sources, &route, question->body,
                                                                   work.header, question->now_ms) == SIGNATURE_VALID;
    return work.answer;
}
