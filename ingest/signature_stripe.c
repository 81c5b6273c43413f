/* signature_stripe.c: t=<s>,v1=<hex>[,v1=<hex>…], read as stripe 23.1.0 reads it (cjs/Webhooks.js): items at each comma, their
 * name and value at the first two "=", the last t counts, any v1 that matches is enough, other schemes are passed over.
 *
 * An empty v1, or one of the right length with a byte that is no ASCII, makes the vendor's comparison throw, also beside one
 * that matches: it is malformed here. Only the age is checked: a time to come is accepted, as the vendor accepts it, and so
 * is a t that is no number, where the key's holder signed it so ("NaN" is never too old).
 */
#include <openssl/crypto.h>
#include <stdio.h>

#include "ingest/javascript_number.h"
#include "ingest/signature.h"

enum { MS_PER_S = 1000 };

/* The next item's name and value (absent: it has none). False: there is none left. */
static bool next_item(struct slice *rest, struct slice *name, struct slice *value)
{
    if (slice_absent(*rest))
        return false;
    const char *comma = memchr(rest->ptr, ',', rest->len);
    struct slice item = {rest->ptr, comma ? (size_t)(comma - rest->ptr) : rest->len};
    *rest = comma ? slice_from(*rest, item.len + 1) : SLICE_ABSENT;
    const char *equals = memchr(item.ptr, '=', item.len);
    *name = (struct slice){item.ptr, equals ? (size_t)(equals - item.ptr) : item.len};
    *value = equals ? slice_from(item, name->len + 1) : SLICE_ABSENT;
    const char *second = value->len ? memchr(value->ptr, '=', value->len) : NULL;
    value->len = second ? (size_t)(second - value->ptr) : value->len;
    return true;
}

static bool all_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    return true;
}

enum signature_verdict signature_stripe_read(struct signature *signature, struct slice header, int64_t now_ms)
{
    static const double AGE_MAX_S = (double)SIGNATURE_WINDOW_MS / MS_PER_S;
    struct slice rest = header, name, value;
    double time_s = -1; /* the vendor's "there is none" */
    size_t digests = 0;
    *signature = (struct signature){.said = header, .has_time = true};
    if (header.len == 0)
        return SIGNATURE_MALFORMED;
    while (next_item(&rest, &name, &value)) {
        if (slice_equals(name, "t"))
            time_s = javascript_parse_int(value);
        if (!slice_equals(name, "v1"))
            continue;
        if (value.len == 0 || (value.len == SIGNATURE_HEX && !all_ascii(value)))
            return SIGNATURE_MALFORMED;
        digests++;
    }
    if (time_s == -1 || digests == 0)
        return SIGNATURE_MALFORMED;
    char time[JAVASCRIPT_NUMBER_BYTES];
    javascript_print(time_s, time);
    snprintf(signature->before, sizeof signature->before, "%s.", time);
    signature->time_ms = time_s * MS_PER_S;
    int64_t now_s = now_ms / MS_PER_S; /* whole seconds, as the vendor counts */
    double age_s = (double)now_s - time_s;
    return age_s > AGE_MAX_S ? SIGNATURE_TIME : SIGNATURE_VALID;
}

bool signature_stripe_matches(const struct signature *signature, const uint8_t digest[HMAC_BYTES])
{
    char hex[SIGNATURE_HEX + 1];
    struct slice rest = signature->said, name, value;
    bool found = false;
    signature_hex(digest, hex);
    while (next_item(&rest, &name, &value))
        if (slice_equals(name, "v1") && value.len == SIGNATURE_HEX)
            found |= CRYPTO_memcmp(value.ptr, hex, SIGNATURE_HEX) == 0;
    return found;
}
