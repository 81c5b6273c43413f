/* hookline-ingest against the abuse list: what parsers disagree about, and what is merely too much, each sent raw and
 * rightly signed, so that nothing but the request's form can refuse it. Each is answered, its connection closed, no record
 * comes of it, and somebody else's webhook is accepted meanwhile. At the end the whole log is searched for what no log may
 * hold. */
#include <stdio.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "ctl/retell_sign.h"
#include "tests/support/ingest_world.h"
#include "tests/unit/test.h"

#define TEXT_CANARY   "Xanthippe said 4711"
#define NUMBER_CANARY "+4915123456789"

/* What each hostile request wants to bring in. */
static const char BODY[] =
    "{\"event\":\"call_started\",\"call\":{\"call_id\":\"hostile\",\"from_number\":\"" NUMBER_CANARY
    "\",\"transcript\":\"" TEXT_CANARY "\"}}";

/* A row's text stands for itself but for these: */
enum {
    SIGNED = '@',  /* the signature's field, right for BODY */
    CONTENT = '#', /* BODY */
    LENGTH = '~',  /* its length, decimal */
    CHUNK = '^',   /* the same, hexadecimal */
    MUCH = '`',    /* 9000 times x */
    FIELDS = '|',  /* 70 fields */
    SECOND = '\\', /* a whole rightly signed request */
};

#define HEAD    "POST " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\n@"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

struct row {
    const char *name;
    int status;
    struct slice text;
};

#define ROW(name, status, text)                                                                                        \
    {                                                                                                                  \
        name, status,                                                                                                  \
        {                                                                                                              \
            text, sizeof(text) - 1                                                                                     \
        }                                                                                                              \
    }

static const struct row ROWS[] = {
    ROW("Content-Length and Transfer-Encoding", 400,
        HEAD "Content-Length: ~\r\nTransfer-Encoding: chunked\r\n\r\n^\r\n#\r\n0\r\n\r\n"),
    ROW("Transfer-Encoding and Content-Length", 400,
        HEAD "Transfer-Encoding: chunked\r\nContent-Length: ~\r\n\r\n^\r\n#\r\n0\r\n\r\n"),
    ROW("a second request behind an empty chunk that Content-Length covers", 400,
        HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\\"),
    ROW("gzip, chunked with Content-Length", 400,
        HEAD "Transfer-Encoding: gzip, chunked\r\nContent-Length: ~\r\n\r\n#"),
    ROW("xchunked with Content-Length", 400, HEAD "Transfer-Encoding: xchunked\r\nContent-Length: ~\r\n\r\n#"),
    ROW("a Transfer-Encoding other than chunked", 400, HEAD "Transfer-Encoding: gzip\r\n\r\n^\r\n#\r\n0\r\n\r\n"),
    ROW("two Transfer-Encoding", 400,
        HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n^\r\n#\r\n0\r\n\r\n"),
    ROW("Transfer-Encoding on HTTP/1.0", 400,
        "POST " INGEST_ROUTE " HTTP/1.0\r\nHost: a\r\n@Transfer-Encoding: chunked\r\n\r\n^\r\n#\r\n0\r\n\r\n"),
    ROW("two different Content-Length", 400, HEAD "Content-Length: ~\r\nContent-Length: 5\r\n\r\n#"),
    ROW("two equal Content-Length", 400, HEAD "Content-Length: ~\r\nContent-Length: ~\r\n\r\n#"),
    ROW("a list of Content-Length", 400, HEAD "Content-Length: ~, ~\r\n\r\n#"),
    ROW("Content-Length with a plus", 400, HEAD "Content-Length: +~\r\n\r\n#"),
    ROW("Content-Length with a minus", 400, HEAD "Content-Length: -~\r\n\r\n#"),
    ROW("Content-Length with a letter", 400, HEAD "Content-Length: ~x\r\n\r\n#"),
    ROW("Content-Length in hexadecimal", 400, HEAD "Content-Length: 0x^\r\n\r\n#"),
    ROW("Content-Length beyond 64 bits", 400, HEAD "Content-Length: 99999999999999999999~\r\n\r\n#"),
    ROW("a space before the colon", 400, HEAD "Content-Length : ~\r\n\r\n#"),
    ROW("a body that the space before the colon makes a request", 400, HEAD "Content-Length : 5\r\n\r\n\\"),
    ROW("a chunk size with 0x", 400, CHUNKED "0x^\r\n#\r\n0\r\n\r\n"),
    ROW("a chunk size with a plus", 400, CHUNKED "+^\r\n#\r\n0\r\n\r\n"),
    ROW("a chunk size with a space before", 400, CHUNKED " ^\r\n#\r\n0\r\n\r\n"),
    ROW("a chunk size with a space behind", 400, CHUNKED "^ \r\n#\r\n0\r\n\r\n"),
    ROW("a chunk size beyond 64 bits", 400, CHUNKED "ffffffffffffffff^\r\n#\r\n0\r\n\r\n"),
    ROW("a bare LF after a chunk size", 400, CHUNKED "^\n#\r\n0\r\n\r\n"),
    ROW("a bare LF after a chunk", 400, CHUNKED "^\r\n#\n0\r\n\r\n"),
    ROW("a bare LF in a chunk extension", 400, CHUNKED "^;a=b\n#\r\n0\r\n\r\n"),
    ROW("a bare LF after the last chunk", 400, CHUNKED "^\r\n#\r\n0\n\r\n"),
    ROW("a bare LF in the trailers", 400, CHUNKED "^\r\n#\r\n0\r\na: b\n\r\n"),
    ROW("a chunk extension beyond 256 bytes", 400, CHUNKED "^;a=`\r\n#\r\n0\r\n\r\n"),
    ROW("more trailers than fields may be", 431, CHUNKED "^\r\n#\r\n0\r\n|\r\n"),
    ROW("bare LFs for all lines", 400, "POST " INGEST_ROUTE " HTTP/1.1\nHost: a\nContent-Length: ~\n\n#"),
    ROW("a bare LF in one line", 400, "POST " INGEST_ROUTE " HTTP/1.1\r\nHost: a\n@Content-Length: ~\r\n\r\n#"),
    ROW("a bare CR in a value", 400, HEAD "X: a\rContent-Length: ~\r\n\r\n#"),
    ROW("a folded line", 400, HEAD "X: a\r\n b\r\nContent-Length: ~\r\n\r\n#"),
    ROW("a folded Transfer-Encoding", 400, HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n^\r\n#\r\n0\r\n\r\n"),
    ROW("an empty name", 400, HEAD ": a\r\nContent-Length: ~\r\n\r\n#"),
    ROW("a field without a colon", 400, HEAD "abc\r\nContent-Length: ~\r\n\r\n#"),
    ROW("NUL in a value", 400, HEAD "X: a\0b\r\nContent-Length: ~\r\n\r\n#"),
    ROW("NUL in a name", 400, HEAD "X\0: a\r\nContent-Length: ~\r\n\r\n#"),
    ROW("two Host", 400, HEAD "Host: b\r\nContent-Length: ~\r\n\r\n#"),
    ROW("no Host", 400, "POST " INGEST_ROUTE " HTTP/1.1\r\n@Content-Length: ~\r\n\r\n#"),
    ROW("a space in the target", 400, "POST " INGEST_ROUTE " x HTTP/1.1\r\nHost: a\r\n@Content-Length: ~\r\n\r\n#"),
    ROW("two spaces in the request line", 400,
        "POST  " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\n@Content-Length: ~\r\n\r\n#"),
    ROW("an unknown method", 400, "BREW " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\n@Content-Length: ~\r\n\r\n#"),
    ROW("HTTP/2 by prior knowledge", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW("HTTP/2.0", 505, "POST " INGEST_ROUTE " HTTP/2.0\r\nHost: a\r\n@Content-Length: ~\r\n\r\n#"),
    ROW("HTTP/0.9", 505, "POST " INGEST_ROUTE "\r\nHost: a\r\n@Content-Length: ~\r\n\r\n#"),
    ROW("TLS on a plain port", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ROW("more than 8 KiB of fields", 431, HEAD "X: `\r\nContent-Length: ~\r\n\r\n#"),
    ROW("more than 64 fields", 431, HEAD "|Content-Length: ~\r\n\r\n#"),
    ROW("a target beyond 4 KiB", 414, "POST " INGEST_ROUTE "?` HTTP/1.1\r\nHost: a\r\n@Content-Length: ~\r\n\r\n#"),
    ROW("a body beyond 10 MiB, announced and never sent", 413, HEAD "Content-Length: 10485761\r\n\r\n"),
    ROW("a chunk beyond 10 MiB", 413, CHUNKED "a00001\r\n#"),
    ROW("a gzip body", 415, HEAD "Content-Encoding: gzip\r\nContent-Length: ~\r\n\r\n#"),
    ROW("a gzip body behind an identity", 415,
        HEAD "Content-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: ~\r\n\r\n#"),
    ROW("an unknown expectation", 417, HEAD "Expect: 200-maybe\r\nContent-Length: ~\r\n\r\n#"),
    ROW("two signatures", 400, HEAD "@Connection: close\r\nContent-Length: ~\r\n\r\n#"),
    ROW("one body signed, another sent", 401, HEAD "Connection: close\r\nContent-Length: 2\r\n\r\n{}"),
};

static struct ingest_world with;

static int begin(void **state)
{
    (void)state;
    ingest_world_begin(&with, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ingest_world_end(&with);
    return 0;
}

/* ---- a row becomes bytes ---- */

static void add_signature(struct buffer *out)
{
    char signature[RETELL_SIGNATURE_BYTES];
    retell_sign(signature, slice_of(BODY), SLICE(INGEST_KEY), clock_now_ms());
    buffer_add_format(out, "X-Retell-Signature: %s\r\n", signature);
}

static void add_part(struct buffer *out, char part)
{
    switch (part) {
    case SIGNED:
        add_signature(out);
        break;
    case CONTENT:
        buffer_add_text(out, BODY);
        break;
    case LENGTH:
        buffer_add_format(out, "%zu", sizeof BODY - 1);
        break;
    case CHUNK:
        buffer_add_format(out, "%zx", sizeof BODY - 1);
        break;
    case MUCH:
        for (int i = 0; i < 9000; i++)
            buffer_add_char(out, 'x');
        break;
    case FIELDS:
        for (int i = 0; i < 70; i++)
            buffer_add_text(out, "a: b\r\n");
        break;
    case SECOND:
        buffer_add_text(out, "POST " INGEST_ROUTE " HTTP/1.1\r\nHost: a\r\n");
        add_signature(out);
        buffer_add_format(out, "Content-Length: %zu\r\n\r\n%s", sizeof BODY - 1, BODY);
        break;
    default:
        buffer_add_char(out, part);
    }
}

static struct buffer request_of(const struct row *row)
{
    struct buffer request = {0};
    for (size_t i = 0; i < row->text.len; i++)
        add_part(&request, row->text.ptr[i]);
    return request;
}

/* ---- the stories ---- */

static void send_good(struct http_client *client, size_t number)
{
    const struct ingest_sender sender = {INGEST_ROUTE, INGEST_KEY, NULL};
    struct slice body = arena_format(
        with.arena,
        "{\"event\":\"call_started\",\"call\":{\"call_id\":\"good\",\"n\":%zu,\"from_number\":\"" NUMBER_CANARY
        "\",\"transcript\":\"" TEXT_CANARY "\"}}",
        number);
    assert_true(http_client_send(client, ingest_world_request(&with, &sender, body)));
    assert_int_equal(http_client_receive(client, with.arena, INGEST_SOON_MS).status, 200);
}

static void every_hostile_request_is_refused_and_nobody_else_notices(void **state)
{
    (void)state;
    struct http_client *good = http_client_open(with.address);
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct buffer request = request_of(&ROWS[i]);
        struct http_client *hostile = http_client_open(with.address);
        assert_true(http_client_send(hostile, buffer_slice(&request)));
        buffer_free(&request);
        send_good(good, i);
        struct http_answer answer = http_client_receive(hostile, with.arena, INGEST_SOON_MS);
        if (answer.status != ROWS[i].status)
            fail_msg("%s: %d and not %d", ROWS[i].name, answer.status, ROWS[i].status);
        assert_slice(http_answer_field(&answer, "Connection"), "close");
        assert_int_equal(http_answer_field(&answer, "X-Correlation-Id").len, 36);
        if (!http_client_ended(hostile, INGEST_SOON_MS))
            fail_msg("%s: the connection is still open", ROWS[i].name);
        http_client_close(hostile);
    }
    http_client_close(good);
    size_t count = 0;
    const struct broker_record *records = ingest_world_records(&with, &count);
    assert_int_equal(count, COUNT(ROWS)); /* the good ones */
    for (size_t i = 0; i < count; i++)
        assert_slice(records[i].key, "good");
}

/* What is odd but clear is accepted, and nothing of its oddness comes along. */
static void trailers_change_nothing(void **state)
{
    (void)state;
    const struct row row = ROW("", 200, CHUNKED "^;x=y\r\n#\r\n0\r\nHost: evil\r\nX-Retell-Signature: z\r\n\r\n");
    struct buffer request = request_of(&row);
    struct http_client *client = http_client_open(with.address);
    assert_true(http_client_send(client, buffer_slice(&request)));
    assert_int_equal(http_client_receive(client, with.arena, INGEST_SOON_MS).status, 200);
    http_client_close(client);
    buffer_free(&request);
    size_t count = 0;
    size_t found = 0;
    const struct broker_record *records = ingest_world_records(&with, &count);
    for (size_t i = 0; i < count; i++)
        found += slice_equals(records[i].value, BODY);
    assert_int_equal(found, 1);
}

/* A reset in the middle of a body leaves nothing behind. */
static void a_reset_in_the_body_leaves_nothing(void **state)
{
    (void)state;
    size_t before = 0;
    size_t after = 0;
    ingest_world_records(&with, &before);
    const struct row row = ROW("", 0, HEAD "Content-Length: ~\r\n\r\n{\"event\":");
    struct buffer request = request_of(&row);
    struct http_client *client = http_client_open(with.address);
    assert_true(http_client_send(client, buffer_slice(&request)));
    http_client_reset(client);
    http_client_close(client);
    buffer_free(&request);
    struct http_client *good = http_client_open(with.address);
    send_good(good, COUNT(ROWS));
    http_client_close(good);
    ingest_world_records(&with, &after);
    assert_int_equal(after, before + 1);
}

/* Runs last: the log of all that came before, at its most talkative. */
static void the_log_says_why_and_never_what(void **state)
{
    (void)state;
    struct slice log = process_output(with.ingest, with.arena);
    size_t lines = 0;
    for (const char *at = log.ptr; (at = strstr(at, "event=refused ")); at++) {
        const char *line_end = strchr(at, '\n');
        const char *correlation = strstr(at, "correlation_id=");
        assert_true(strstr(at, "cause=") && correlation && correlation < line_end);
        lines++;
    }
    assert_true(lines > 0);
    static const char *const CANARIES[] = {INGEST_KEY,    "key_", TEXT_CANARY, "Xanthippe", NUMBER_CANARY,
                                           "15123456789", "v=1",  ",d=",       "transcript"};
    for (size_t i = 0; i < COUNT(CANARIES); i++)
        if (strstr(log.ptr, CANARIES[i]))
            fail_msg("the log holds \"%s\"", CANARIES[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_request_is_refused_and_nobody_else_notices),
        cmocka_unit_test(trailers_change_nothing),
        cmocka_unit_test(a_reset_in_the_body_leaves_nothing),
        cmocka_unit_test(the_log_says_why_and_never_what),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
