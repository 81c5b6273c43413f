/* page.c: content types, and the policy that keeps scripts of others out. */
#include "broadcaster/page.h"

#include <openssl/sha.h>
#include <stdio.h>

#include "common/buffer.h"
#include "common/embedded.h"

/* Nothing inline, nothing from elsewhere: were a call's data ever to end up as markup, it still could do nothing. */
static const char POLICY[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'";

static const struct {
    const char *ending, *type;
} TYPES[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

static const char *type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < COUNT(TYPES); i++)
        if (strcmp(ending, TYPES[i].ending) == 0)
            return TYPES[i].type;
    return "application/octet-stream";
}

static const struct embedded_file *file_named(struct slice name)
{
    for (const struct embedded_file *file = DASHBOARD_FILES; file->name; file++)
        if (slice_equals(name, file->name))
            return file;
    return NULL;
}

static void respond(struct http_exchange *exchange, int status, const struct embedded_file *file)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char tag[19];
    SHA256((const unsigned char *)file->contents.ptr, file->contents.len, digest);
    snprintf(tag, sizeof tag, "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", digest[0], digest[1], digest[2], digest[3],
             digest[4], digest[5], digest[6], digest[7]);
    const struct http_header headers[] = {
        {"Content-Security-Policy", slice_of(POLICY)}, {"Cross-Origin-Opener-Policy", SLICE("same-origin")},
        {"Referrer-Policy", SLICE("no-referrer")},     {"X-Content-Type-Options", SLICE("nosniff")},
        {"Cache-Control", SLICE("no-cache")},          {"ETag", slice_of(tag)},
    };
    size_t count = 0;
    struct slice has = http_request_field(http_exchange_request(exchange), "If-None-Match", &count);
    if (status == 200 && slice_equals(has, tag))
        http_respond(exchange, 304, type_of(file->name), SLICE(""), headers, COUNT(headers));
    else
        http_respond(exchange, status, type_of(file->name), file->contents, headers, COUNT(headers));
}

void page_respond(struct http_exchange *exchange, struct slice name)
{
    const struct embedded_file *file = file_named(name);
    if (file)
        respond(exchange, 200, file);
    else
        http_respond_error(exchange, 404, "not_found", "There is nothing at this path.");
}

void page_respond_index(struct http_exchange *exchange, int status)
{
    respond(exchange, status, file_named(SLICE("index.html")));
}
