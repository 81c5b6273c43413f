/* http_framing.c: what llhttp lets pass although two parsers could read it differently. */
#include "common/http_framing.h"

#include <strings.h>

enum { LENGTH_DIGITS_MAX = 18 }; /* fits 64 bits; no body is that long */

static const struct http_refusal HOST_COUNT = {400, "bad_request", "There must be exactly one Host."};
static const struct http_refusal HOST_FORM = {400, "bad_request",
                                              "Host must be a name or address, and perhaps a port."};
static const struct http_refusal LENGTH_COUNT = {400, "bad_request", "There is more than one Content-Length."};
static const struct http_refusal LENGTH_FORM = {400, "bad_request", "Content-Length is not a plain number."};
static const struct http_refusal LENGTH_AND_CODING = {400, "bad_request",
                                                      "Content-Length and Transfer-Encoding exclude each other."};
static const struct http_refusal CODING_COUNT = {400, "bad_request", "There is more than one Transfer-Encoding."};
static const struct http_refusal CODING_UNKNOWN = {400, "bad_request",
                                                   "The only Transfer-Encoding that is understood is chunked."};
static const struct http_refusal CODING_1_0 = {400, "bad_request", "HTTP/1.0 has no Transfer-Encoding."};
static const struct http_refusal EXPECTATION = {417, "expectation_failed",
                                                "The only expectation that is understood is 100-continue."};

static bool text_is(struct slice text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

/* RFC 9110, 7.2: uri-host [ ":" port ], of which RFC 9112, 3.2 has anything else refused. Characters only: nobody here asks for
 * the name. */
static bool is_host(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && !(c && strchr("-._~%!$&'()*+,;=:[]", c)))
            return false;
    }
    return true;
}

static const struct http_refusal *read_host(const struct http_request *request)
{
    size_t count = 0;
    struct slice host = http_request_field(request, "Host", &count);
    if (count > 1 || (count == 0 && !request->http_1_0))
        return &HOST_COUNT;
    return count == 0 || is_host(host) ? NULL : &HOST_FORM;
}

static const struct http_refusal *read_length(const struct http_request *request, struct http_framing *framing)
{
    size_t count = 0;
    struct slice text = http_request_field(request, "Content-Length", &count);
    if (count > 1)
        return &LENGTH_COUNT;
    if (count == 0)
        return NULL;
    if (text.len == 0 || text.len > LENGTH_DIGITS_MAX)
        return &LENGTH_FORM;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return &LENGTH_FORM;
        framing->length = framing->length * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return NULL;
}

static const struct http_refusal *read_coding(const struct http_request *request, struct http_framing *framing)
{
    size_t lengths = 0;
    size_t codings = 0;
    http_request_field(request, "Content-Length", &lengths);
    struct slice coding = http_request_field(request, "Transfer-Encoding", &codings);
    if (codings == 0)
        return NULL;
    if (lengths > 0)
        return &LENGTH_AND_CODING;
    if (codings > 1)
        return &CODING_COUNT;
    if (request->http_1_0)
        return &CODING_1_0;
    framing->chunked = text_is(coding, "chunked");
    return framing->chunked ? NULL : &CODING_UNKNOWN;
}

static const struct http_refusal *read_expectation(struct http_request *request)
{
    size_t count = 0;
    struct slice expectation = http_request_field(request, "Expect", &count);
    if (count == 0 || request->http_1_0)
        return NULL;
    request->expects_continue = count == 1 && text_is(expectation, "100-continue");
    return request->expects_continue ? NULL : &EXPECTATION;
}

const struct http_refusal *http_framing_read(struct http_request *request, struct http_framing *framing)
{
    *framing = (struct http_framing){0};
    const struct http_refusal *refusal = read_host(request);
    if (!refusal)
        refusal = read_coding(request, framing);
    if (!refusal)
        refusal = read_length(request, framing);
    return refusal ? refusal : read_expectation(request);
}
