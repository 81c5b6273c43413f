/* No forgery passes: signatures of every provider, altered at random in each way that changes what they say.
 *
 * Before each forgery the untouched original is accepted, so that a test that refuses everything fails. HOOKLINE_SEED=n
 * repeats a run, HOOKLINE_CASES=n sets how many forgeries (100 000 by default).
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "ingest/sender.h"
#include "tests/unit/test.h"

enum { CASES_DEFAULT = 100000, BODY_MAX = 512, HEADER_MAX = 256, DAY_S = 86400 };

static const int64_t NOW_MS = 1762862400500;

static uint64_t seed;

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t next_random(void)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = seed;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(size_t limit)
{
    return (size_t)(next_random() % limit);
}

/* ---- the sources: each provider has two, one of them in the middle of a rotation ---- */

static const struct source_key ACME_KEYS[] = {
    {.id = "old", .text = {"key_of_acme_old", 15}, .expires_at_ms = 1762862400000}, /* half a second ago */
    {.id = "now", .text = {"key_of_acme_now", 15}},
    {.id = "next", .text = {"key_of_acme_next", 16}},
};
static const struct source_key SHOP_KEYS[] = {{.id = "shop", .text = {"key_of_the_shop", 15}}};

static struct sources *make_sources(void)
{
    struct source items[2 * SOURCE_PROVIDERS];
    for (size_t i = 0; i < COUNT(items); i++)
        items[i] = (struct source){.name = i % 2 ? "shop" : "acme",
                                   .provider = (enum source_provider)(i / 2),
                                   .keys = i % 2 ? SHOP_KEYS : ACME_KEYS,
                                   .key_count = i % 2 ? COUNT(SHOP_KEYS) : COUNT(ACME_KEYS)};
    return sources_new(items, COUNT(items));
}

/* ---- a request and what signs it ---- */

struct request {
    struct route route;
    char body[BODY_MAX], header[HEADER_MAX];
    size_t body_len, header_len;
    int64_t now_ms;
};

static void sign(struct request *request, const char *key, int64_t time_ms)
{
    uint8_t digest[HMAC_BYTES];
    char hex[SIGNATURE_HEX + 1], before[32] = "", after[32] = "";
    enum source_provider provider = request->route.provider->id;
    if (provider == SOURCE_RETELL)
        snprintf(after, sizeof after, "%lld", (long long)time_ms);
    if (provider == SOURCE_STRIPE)
        snprintf(before, sizeof before, "%lld.", (long long)time_ms / 1000);
    struct hmac_key *made = hmac_key_new(slice_of(key));
    hmac_compute(made, (const struct slice[]){slice_of(before), {request->body, request->body_len}, slice_of(after)}, 3,
                 digest);
    hmac_key_free(made);
    signature_hex(digest, hex);
    int len = provider == SOURCE_RETELL ? snprintf(request->header, HEADER_MAX, "v=%s,d=%s", after, hex)
              : provider == SOURCE_STRIPE
                  ? snprintf(request->header, HEADER_MAX, "t=%lld,v1=%s", (long long)time_ms / 1000, hex)
                  : snprintf(request->header, HEADER_MAX, "%s", hex);
    request->header_len = (size_t)len;
}

static struct request random_request(void)
{
    static const char *const KEYS[] = {"key_of_acme_now", "key_of_acme_next"};
    struct request request = {.now_ms = NOW_MS, .body_len = 1 + below(BODY_MAX - 1)};
    request.route.provider = &PROVIDERS[below(SOURCE_PROVIDERS)];
    request.route.source = below(2) ? SLICE("acme") : SLICE_ABSENT;
    for (size_t i = 0; i < request.body_len; i++)
        request.body[i] = (char)next_random();
    sign(&request, KEYS[below(COUNT(KEYS))], NOW_MS - 250000 + (int64_t)below(500000));
    return request;
}

static bool accepted(const struct sources *sources, const struct request *request, struct slice header)
{
    struct sender sender;
    return sender_find(&sender, sources, &request->route, (struct slice){request->body, request->body_len}, header,
                       request->now_ms) == SIGNATURE_VALID;
}

/* ---- forgeries ---- */

static void flip_bit(char *bytes, size_t len)
{
    size_t bit = below(8 * len);
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
}

/* Retell's own code takes letters of either case: that bit says nothing there, so another one is taken. */
static void flip_header_bit(struct request *request)
{
    bool retell = request->route.provider->id == SOURCE_RETELL;
    size_t bit = 0;
    char before = 0;
    do {
        bit = below(8 * request->header_len);
        before = request->header[bit / 8];
    } while (retell && bit % 8 == 5 && ((before | 0x20) >= 'a' && (before | 0x20) <= 'z'));
    request->header[bit / 8] = (char)(before ^ (1 << bit % 8));
}

static void flip_body_bit(struct request *request)
{
    flip_bit(request->body, request->body_len);
}

static void change_length(struct request *request)
{
    if (below(2) || request->body_len == BODY_MAX)
        request->body_len--;
    else
        request->body[request->body_len++] = (char)next_random();
}

static void take_other_body(struct request *request)
{
    struct request other = random_request();
    memcpy(request->body, other.body, other.body_len);
    request->body_len = other.body_len;
}

static void sign_with_no_key_of_its(struct request *request)
{
    static const char *const KEYS[] = {"key_of_acme_old",   "nobody", "default", "key_of_acme_no",
                                       "key_of_acme_now\n", "0"};
    sign(request, KEYS[below(COUNT(KEYS))], NOW_MS);
}

static void sign_with_the_shops(struct request *request)
{
    request->route.source = SLICE("acme");
    sign(request, "key_of_the_shop", NOW_MS);
}

static void send_to_nobody(struct request *request)
{
    request->route.source = below(2) ? SLICE("nobody") : SLICE("default");
}

static void invent_digest(struct request *request)
{
    for (size_t i = request->header_len - SIGNATURE_HEX; i < request->header_len; i++)
        request->header[i] = "0123456789abcdef"[below(16)];
}

static void replay_later(struct request *request)
{
    if (request->route.provider->id == SOURCE_CALCOM) /* its signatures have no time */
        flip_bit(request->body, request->body_len);
    else
        request->now_ms += 1000 * (int64_t)(552 + below(DAY_S)); /* it was signed up to 250 s after NOW_MS */
}

static void cut_header(struct request *request)
{
    request->header_len = below(request->header_len);
}

static void send_elsewhere(struct request *request)
{
    request->route.provider = &PROVIDERS[(request->route.provider->id + 1 + below(2)) % SOURCE_PROVIDERS];
}

static void say_no_secret(struct request *request)
{
    request->header_len = (size_t)snprintf(request->header, HEADER_MAX, "no-secret-provided");
}

static void (*const FORGERIES[])(struct request *request) = {
    flip_header_bit,         flip_header_bit,     flip_body_bit,  flip_body_bit, change_length, take_other_body,
    sign_with_no_key_of_its, sign_with_the_shops, send_to_nobody, invent_digest, replay_later,  cut_header,
    send_elsewhere,          say_no_secret,
};

static void no_forgery_is_accepted(void **state)
{
    (void)state;
    const char *given = getenv("HOOKLINE_SEED");
    const char *cases = getenv("HOOKLINE_CASES");
    uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)clock_ticks_ns();
    size_t count = cases ? strtoull(cases, NULL, 10) : CASES_DEFAULT;
    struct sources *sources = make_sources();
    printf("HOOKLINE_SEED=%llu HOOKLINE_CASES=%zu\n", (unsigned long long)first, count);
    for (size_t i = 0; i < count; i++) {
        seed = first + i;
        struct request request = random_request();
        if (!accepted(sources, &request, (struct slice){request.header, request.header_len}))
            fail_msg("an original is refused; HOOKLINE_SEED=%llu HOOKLINE_CASES=1", (unsigned long long)(first + i));
        size_t forgery = below(COUNT(FORGERIES));
        FORGERIES[forgery](&request);
        if (accepted(sources, &request, (struct slice){request.header, request.header_len}) ||
            accepted(sources, &request, SLICE_ABSENT))
            fail_msg("forgery %zu is accepted; HOOKLINE_SEED=%llu HOOKLINE_CASES=1", forgery,
                     (unsigned long long)(first + i));
    }
    sources_release(sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_forgery_is_accepted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
