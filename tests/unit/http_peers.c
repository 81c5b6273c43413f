/* http_peers: an address has its share of connections, and a whole IPv6 network counts as one. */
#include <arpa/inet.h>

#include "common/http_peers.h"
#include "tests/unit/test.h"

static struct address v6(const char *text)
{
    struct address peer;
    assert_int_equal(inet_pton(AF_INET6, text, peer.bytes), 1);
    return peer;
}

static void an_address_has_its_share(void **state)
{
    (void)state;
    struct http_peers *peers = http_peers_new();
    struct address one = v6("::ffff:10.0.0.1");
    struct address other = v6("::ffff:10.0.0.2");
    for (int i = 0; i < 3; i++)
        assert_true(http_peers_enter(peers, &one, 3));
    assert_false(http_peers_enter(peers, &one, 3));
    assert_true(http_peers_enter(peers, &other, 3));
    http_peers_leave(peers, &one);
    assert_true(http_peers_enter(peers, &one, 3));
    assert_false(http_peers_enter(peers, &one, 3));
    http_peers_free(peers);
}

static void a_network_of_ipv6_counts_as_one(void **state)
{
    (void)state;
    struct http_peers *peers = http_peers_new();
    struct address inside = v6("2001:db8:1:2::1");
    struct address beside = v6("2001:db8:1:2:ffff:ffff:ffff:ffff");
    struct address outside = v6("2001:db8:1:3::1");
    assert_true(http_peers_enter(peers, &inside, 1));
    assert_false(http_peers_enter(peers, &beside, 1));
    assert_true(http_peers_enter(peers, &outside, 1));
    http_peers_leave(peers, &inside);
    assert_true(http_peers_enter(peers, &beside, 1));
    http_peers_free(peers);
}

static void sockets_without_address_are_not_counted(void **state)
{
    (void)state;
    struct http_peers *peers = http_peers_new();
    struct address none = v6("::");
    assert_true(http_peers_enter(peers, &none, 0));
    assert_true(http_peers_enter(peers, &none, 0));
    http_peers_leave(peers, &none);
    http_peers_free(peers);
}

/* More addresses than chains: each keeps its own count, and when all have left nothing is known of any. */
static void many_addresses_do_not_mix(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct http_peers *peers = http_peers_new();
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < MANY; i++) {
            struct address peer = v6("::ffff:0.0.0.0");
            memcpy(peer.bytes + 12, &i, sizeof i);
            assert_true(http_peers_enter(peers, &peer, 1));
            assert_false(http_peers_enter(peers, &peer, 1));
        }
        for (uint32_t i = 0; i < MANY; i++) {
            struct address peer = v6("::ffff:0.0.0.0");
            memcpy(peer.bytes + 12, &i, sizeof i);
            http_peers_leave(peers, &peer);
        }
    }
    http_peers_free(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_share),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one),
        cmocka_unit_test(sockets_without_address_are_not_counted),
        cmocka_unit_test(many_addresses_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
