/* http_forwarded.c: several fields are one list, the later field on the right (RFC 9110, 5.3). */
#include "common/http_forwarded.h"

#include <strings.h>

#include "common/text.h"

static const char FIELD[] = "X-Forwarded-For";

/* Cuts the last item off the list. */
static struct slice take_last(struct slice *list)
{
    size_t begin = list->len;
    while (begin > 0 && list->ptr[begin - 1] != ',')
        begin--;
    struct slice item = slice_from(*list, begin);
    list->len = begin > 0 ? begin - 1 : 0;
    return text_trimmed(item);
}

/* "[::1]:443" and "[::1]" -> "::1", "10.0.0.1:443" -> "10.0.0.1". */
static struct slice without_port(struct slice item)
{
    const char *colon = item.len > 0 ? memchr(item.ptr, ':', item.len) : NULL;
    if (slice_starts_with(item, "[")) {
        const char *end = memchr(item.ptr, ']', item.len);
        return end ? (struct slice){item.ptr + 1, (size_t)(end - item.ptr) - 1} : item;
    }
    if (colon && !memchr(colon + 1, ':', item.len - (size_t)(colon - item.ptr) - 1))
        item.len = (size_t)(colon - item.ptr);
    return item;
}

/* False: the search is over. */
static bool step(struct slice item, const struct networks *trusted, struct address *client)
{
    return networks_hold(trusted, client) && address_read(without_port(item), client);
}

struct address http_forwarded_client(const struct http_request *request, const struct networks *trusted,
                                     const struct address *peer)
{
    struct address client = *peer;
    if (!networks_hold(trusted, peer))
        return client;
    for (size_t i = request->field_count; i > 0; i--) {
        const struct http_field *field = &request->fields[i - 1];
        if (field->name.len != sizeof FIELD - 1 || strncasecmp(field->name.ptr, FIELD, sizeof FIELD - 1) != 0)
            continue;
        struct slice list = field->value;
        while (list.len > 0)
            if (!step(take_last(&list), trusted, &client))
                return client;
    }
    return client;
}
