/* Addresses, networks and X-Forwarded-For: what we read as an address the C library reads as the same one, and a client is
 * never anybody but the peer or somebody that the field names. Input: the peer, a line with trusted networks, the rest is
 * the field's value. */
#include <arpa/inet.h>

#include "common/http_forwarded.h"
#include "tests/fuzz/fuzz.h"

static void require_same_as_libc(struct slice text)
{
    struct address ours;
    struct address theirs = {{0}};
    char terminated[INET6_ADDRSTRLEN];
    if (!address_read(text, &ours))
        return;
    REQUIRE(text.len < sizeof terminated);
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(AF_INET, terminated, theirs.bytes + 12) == 1)
        theirs.bytes[10] = theirs.bytes[11] = 0xff;
    else
        REQUIRE(inet_pton(AF_INET6, terminated, theirs.bytes) == 1);
    REQUIRE(address_same(&ours, &theirs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct slice peer_text = fuzz_take(&rest, '\n');
    struct slice trusted_text = fuzz_take(&rest, '\n');
    require_same_as_libc(peer_text);
    require_same_as_libc(rest);
    struct arena *arena = arena_new();
    struct networks trusted;
    struct address peer = {{0}};
    bool readable = networks_read(&trusted, trusted_text, arena) == NULL;
    if (readable && address_read(peer_text, &peer)) {
        struct http_field field = {SLICE("X-Forwarded-For"), rest};
        struct http_request request = {.fields = &field, .field_count = 1};
        struct address client = http_forwarded_client(&request, &trusted, &peer);
        REQUIRE(networks_hold(&trusted, &peer) || address_same(&client, &peer));
        struct address counted = address_counted(&client);
        struct address again = address_counted(&counted);
        REQUIRE(address_same(&counted, &again));
    }
    arena_free(arena);
    return 0;
}
