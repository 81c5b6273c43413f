/* event.c: headers by name. The order in which they are written is fixed, so equal events make equal records. */
#include "common/event.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/text.h"

enum { UNIT_SEPARATOR = 0x1f };

/* EVP_sha256() is looked up by its name at each use; what was fetched is not. NULL makes EVP_DigestInit_ex fail. Of two
 * threads that fetch at once one keeps it. */
static const EVP_MD *sha256(void)
{
    static _Atomic(EVP_MD *) kept;
    EVP_MD *before = atomic_load(&kept);
    if (before)
        return before;
    EVP_MD *fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (atomic_compare_exchange_strong(&kept, &before, fetched))
        return fetched;
    EVP_MD_free(fetched);
    return before;
}

struct event_id event_id_of(struct slice provider, int64_t source_company, struct slice body)
{
    char company[24] = "";
    if (source_company)
        snprintf(company, sizeof company, "%lld", (long long)source_company);
    const unsigned char separator = UNIT_SEPARATOR;
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || !EVP_DigestInit_ex(context, sha256(), NULL) ||
        !EVP_DigestUpdate(context, provider.ptr, provider.len) || !EVP_DigestUpdate(context, &separator, 1) ||
        !EVP_DigestUpdate(context, company, strlen(company)) || !EVP_DigestUpdate(context, &separator, 1) ||
        !EVP_DigestUpdate(context, body.ptr, body.len) || !EVP_DigestFinal_ex(context, digest, NULL))
        abort(); /* SHA-256 of bytes in memory cannot fail; without an id nothing could go on */
    EVP_MD_CTX_free(context);
    struct event_id id;
    memcpy(id.bytes, digest, sizeof id.bytes);
    return id;
}

void event_id_print(struct event_id id, char text[2 * EVENT_ID_BYTES + 1])
{
    text_write_hex(id.bytes, EVENT_ID_BYTES, text);
    text[2 * sizeof id.bytes] = '\0';
}

bool event_id_read(struct slice text, struct event_id *id)
{
    return text_read_hex(text, id->bytes, sizeof id->bytes);
}

void event_correlation_id(int64_t now_ms, const uint8_t random[10], char text[37])
{
    uint8_t bytes[16];
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)((uint64_t)now_ms >> (40 - 8 * i));
    memcpy(bytes + 6, random, 10);
    bytes[6] = (uint8_t)(0x70 | (bytes[6] & 0x0f)); /* version 7 */
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f)); /* variant of RFC 9562 */
    static const struct {
        size_t from, at, size;
    } GROUPS[] = {{0, 0, 4}, {4, 9, 2}, {6, 14, 2}, {8, 19, 2}, {10, 24, 6}};
    memset(text, '-', 36);
    text[36] = '\0';
    for (size_t i = 0; i < COUNT(GROUPS); i++)
        text_write_hex(bytes + GROUPS[i].from, GROUPS[i].size, text + GROUPS[i].at);
}

/* CloudEvents allows each attribute once. A record that says two things, of its company for one, is to be believed in
 * neither; the same thing twice is no harm. */
static const char TWICE[] = "a ce_ header is there twice, with two values";

static const char *read_number(struct slice value, int64_t *number)
{
    int64_t before = *number;
    if (!text_read_int(value, number) || *number <= 0)
        return "a company or branch header is no positive number";
    return before && before != *number ? TWICE : NULL;
}

static const char *read_text(struct slice value, struct slice *text)
{
    if (!slice_absent(*text) && !slice_same(*text, value))
        return TWICE;
    *text = value;
    return NULL;
}

static const char *read_id(struct slice value, struct event_id *id, bool *has_id)
{
    struct event_id before = *id;
    if (!event_id_read(value, id))
        return "ce_id is not 32 hex digits";
    bool twice = *has_id && memcmp(before.bytes, id->bytes, sizeof before.bytes) != 0;
    *has_id = true;
    return twice ? TWICE : NULL;
}

static const char *read_time(struct slice value, int64_t *time_ms)
{
    int64_t before = *time_ms;
    if (!text_read_time(value, time_ms))
        return "ce_time is no RFC 3339 time";
    return before && before != *time_ms ? TWICE : NULL;
}

static const char *read_header(struct event *event, const struct header *header, bool *has_id)
{
    const struct {
        const char *name;
        struct slice *text;
    } TEXTS[] = {
        {"ce_type", &event->type},          {"ce_source", &event->source},
        {"ce_subject", &event->subject},    {"ce_correlationid", &event->correlation_id},
        {"ce_costunit", &event->cost_unit}, {"ce_resolvedby", &event->resolved_by},
    };
    for (size_t i = 0; i < COUNT(TEXTS); i++)
        if (strcmp(header->name, TEXTS[i].name) == 0)
            return read_text(header->value, TEXTS[i].text);
    if (strcmp(header->name, "traceparent") == 0) { /* whoever traces adds another: the last is the nearest */
        event->traceparent = header->value;
        return NULL;
    }
    if (strcmp(header->name, "ce_id") == 0)
        return read_id(header->value, &event->id, has_id);
    if (strcmp(header->name, "ce_sourcecompany") == 0)
        return read_number(header->value, &event->source_company);
    if (strcmp(header->name, "ce_companyid") == 0)
        return read_number(header->value, &event->company_id);
    if (strcmp(header->name, "ce_branchid") == 0)
        return read_number(header->value, &event->branch_id);
    if (strcmp(header->name, "ce_time") == 0)
        return read_time(header->value, &event->time_ms);
    return NULL;
}

const char *event_read(struct event *event, const struct header *headers, size_t count, struct slice body)
{
    bool has_id = false;
    *event = (struct event){.body = body};
    for (size_t i = 0; i < count; i++) {
        const char *problem = read_header(event, &headers[i], &has_id);
        if (problem)
            return problem;
    }
    if (!has_id)
        return "there is no ce_id";
    if (slice_absent(event->type) || event->type.len == 0)
        return "there is no ce_type";
    return NULL;
}

static void add_header(struct header *headers, size_t *count, const char *name, struct slice value)
{
    if (!slice_absent(value))
        headers[(*count)++] = (struct header){name, value};
}

static struct slice decimal(struct arena *arena, int64_t number)
{
    return number ? arena_format(arena, "%lld", (long long)number) : SLICE_ABSENT;
}

static struct slice rfc3339(struct arena *arena, int64_t ms)
{
    return ms ? text_write_time(arena, ms) : SLICE_ABSENT;
}

size_t event_write(const struct event *event, struct arena *arena, struct header headers[EVENT_HEADERS_MAX])
{
    char id[2 * EVENT_ID_BYTES + 1];
    event_id_print(event->id, id);
    size_t count = 0;
    add_header(headers, &count, "ce_specversion", SLICE("1.0"));
    add_header(headers, &count, "ce_id", arena_copy(arena, slice_of(id)));
    add_header(headers, &count, "ce_source", event->source);
    add_header(headers, &count, "ce_sourcecompany", decimal(arena, event->source_company));
    add_header(headers, &count, "ce_type", event->type);
    add_header(headers, &count, "ce_subject", event->subject);
    add_header(headers, &count, "ce_time", rfc3339(arena, event->time_ms));
    add_header(headers, &count, "ce_correlationid", event->correlation_id);
    add_header(headers, &count, "ce_costunit", event->cost_unit);
    add_header(headers, &count, "content-type", SLICE("application/json"));
    add_header(headers, &count, "traceparent", event->traceparent);
    add_header(headers, &count, "ce_companyid", decimal(arena, event->company_id));
    add_header(headers, &count, "ce_branchid", decimal(arena, event->branch_id));
    add_header(headers, &count, "ce_resolvedby", event->resolved_by);
    return count;
}

/* The part of "/retell/default" before or after its second slash. */
static struct slice source_part(struct slice source, bool name)
{
    if (slice_absent(source) || source.len < 2 || source.ptr[0] != '/')
        return SLICE_ABSENT;
    const char *end = memchr(source.ptr + 1, '/', source.len - 1);
    size_t provider = end ? (size_t)(end - source.ptr) : source.len;
    if (!name)
        return (struct slice){source.ptr + 1, provider - 1};
    return end ? slice_from(source, provider + 1) : SLICE_ABSENT;
}

struct slice event_provider(const struct event *event)
{
    return source_part(event->source, false);
}

struct slice event_source_name(const struct event *event)
{
    return source_part(event->source, true);
}

struct slice event_bare_type(const struct event *event)
{
    const char *dot = event->type.len ? memrchr(event->type.ptr, '.', event->type.len) : NULL;
    return dot ? slice_from(event->type, (size_t)(dot - event->type.ptr) + 1) : event->type;
}
