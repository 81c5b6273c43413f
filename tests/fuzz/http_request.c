/* The way of a request's bytes, in pieces that the input's first byte chooses: how they arrive changes nothing, and what is
 * accepted keeps what http_request.h promises. Input: a seed byte, then the connection's bytes. */
#include "common/http_request.h"
#include "tests/fuzz/fuzz.h"

enum { BODY_MAX_BYTES = 2000, REQUESTS_MAX = 8 };

struct outcome {
    int status; /* 0: complete; -1: more is needed */
    size_t used, fields;
    bool keep_alive;
    struct slice method, path, body;
};

static void require_clean(const struct http_request *request)
{
    size_t hosts = 0;
    http_request_field(request, "Host", &hosts);
    REQUIRE(hosts == 1 || (hosts == 0 && request->http_1_0));
    REQUIRE(request->body.len <= BODY_MAX_BYTES && request->field_count <= 64 && request->method.len > 0);
    for (size_t i = 0; i < request->field_count; i++) {
        REQUIRE(request->fields[i].name.len > 0);
        for (size_t j = 0; j < request->fields[i].value.len; j++) {
            unsigned char c = (unsigned char)request->fields[i].value.ptr[j];
            REQUIRE((c >= ' ' || c == '\t') && c != 0x7f);
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223; /* Numerical Recipes' generator: any split will do */
    return *seed >> 16;
}

/* One request from `bytes`; pieces of random length unless `seed` is NULL. */
static struct outcome parse(struct http_parser *parser, struct arena *arena, struct slice bytes, uint32_t *seed)
{
    struct outcome outcome = {.status = -1};
    enum http_parse parse = HTTP_PARSE_MORE;
    bool head = false;
    while (parse == HTTP_PARSE_HEAD || (parse == HTTP_PARSE_MORE && outcome.used < bytes.len)) {
        struct slice piece = slice_from(bytes, outcome.used);
        if (seed && piece.len > 0)
            piece.len = 1 + next_random(seed) % (next_random(seed) % 2 ? piece.len : 4);
        if (piece.len > bytes.len - outcome.used)
            piece.len = bytes.len - outcome.used;
        size_t consumed = 0;
        parse = http_parser_feed(parser, arena, piece, &consumed);
        REQUIRE(consumed <= piece.len && !(head && parse == HTTP_PARSE_HEAD));
        head = head || parse == HTTP_PARSE_HEAD;
        outcome.used += consumed;
    }
    if (parse == HTTP_PARSE_REFUSED) {
        outcome.status = http_parser_refusal(parser).status;
        outcome.used = 0;
        REQUIRE(outcome.status >= 400 && http_parser_refusal(parser).word && http_parser_refusal(parser).message);
    } else if (parse == HTTP_PARSE_COMPLETE) {
        const struct http_request *request = http_parser_request(parser);
        REQUIRE(head);
        require_clean(request);
        outcome.status = 0;
        outcome.fields = request->field_count;
        outcome.keep_alive = request->keep_alive;
        outcome.method = request->method;
        outcome.path = request->path;
        outcome.body = request->body;
        http_request_parameter(request, "token", arena);
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_limits LIMITS = {.body_max_bytes = BODY_MAX_BYTES};
    uint32_t seed = size > 0 ? data[0] : 0;
    struct slice bytes = slice_from(fuzz_input(data, size), 1);
    struct arena *arena = arena_new();
    struct http_parser *whole = http_parser_new(&LIMITS);
    struct http_parser *split = http_parser_new(&LIMITS);
    for (int i = 0; i < REQUESTS_MAX && bytes.len > 0; i++) {
        struct outcome one = parse(whole, arena, bytes, NULL);
        struct outcome other = parse(split, arena, bytes, &seed);
        REQUIRE(one.status == other.status);
        if (one.status != 0)
            break;
        REQUIRE(one.used == other.used && one.fields == other.fields && one.keep_alive == other.keep_alive);
        REQUIRE(slice_same(one.method, other.method) && slice_same(one.path, other.path) &&
                slice_same(one.body, other.body));
        bytes = slice_from(bytes, one.used);
        http_parser_next(whole);
        http_parser_next(split);
    }
    http_parser_free(whole);
    http_parser_free(split);
    arena_free(arena);
    return 0;
}
