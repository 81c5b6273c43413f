/* http_request: what is a request, what is refused and with what; the way in which the bytes arrive changes nothing.
 *
 * The hostile rows are those of the project's abuse list, each of which some server accepted when it was measured. */
#include "common/buffer.h"
#include "common/http_request.h"
#include "tests/unit/test.h"

#define H     "Host: a\r\n"
#define POST  "POST /p HTTP/1.1\r\n" H
#define CHUNK POST "Transfer-Encoding: chunked\r\n\r\n"

enum { BODY_MAX = 64 };
#define WHOLE SIZE_MAX /* no enumerator: those are ints */

struct verdict {
    int status; /* 0: complete; -1: more is needed */
    size_t used;
    char body[BODY_MAX + 1];
    size_t fields;
    bool head_first;
};

/* Feeds `bytes` in pieces and follows one request to its end. */
static struct verdict judge(struct slice bytes, size_t piece, const struct http_limits *limits)
{
    struct arena *arena = arena_new();
    struct http_parser *parser = http_parser_new(limits);
    struct verdict verdict = {.status = -1};
    enum http_parse outcome = HTTP_PARSE_MORE;
    while ((outcome == HTTP_PARSE_MORE && verdict.used < bytes.len) || outcome == HTTP_PARSE_HEAD) {
        struct slice rest = slice_from(bytes, verdict.used);
        if (rest.len > piece)
            rest.len = piece;
        size_t consumed = 0;
        outcome = http_parser_feed(parser, arena, rest, &consumed);
        verdict.used += consumed;
        verdict.head_first = verdict.head_first || outcome == HTTP_PARSE_HEAD;
    }
    if (outcome == HTTP_PARSE_COMPLETE) {
        const struct http_request *request = http_parser_request(parser);
        verdict.status = 0;
        verdict.fields = request->field_count;
        memcpy(verdict.body, request->body.ptr, request->body.len);
    } else if (outcome == HTTP_PARSE_REFUSED) {
        verdict.status = http_parser_refusal(parser).status;
        verdict.used = 0; /* of no meaning any more */
    }
    http_parser_free(parser);
    arena_free(arena);
    return verdict;
}

static const struct http_limits SMALL = {
    .head_max_bytes = 1024, .fields_max = 8, .target_max_bytes = 64, .body_max_bytes = BODY_MAX};

struct hostile {
    const char *name;
    struct slice bytes;
    int status;
};

#define ROW(name, status, bytes)                                                                                       \
    {                                                                                                                  \
        name, {bytes, sizeof(bytes) - 1}, status                                                                       \
    }

static const struct hostile HOSTILE[] = {
    ROW("Content-Length beside Transfer-Encoding", 400,
        POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("Transfer-Encoding beside Content-Length", 400,
        POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
    ROW("two different Content-Length", 400, POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    ROW("two equal Content-Length", 400, POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    ROW("a list of Content-Length", 400, POST "Content-Length: 3, 3\r\n\r\nabc"),
    ROW("Content-Length: +5", 400, POST "Content-Length: +5\r\n\r\nhello"),
    ROW("Content-Length: -5", 400, POST "Content-Length: -5\r\n\r\nhello"),
    ROW("Content-Length: 0x5", 400, POST "Content-Length: 0x5\r\n\r\nhello"),
    ROW("Content-Length: 5 5", 400, POST "Content-Length: 5 5\r\n\r\nhello"),
    ROW("Content-Length: 5a", 400, POST "Content-Length: 5a\r\n\r\nhello"),
    ROW("Content-Length without a number", 400, POST "Content-Length:\r\n\r\n"),
    ROW("Content-Length of 20 digits", 400, POST "Content-Length: 99999999999999999999\r\n\r\n"),
    ROW("two Transfer-Encoding", 400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("gzip, chunked", 400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ROW("chunked, chunked", 400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ROW("xchunked", 400, POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ROW("chunked, identity", 400, POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ROW("identity", 400, POST "Transfer-Encoding: identity\r\n\r\n"),
    ROW("an empty Transfer-Encoding", 400, POST "Transfer-Encoding:\r\n\r\n"),
    ROW("Transfer-Encoding with a vertical tab", 400,
        POST "Transfer-Encoding:\x0b"
             "chunked\r\n\r\n0\r\n\r\n"),
    ROW("Transfer-Encoding on HTTP/1.0", 400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW("two Host", 400, "GET / HTTP/1.1\r\n" H H "\r\n"),
    ROW("no Host", 400, "GET / HTTP/1.1\r\nAccept: b\r\n\r\n"),
    ROW("a Host with a space", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ROW("a Host with somebody before it", 400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    ROW("a Host with a path", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ROW("a Host with 8 bits", 400, "GET / HTTP/1.1\r\nHost: \xc3\xbc\r\n\r\n"),
    ROW("a bare LF after the request line", 400, "GET / HTTP/1.1\n" H "\r\n"),
    ROW("a bare LF after a field", 400, "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n"),
    ROW("a bare LF at the end", 400, "GET / HTTP/1.1\r\n" H "\n"),
    ROW("LF LF", 400, "GET / HTTP/1.1\nHost: a\n\n"),
    ROW("a bare CR after the request line", 400, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
    ROW("a bare CR in a value", 400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
    ROW("a bare CR at the end", 400, "GET / HTTP/1.1\r\n" H "\rX"),
    ROW("obs-fold", 400, "GET / HTTP/1.1\r\n" H "B: c\r\n d\r\n\r\n"),
    ROW("obs-fold by tab", 400, "GET / HTTP/1.1\r\n" H "B: c\r\n\td\r\n\r\n"),
    ROW("white space before the first field", 400, "GET / HTTP/1.1\r\n " H "\r\n"),
    ROW("a space before the colon", 400, POST "Content-Length : 5\r\n\r\nhello"),
    ROW("a tab before the colon", 400, POST "Content-Length\t: 5\r\n\r\nhello"),
    ROW("an empty name", 400, "GET / HTTP/1.1\r\n" H ": b\r\n\r\n"),
    ROW("a field without a colon", 400, "GET / HTTP/1.1\r\n" H "abc\r\n\r\n"),
    ROW("a name with a parenthesis", 400, "GET / HTTP/1.1\r\n" H "a(b: c\r\n\r\n"),
    ROW("a name with 8 bits", 400,
        "GET / HTTP/1.1\r\n" H "a\xfc"
        "b: c\r\n\r\n"),
    ROW("NUL in a value", 400, "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"),
    ROW("NUL in a name", 400, "GET / HTTP/1.1\r\n" H "a\0b: c\r\n\r\n"),
    ROW("NUL in the target", 400, "GET /\0 HTTP/1.1\r\n" H "\r\n"),
    ROW("DEL in a value", 400, "GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n"),
    ROW("8 bits in the target", 400, "GET /\xc3\xbc HTTP/1.1\r\n" H "\r\n"),
    ROW("two spaces in the request line", 400, "GET  / HTTP/1.1\r\n" H "\r\n"),
    ROW("a tab in the request line", 400, "GET\t/ HTTP/1.1\r\n" H "\r\n"),
    ROW("a space after the version", 400, "GET / HTTP/1.1 \r\n" H "\r\n"),
    ROW("a space before the method", 400, " GET / HTTP/1.1\r\n" H "\r\n"),
    ROW("a space in the target", 400, "GET /a b HTTP/1.1\r\n" H "\r\n"),
    ROW("two empty lines before", 400, "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"),
    ROW("a line feed before", 400, "\nGET / HTTP/1.1\r\n" H "\r\n"),
    ROW("an unknown method", 400, "BREW / HTTP/1.1\r\n" H "\r\n"),
    ROW("a method in small letters", 400, "get / HTTP/1.1\r\n" H "\r\n"),
    ROW("CONNECT", 400, "CONNECT a:443 HTTP/1.1\r\n" H "\r\n"),
    ROW("HTTP/0.9", 505, "GET /\r\n" H "\r\n"),
    ROW("HTTP/2.0", 505, "GET / HTTP/2.0\r\n" H "\r\n"),
    ROW("HTTP/1.2", 400, "GET / HTTP/1.2\r\n" H "\r\n"),
    ROW("HTTP/11.1", 400, "GET / HTTP/11.1\r\n" H "\r\n"),
    ROW("http/1.1", 400, "GET / http/1.1\r\n" H "\r\n"),
    ROW("HTTP/2 by prior knowledge", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW("TLS on a plain port", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ROW("chunk size 0x5", 400, CHUNK "0x5\r\nhello\r\n0\r\n\r\n"),
    ROW("chunk size +5", 400, CHUNK "+5\r\nhello\r\n0\r\n\r\n"),
    ROW("chunk size -5", 400, CHUNK "-5\r\nhello\r\n0\r\n\r\n"),
    ROW("a space before a chunk size", 400, CHUNK " 5\r\nhello\r\n0\r\n\r\n"),
    ROW("a space after a chunk size", 400, CHUNK "5 \r\nhello\r\n0\r\n\r\n"),
    ROW("an empty chunk size", 400, CHUNK "\r\nhello\r\n0\r\n\r\n"),
    ROW("a chunk size over 64 bits", 400, CHUNK "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    ROW("a bare LF after a chunk size", 400, CHUNK "5\nhello\r\n0\r\n\r\n"),
    ROW("a bare LF after a chunk", 400, CHUNK "5\r\nhello\n0\r\n\r\n"),
    ROW("a bare LF after the last chunk", 400, CHUNK "0\n\r\n"),
    ROW("a bare LF after the trailers", 400, CHUNK "0\r\n\n"),
    ROW("a bare LF in the trailers", 400, CHUNK "0\r\nX: y\n\r\n"),
    ROW("a folded trailer", 400, CHUNK "0\r\nX: y\r\n z\r\n\r\n"),
    ROW("a trailer with a space before the colon", 400, CHUNK "0\r\nX : y\r\n\r\n"),
    ROW("more in a chunk than its size", 400, CHUNK "5\r\nhelloX\r\n0\r\n\r\n"),
    ROW("an empty chunk extension", 400, CHUNK "5;\r\nhello\r\n0\r\n\r\n"),
    ROW("a bare LF in a chunk extension", 400, CHUNK "5;a=b\nhello\r\n0\r\n\r\n"),
    ROW("more trailers than fields are accepted", 431,
        CHUNK "0\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\ne: 1\r\nf: 1\r\ng: 1\r\nh: 1\r\ni: 1\r\n\r\n"),
    ROW("more fields than accepted", 431,
        "GET / HTTP/1.1\r\n" H "b: 1\r\nc: 1\r\nd: 1\r\ne: 1\r\nf: 1\r\ng: 1\r\nh: 1\r\ni: 1\r\n\r\n"),
    ROW("a target over its limit", 414,
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ROW("an announced body over its limit", 413, POST "Content-Length: 65\r\n\r\n"),
    ROW("an announced body far over its limit", 413, POST "Content-Length: 999999999999999999\r\n\r\n"),
    ROW("a chunked body over its limit", 413,
        CHUNK "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n1\r\nx\r\n0\r\n\r\n"),
    ROW("an announced chunk over its limit", 413, CHUNK "41\r\n"),
    ROW("a chunk that goes over the limit with those before it", 413,
        CHUNK "3e\r\n"
              "01234567890123456789012345678901234567890123456789012345678901\r\n3\r\n"),
    ROW("an expectation that we do not know", 417, POST "Expect: 200-maybe\r\nContent-Length: 1\r\n\r\nx"),
};

static void hostile_requests_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(HOSTILE); i++) {
        struct verdict whole = judge(HOSTILE[i].bytes, WHOLE, &SMALL);
        struct verdict bytewise = judge(HOSTILE[i].bytes, 1, &SMALL);
        if (whole.status != HOSTILE[i].status || bytewise.status != HOSTILE[i].status)
            fail_msg("%s: %d whole, %d bytewise, not %d", HOSTILE[i].name, whole.status, bytewise.status,
                     HOSTILE[i].status);
    }
}

struct good {
    const char *name;
    struct slice bytes;
    const char *body;
    size_t fields;
    size_t rest; /* bytes that belong to the next request */
};

#define GOOD(name, body, fields, rest, bytes)                                                                          \
    {                                                                                                                  \
        name, {bytes, sizeof(bytes) - 1}, body, fields, rest                                                           \
    }

static const struct good GOODS[] = {
    GOOD("a GET", "", 1, 0, "GET / HTTP/1.1\r\n" H "\r\n"),
    GOOD("one empty line before", "", 1, 0, "\r\nGET / HTTP/1.1\r\n" H "\r\n"),
    GOOD("HTTP/1.0 without Host", "", 0, 0, "GET / HTTP/1.0\r\n\r\n"),
    GOOD("an empty Host", "", 1, 0, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    GOOD("a Host that is an address with a port", "", 1, 0, "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"),
    GOOD("a counted body", "hello", 2, 0, POST "Content-Length: 5\r\n\r\nhello"),
    GOOD("a counted body and the next request", "hello", 2, 3, POST "Content-Length: 5\r\n\r\nhelloGET"),
    GOOD("an empty counted body", "", 2, 3, POST "Content-Length: 0\r\n\r\nGET"),
    GOOD("leading zeros", "hello", 2, 0, POST "Content-Length: 0005\r\n\r\nhello"),
    GOOD("a body at its limit", "0123456789012345678901234567890123456789012345678901234567890123", 2, 0,
         POST "Content-Length: 64\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123"),
    GOOD("a chunked body", "hello world", 2, 0, CHUNK "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
    GOOD("a chunked body and the next request", "hello", 2, 3, CHUNK "5\r\nhello\r\n0\r\n\r\nGET"),
    GOOD("a chunked body without chunks", "", 2, 0, CHUNK "0\r\n\r\n"),
    GOOD("chunk extensions", "hello", 2, 0, CHUNK "5;a=b;c=\"d\";e\r\nhello\r\n0;f\r\n\r\n"),
    GOOD("trailers, which are dropped", "hello", 2, 2, CHUNK "5\r\nhello\r\n0\r\nHost: evil\r\nX-Company: 7\r\n\r\nGE"),
    GOOD("Chunked", "x", 2, 0, POST "Transfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    GOOD("8 bits and tabs in a value", "", 2, 0, "GET / HTTP/1.1\r\n" H "X:\t\xfc \t b \r\n\r\n"),
    GOOD("an upgrade, and what follows it", "", 3, 4,
         "GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x01xy"),
};

static void good_requests_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(GOODS); i++) {
        for (size_t piece = 1; piece <= GOODS[i].bytes.len; piece++) {
            struct verdict verdict = judge(GOODS[i].bytes, piece, &SMALL);
            if (verdict.status != 0 || strcmp(verdict.body, GOODS[i].body) != 0 || verdict.fields != GOODS[i].fields ||
                GOODS[i].bytes.len - verdict.used != GOODS[i].rest || !verdict.head_first)
                fail_msg("%s, in pieces of %zu: status %d, body \"%s\", %zu fields, %zu of %zu bytes", GOODS[i].name,
                         piece, verdict.status, verdict.body, verdict.fields, verdict.used, GOODS[i].bytes.len);
        }
    }
}

/* No prefix of a request is refused, and none is complete. */
static void prefixes_wait_for_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(GOODS); i++)
        for (size_t len = 0; len + GOODS[i].rest < GOODS[i].bytes.len; len++)
            assert_int_equal(judge((struct slice){GOODS[i].bytes.ptr, len}, WHOLE, &SMALL).status, -1);
}

/* A head of exactly `len` bytes. */
static struct slice head_of(struct buffer *buffer, size_t len)
{
    buffer_clear(buffer);
    buffer_add_text(buffer, "GET / HTTP/1.1\r\n" H "X: ");
    while (buffer->len < len - 4)
        buffer_add_char(buffer, 'x');
    buffer_add_text(buffer, "\r\n\r\n");
    return buffer_slice(buffer);
}

static void limits_are_exact(void **state)
{
    (void)state;
    static const struct http_limits DEFAULTS = {0};
    struct buffer head = {0};
    assert_int_equal(judge(head_of(&head, 8192), WHOLE, &DEFAULTS).status, 0);
    assert_int_equal(judge(head_of(&head, 8193), WHOLE, &DEFAULTS).status, 431);
    assert_int_equal(judge(head_of(&head, 8193), 1, &DEFAULTS).status, 431);
    for (size_t fields = 63; fields <= 65; fields++) {
        buffer_clear(&head);
        buffer_add_text(&head, "GET / HTTP/1.1\r\n");
        buffer_add_text(&head, H);
        for (size_t i = 1; i < fields; i++)
            buffer_add_text(&head, "a: b\r\n");
        buffer_add_text(&head, "\r\n");
        assert_int_equal(judge(buffer_slice(&head), WHOLE, &DEFAULTS).status, fields <= 64 ? 0 : 431);
    }
    for (size_t target = 4095; target <= 4097; target++) {
        buffer_clear(&head);
        buffer_add_text(&head, "GET ");
        for (size_t i = 0; i < target; i++)
            buffer_add_char(&head, '/');
        buffer_add_text(&head, " HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(judge(buffer_slice(&head), WHOLE, &DEFAULTS).status, target <= 4096 ? 0 : 414);
    }
    for (size_t extension = 255; extension <= 257; extension++) {
        buffer_clear(&head);
        buffer_add_text(&head, CHUNK "1;");
        for (size_t i = 0; i < extension; i++)
            buffer_add_char(&head, 'e');
        buffer_add_text(&head, "\r\nx\r\n0\r\n\r\n");
        assert_int_equal(judge(buffer_slice(&head), WHOLE, &SMALL).status, extension <= 256 ? 0 : 400);
        assert_int_equal(judge(buffer_slice(&head), 1, &SMALL).status, extension <= 256 ? 0 : 400);
    }
    /* 0 bytes of body: none is accepted. */
    assert_int_equal(judge(slice_of(POST "Content-Length: 1\r\n\r\nx"), WHOLE, &DEFAULTS).status, 413);
    buffer_free(&head);
}

/* 1 MiB, in pieces that fit nothing, arrives as it was sent; a parser is good for the next request afterwards. */
static void large_bodies_arrive_whole(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20, PIECE = 7919 };
    struct http_limits limits = {.body_max_bytes = SIZE};
    struct http_parser *parser = http_parser_new(&limits);
    struct arena *arena = arena_new();
    struct buffer bytes = {0};
    buffer_add_format(&bytes, POST "Content-Length: %d\r\n\r\n", SIZE);
    size_t head = bytes.len;
    for (size_t i = 0; i < SIZE; i++)
        buffer_add_char(&bytes, (char)(i * 31 + i / 251));
    for (int turn = 0; turn < 2; turn++) {
        size_t used = 0;
        enum http_parse outcome = HTTP_PARSE_MORE;
        while (outcome != HTTP_PARSE_COMPLETE) {
            struct slice rest = slice_from(buffer_slice(&bytes), used);
            rest.len = rest.len < PIECE ? rest.len : PIECE;
            size_t consumed = 0;
            outcome = http_parser_feed(parser, arena, rest, &consumed);
            assert_int_not_equal(outcome, HTTP_PARSE_REFUSED);
            used += consumed;
        }
        assert_int_equal(http_parser_request(parser)->body.len, SIZE);
        assert_memory_equal(http_parser_request(parser)->body.ptr, bytes.data + head, SIZE);
        http_parser_next(parser);
        arena_reset(arena);
    }
    buffer_free(&bytes);
    http_parser_free(parser);
    arena_free(arena);
}

static const struct http_request *parse(struct http_parser *parser, struct arena *arena, const char *text)
{
    size_t consumed = 0;
    size_t more = 0;
    assert_int_equal(http_parser_feed(parser, arena, slice_of(text), &consumed), HTTP_PARSE_HEAD);
    assert_int_equal(http_parser_feed(parser, arena, slice_from(slice_of(text), consumed), &more), HTTP_PARSE_COMPLETE);
    return http_parser_request(parser);
}

static void a_request_can_be_asked(void **state)
{
    (void)state;
    struct http_limits limits = {.body_max_bytes = BODY_MAX};
    struct http_parser *parser = http_parser_new(&limits);
    struct arena *arena = arena_new();
    const struct http_request *request =
        parse(parser, arena,
              "PUT /a/b?x=1&name=a%20b%zz&flag&=&name=2 HTTP/1.1\r\n" H
              "X-One:  a b \t\r\nx-one: c\r\nExpect: 100-Continue\r\nContent-Length: 0\r\n\r\n");
    assert_true(slice_equals(request->method, "PUT"));
    assert_true(slice_equals(request->path, "/a/b"));
    assert_true(slice_equals(request->query, "x=1&name=a%20b%zz&flag&=&name=2"));
    size_t count = 0;
    assert_true(slice_equals(http_request_field(request, "X-ONE", &count), "a b"));
    assert_int_equal(count, 2);
    assert_true(slice_absent(http_request_field(request, "X-Two", &count)));
    assert_int_equal(count, 0);
    assert_true(slice_equals(http_request_parameter(request, "name", arena), "a b%zz"));
    assert_true(slice_equals(http_request_parameter(request, "flag", arena), ""));
    assert_true(slice_absent(http_request_parameter(request, "nam", arena)));
    assert_true(request->keep_alive && request->expects_continue && !request->http_1_0 && !request->upgrade);
    http_parser_next(parser);
    request =
        parse(parser, arena, "GET / HTTP/1.1\r\n" H "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_true(request->upgrade && slice_absent(request->query));
    http_parser_next(parser);
    assert_false(parse(parser, arena, "GET / HTTP/1.1\r\n" H "Connection: Close\r\n\r\n")->keep_alive);
    http_parser_next(parser);
    assert_false(parse(parser, arena, "GET / HTTP/1.0\r\n\r\n")->keep_alive);
    http_parser_free(parser);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_requests_are_refused), cmocka_unit_test(good_requests_pass),
        cmocka_unit_test(prefixes_wait_for_more),       cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(large_bodies_arrive_whole),    cmocka_unit_test(a_request_can_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
