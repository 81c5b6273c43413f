/* http_forwarded: who is the client, when proxies say so; and who invents one gains nothing. */
#include "common/http_forwarded.h"
#include "tests/unit/test.h"

#define FIELD "X-Forwarded-For"

static const struct {
    const char *name, *peer, *fields[3], *client;
} CASES[] = {
    {"nobody is between", "10.0.0.1", {NULL}, "10.0.0.1"},
    {"a stranger's field says nothing", "203.0.113.9", {"192.0.2.1"}, "203.0.113.9"},
    {"one proxy", "10.0.0.1", {"192.0.2.1"}, "192.0.2.1"},
    {"the client's own invention stands left", "10.0.0.1", {"6.6.6.6, 192.0.2.1"}, "192.0.2.1"},
    {"two proxies", "10.0.0.1", {"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
    {"an invention that claims to be our proxy", "10.0.0.1", {"6.6.6.6, 10.0.0.3, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
    {"only proxies: the outermost", "10.0.0.1", {"10.0.0.3,10.0.0.2"}, "10.0.0.3"},
    {"two fields are one list", "10.0.0.1", {"6.6.6.6", "192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
    {"IPv6", "10.0.0.1", {"2001:db8::7"}, "2001:db8::7"},
    {"IPv6 with a port", "10.0.0.1", {"[2001:db8::7]:443"}, "2001:db8::7"},
    {"IPv4 with a port", "10.0.0.1", {"192.0.2.1:50000"}, "192.0.2.1"},
    {"white space", "10.0.0.1", {"\t 192.0.2.1 "}, "192.0.2.1"},
    {"no address", "10.0.0.1", {"192.0.2.1, unknown"}, "10.0.0.1"},
    {"no address behind a proxy", "10.0.0.1", {"unknown, 10.0.0.2"}, "10.0.0.2"},
    {"an empty item", "10.0.0.1", {"192.0.2.1,"}, "10.0.0.1"},
    {"an empty field", "10.0.0.1", {""}, "10.0.0.1"},
    {"a bracket without its end", "10.0.0.1", {"[2001:db8::7"}, "10.0.0.1"},
    {"a UNIX socket is trusted when it is listed", "::", {"192.0.2.1"}, "192.0.2.1"},
};

static void the_client_is_the_first_that_is_not_trusted(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct networks trusted;
    assert_null(networks_read(&trusted, SLICE("10.0.0.0/8, unix"), arena));
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct http_field fields[COUNT(CASES[i].fields) + 1] = {{SLICE("Host"), SLICE("a")}};
        struct http_request request = {.fields = fields, .field_count = 1};
        for (size_t j = 0; j < COUNT(CASES[i].fields) && CASES[i].fields[j]; j++)
            fields[request.field_count++] = (struct http_field){SLICE("x-forwarded-FOR"), slice_of(CASES[i].fields[j])};
        struct address peer;
        struct address expected;
        assert_true(address_read(slice_of(CASES[i].peer), &peer));
        assert_true(address_read(slice_of(CASES[i].client), &expected));
        struct address client = http_forwarded_client(&request, &trusted, &peer);
        if (!address_same(&client, &expected))
            fail_msg("%s", CASES[i].name);
    }
    arena_free(arena);
}

static void nobody_is_trusted_unless_listed(void **state)
{
    (void)state;
    struct http_field field = {SLICE(FIELD), SLICE("192.0.2.1")};
    struct http_request request = {.fields = &field, .field_count = 1};
    struct address local = {{0}};
    struct address client = http_forwarded_client(&request, &(struct networks){0}, &local);
    assert_true(address_same(&client, &local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_first_that_is_not_trusted),
        cmocka_unit_test(nobody_is_trusted_unless_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
