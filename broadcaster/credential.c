/* credential.c: two headers, read strictly. */
#include "broadcaster/credential.h"

#include <openssl/sha.h>
#include <strings.h>

#define COOKIE_NAME "hookline_token"

/* A month: the page is left open, and opened again, by people who were given the token once. */
enum { COOKIE_SECONDS = 30 * 24 * 3600 };

bool credential_valid(struct slice token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~' || strchr("\",;\\", token.ptr[i]))
            return false;
    return token.len > 0 && token.len <= CREDENTIAL_MAX;
}

static struct slice valid_or_absent(struct slice token)
{
    return credential_valid(token) ? token : SLICE_ABSENT;
}

static struct slice of_authorization(struct slice value)
{
    static const char SCHEME[] = "Bearer ";
    if (value.len < sizeof SCHEME - 1 || strncasecmp(value.ptr, SCHEME, sizeof SCHEME - 1) != 0)
        return SLICE_ABSENT;
    return slice_from(value, sizeof SCHEME - 1);
}

/* "a=1; hookline_token=T; b=2" -> T. */
static struct slice of_cookies(struct slice value)
{
    while (value.len) {
        const char *end = memchr(value.ptr, ';', value.len);
        struct slice pair = {value.ptr, end ? (size_t)(end - value.ptr) : value.len};
        value = slice_from(value, pair.len + 1);
        while (pair.len && *pair.ptr == ' ')
            pair = slice_from(pair, 1);
        if (slice_starts_with(pair, COOKIE_NAME "="))
            return slice_from(pair, sizeof COOKIE_NAME);
    }
    return SLICE_ABSENT;
}

struct slice credential_of(const struct http_request *request)
{
    size_t count = 0;
    struct slice authorization = http_request_field(request, "Authorization", &count);
    if (count > 1)
        return SLICE_ABSENT;
    if (!slice_absent(authorization))
        return valid_or_absent(of_authorization(authorization));
    return valid_or_absent(of_cookies(http_request_field(request, "Cookie", &count)));
}

void credential_hash(struct slice token, uint8_t hash[CREDENTIAL_HASH_BYTES])
{
    SHA256((const unsigned char *)token.ptr, token.len, hash);
}

void credential_write_cookie(struct buffer *out, struct slice token, bool secure)
{
    buffer_add_text(out, COOKIE_NAME "=");
    buffer_add(out, token);
    buffer_add_format(out, "; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", COOKIE_SECONDS, secure ? "; Secure" : "");
}
