/* address: what is an address and a network, and who is in it; the C library's own readers take more, and differ. */
#include <arpa/inet.h>

#include "common/address.h"
#include "tests/unit/test.h"

static const struct {
    const char *text, *same; /* same: as inet_pton reads it for IPv6; NULL: no address */
} ADDRESSES[] = {
    {"10.1.2.3", "::ffff:10.1.2.3"},
    {"0.0.0.0", "::ffff:0.0.0.0"},
    {"255.255.255.255", "::ffff:255.255.255.255"},
    {"::ffff:10.1.2.3", "::ffff:10.1.2.3"},
    {"::", "::"},
    {"::1", "::1"},
    {"2001:db8::7", "2001:db8::7"},
    {"2001:DB8:0:0:0:0:0:7", "2001:db8::7"},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
    {"", NULL},
    {"1", NULL},
    {"1.2.3", NULL},
    {"1.2.3.4.5", NULL},
    {"1.2.3.", NULL},
    {".1.2.3", NULL},
    {"1..2.3", NULL},
    {"256.1.1.1", NULL},
    {"1.1.1.1111", NULL},
    {"010.1.1.1", NULL}, /* 8 to who reads octal */
    {"1.1.1.1 ", NULL},
    {" 1.1.1.1", NULL},
    {"0x1.1.1.1", NULL},
    {"+1.1.1.1", NULL},
    {":", NULL},
    {":::", NULL},
    {"1:2", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1:2:3:4:5:6:7:8::", NULL},
    {"::1:2:3:4:5:6:7:8", NULL},
    {"1::2::3", NULL},
    {":1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:", NULL},
    {"12345::", NULL},
    {"g::", NULL},
    {"::1.2.3", NULL},
    {"1.2.3.4::", NULL},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"fe80::1%eth0", NULL},
    {"[::1]", NULL},
    {"localhost", NULL},
};

static void addresses_are_read_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ADDRESSES); i++) {
        struct address address = {{0}};
        struct address expected = {{0}};
        bool fine = address_read(slice_of(ADDRESSES[i].text), &address);
        if (ADDRESSES[i].same)
            assert_int_equal(inet_pton(AF_INET6, ADDRESSES[i].same, expected.bytes), 1);
        if (fine != (ADDRESSES[i].same != NULL) || !address_same(&address, &expected))
            fail_msg("\"%s\"", ADDRESSES[i].text);
    }
}

static const struct {
    const char *network, *inside, *outside; /* inside NULL: no network */
} NETWORKS[] = {
    {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
    {"192.0.2.128/25", "192.0.2.255", "192.0.2.127"},
    {"192.0.2.7", "192.0.2.7", "192.0.2.6"},
    {"192.0.2.7/32", "192.0.2.7", "192.0.2.8"},
    {"0.0.0.0/0", "203.0.113.1", "2001:db8::1"},
    {"::/0", "203.0.113.1", NULL},
    {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
    {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
    {"::1", "::1", "::2"},
    {"unix", "::", "::1"},
    {"::ffff:10.0.0.0/104", "10.1.1.1", "11.1.1.1"},
    {"10.0.0.1/8", NULL, NULL},
    {"10.0.0.0/33", NULL, NULL},
    {"10.0.0.0/", NULL, NULL},
    {"10.0.0.0/-1", NULL, NULL},
    {"10.0.0.0/+8", NULL, NULL},
    {"10.0.0.0/8/8", NULL, NULL},
    {"2001:db8::/129", NULL, NULL},
    {"/8", NULL, NULL},
    {"", NULL, NULL},
};

static void networks_hold_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(NETWORKS); i++) {
        struct network network;
        struct address address;
        bool fine = network_read(slice_of(NETWORKS[i].network), &network);
        if (fine != (NETWORKS[i].inside != NULL))
            fail_msg("\"%s\"", NETWORKS[i].network);
        if (NETWORKS[i].inside) {
            assert_true(address_read(slice_of(NETWORKS[i].inside), &address));
            assert_true(network_holds(&network, &address));
        }
        if (NETWORKS[i].outside) {
            assert_true(address_read(slice_of(NETWORKS[i].outside), &address));
            assert_false(network_holds(&network, &address));
        }
    }
}

static void a_list_is_parted_by_commas(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct networks networks;
    struct address address;
    assert_null(networks_read(&networks, SLICE(" 10.0.0.0/8,\t2001:db8::/32 , unix "), arena));
    assert_int_equal(networks.count, 3);
    assert_true(address_read(SLICE("2001:db8::1"), &address) && networks_hold(&networks, &address));
    assert_true(address_read(SLICE("::"), &address) && networks_hold(&networks, &address));
    assert_true(address_read(SLICE("192.0.2.1"), &address) && !networks_hold(&networks, &address));
    assert_null(networks_read(&networks, SLICE(""), arena));
    assert_int_equal(networks.count, 0);
    assert_false(networks_hold(&networks, &address));
    assert_non_null(strstr(networks_read(&networks, SLICE("10.0.0.0/8,10.0.0.1/8"), arena), "\"10.0.0.1/8\""));
    assert_non_null(networks_read(&networks, SLICE("10.0.0.0/8,,::1"), arena));
    arena_free(arena);
}

static void a_network_of_ipv6_counts_as_one(void **state)
{
    (void)state;
    struct address one;
    struct address other;
    assert_true(address_read(SLICE("2001:db8:1:2::1"), &one) && address_read(SLICE("2001:db8:1:2:ff::1"), &other));
    one = address_counted(&one);
    other = address_counted(&other);
    assert_true(address_same(&one, &other));
    assert_true(address_read(SLICE("10.0.0.1"), &one) && address_read(SLICE("10.0.0.2"), &other));
    one = address_counted(&one);
    other = address_counted(&other);
    assert_false(address_same(&one, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_to_the_letter),
        cmocka_unit_test(networks_hold_their_own),
        cmocka_unit_test(a_list_is_parted_by_commas),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
