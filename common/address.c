/* address.c: reads to the letter of RFC 4291, 2.2; nothing of the C library's readers, which take more. */
#include "common/address.h"

#include "common/text.h"

enum { IPV4_BYTES = 4, IPV4_BITS_BEFORE = 96, GROUPS = 8, GROUP_DIGITS_MAX = 4, COUNTED_BYTES = 8 };

static const uint8_t MAPPED[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- reading ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_ipv4(struct slice text, uint8_t bytes[IPV4_BYTES])
{
    size_t at = 0;
    for (size_t part = 0; part < IPV4_BYTES; part++) {
        if (part > 0 && (at == text.len || text.ptr[at++] != '.'))
            return false;
        unsigned number = 0;
        size_t begin = at;
        while (at < text.len && is_digit(text.ptr[at]) && at - begin < 3)
            number = number * 10 + (unsigned)(text.ptr[at++] - '0');
        bool leading_zero = at - begin > 1 && text.ptr[begin] == '0';
        if (at == begin || number > UINT8_MAX || leading_zero)
            return false;
        bytes[part] = (uint8_t)number;
    }
    return at == text.len;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* One group of IPv6, up to the colon or the end; its digits, 0: there is none. */
static size_t read_group(struct slice text, unsigned *group)
{
    size_t len = 0;
    *group = 0;
    while (len < text.len && len <= GROUP_DIGITS_MAX && hex_digit(text.ptr[len]) >= 0)
        *group = *group * 16 + (unsigned)hex_digit(text.ptr[len++]);
    return len <= GROUP_DIGITS_MAX ? len : 0;
}

/* Groups one after the other until the text ends or "::" comes; how many bytes they fill. False: neither. */
static bool read_groups(struct slice *text, uint8_t *bytes, size_t room, size_t *filled)
{
    *filled = 0;
    while (text->len > 0 && !slice_starts_with(*text, "::")) {
        if (*filled > 0 && text->ptr[0] != ':')
            return false;
        struct slice rest = slice_from(*text, *filled > 0);
        if (room - *filled >= IPV4_BYTES && read_ipv4(rest, bytes + *filled)) {
            *filled += IPV4_BYTES;
            *text = slice_from(rest, rest.len);
            return true;
        }
        unsigned group = 0;
        size_t digits = read_group(rest, &group);
        if (digits == 0 || room - *filled < 2)
            return false;
        bytes[(*filled)++] = (uint8_t)(group >> 8);
        bytes[(*filled)++] = (uint8_t)group;
        *text = slice_from(rest, digits);
    }
    return true;
}

static bool read_ipv6(struct slice text, uint8_t bytes[ADDRESS_BYTES])
{
    uint8_t tail[ADDRESS_BYTES] = {0};
    size_t before = 0;
    size_t behind = 0;
    memset(bytes, 0, ADDRESS_BYTES);
    if (!read_groups(&text, bytes, ADDRESS_BYTES, &before))
        return false;
    if (text.len == 0)
        return before == ADDRESS_BYTES;
    text = slice_from(text, 2); /* "::" stands for one group of zeros at least */
    if (before > ADDRESS_BYTES - 2 || !read_groups(&text, tail, ADDRESS_BYTES - 2 - before, &behind) || text.len > 0)
        return false;
    memcpy(bytes + ADDRESS_BYTES - behind, tail, behind);
    return true;
}

bool address_read(struct slice text, struct address *address)
{
    struct address read = {{0}};
    memcpy(read.bytes, MAPPED, sizeof MAPPED);
    if (!read_ipv4(text, read.bytes + sizeof MAPPED) && !read_ipv6(text, read.bytes))
        return false;
    *address = read;
    return true;
}

/* ---- asking ---- */

static bool is_ipv4(const struct address *address)
{
    return memcmp(address->bytes, MAPPED, sizeof MAPPED) == 0;
}

bool address_is_local_socket(const struct address *address)
{
    return address_same(address, &(struct address){{0}});
}

bool address_same(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, ADDRESS_BYTES) == 0;
}

struct address address_counted(const struct address *address)
{
    struct address counted = *address;
    if (!is_ipv4(address))
        memset(counted.bytes + COUNTED_BYTES, 0, ADDRESS_BYTES - COUNTED_BYTES);
    return counted;
}

/* ---- networks ---- */

/* `address` with everything beyond the first `bits` as 0. */
static struct address masked(const struct address *address, unsigned bits)
{
    struct address network = *address;
    for (unsigned i = 0; i < ADDRESS_BYTES; i++) {
        unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
        if (kept < 8)
            network.bytes[i] &= (uint8_t)(0xff00u >> kept);
    }
    return network;
}

static bool read_bits(struct slice text, unsigned most, unsigned *bits)
{
    int64_t number = 0;
    if (text.len == 0 || text.len > 3 || !is_digit(text.ptr[0]) || !text_read_int(text, &number) || number > most)
        return false;
    *bits = (unsigned)number;
    return true;
}

bool network_read(struct slice text, struct network *network)
{
    if (slice_equals(text, "unix")) {
        *network = (struct network){.bits = ADDRESS_BITS};
        return true;
    }
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    struct slice address = {text.ptr, slash ? (size_t)(slash - text.ptr) : text.len};
    struct network read = {.bits = ADDRESS_BITS};
    if (!address_read(address, &read.address))
        return false;
    bool dotted = address.len > 0 && !memchr(address.ptr, ':', address.len);
    unsigned before = dotted ? IPV4_BITS_BEFORE : 0;
    if (slash && !read_bits(slice_from(text, address.len + 1), ADDRESS_BITS - before, &read.bits))
        return false;
    if (slash)
        read.bits += before;
    struct address first = masked(&read.address, read.bits);
    if (!address_same(&first, &read.address))
        return false;
    *network = read;
    return true;
}

bool network_holds(const struct network *network, const struct address *address)
{
    struct address first = masked(address, network->bits);
    return address_same(&first, &network->address);
}

const char *networks_read(struct networks *networks, struct slice text, struct arena *arena)
{
    *networks = (struct networks){0};
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++)
        most += text.ptr[i] == ',';
    struct network *items = arena_zeroed(arena, most, sizeof *items);
    size_t count = 0;
    struct slice rest = text_trimmed(text);
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct slice item = {rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len};
        rest = comma ? slice_from(rest, item.len + 1) : slice_from(rest, rest.len);
        item = text_trimmed(item);
        if (!network_read(item, &items[count++]))
            return arena_format(arena,
                                "\"%.*s\" is no network: 10.0.0.0/8, 2001:db8::/32, an address, or unix is, and an "
                                "address has no bits beyond its prefix",
                                SLICE_PRINT(item))
                .ptr;
    }
    *networks = (struct networks){items, count};
    return NULL;
}

bool networks_hold(const struct networks *networks, const struct address *address)
{
    for (size_t i = 0; i < networks->count; i++)
        if (network_holds(&networks->items[i], address))
            return true;
    return false;
}
