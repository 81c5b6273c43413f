/* route: paths lead to a provider, perhaps to one of its sources, or nowhere. */
#include "ingest/route.h"
#include "tests/unit/test.h"

static const struct {
    const char *path, *provider, *source; /* NULL: nowhere; absent */
} PATHS[] = {
    {"/api/retell/webhook", "retell", NULL},
    {"/api/retell/webhook/default", "retell", "default"},
    {"/api/retell/webhook/no-such_1", "retell", "no-such_1"},
    {"/api/calcom/webhook", "calcom", NULL},
    {"/api/calcom/webhook/acme", "calcom", "acme"},
    {"/api/stripe/webhook", "stripe", NULL},
    {"/api/stripe/webhook/acme", "stripe", "acme"},
    {"/api/retell/webhook/0123456789012345678901234567890123456789012345678901234567890123", "retell",
     "0123456789012345678901234567890123456789012345678901234567890123"},
    {"/api/retell/webhook/01234567890123456789012345678901234567890123456789012345678901234", NULL, NULL},
    {"/api/retell/webhook/", NULL, NULL},
    {"/api/retell/webhook/default/", NULL, NULL},
    {"/api/retell/webhook/Default", NULL, NULL},
    {"/api/retell/webhook/a.b", NULL, NULL},
    {"/api/retell/webhook/%61", NULL, NULL},
    {"/api/retell/webhookdefault", NULL, NULL},
    {"/api/retell/webhook-nosig", NULL, NULL},
    {"/api/retell", NULL, NULL},
    {"/api/RETELL/webhook", NULL, NULL},
    {"//api/retell/webhook", NULL, NULL},
    {"/api/retell/../retell/webhook", NULL, NULL},
    {"/api/retell/webhook%2fdefault", NULL, NULL},
    {"http://a/api/retell/webhook", NULL, NULL},
    {"/api/other/webhook", NULL, NULL},
    {"/", NULL, NULL},
    {"*", NULL, NULL},
    {"", NULL, NULL},
};

static void paths_lead_to_a_provider_or_nowhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        struct route route;
        bool found = route_of(slice_of(PATHS[i].path), &route);
        if (found != (PATHS[i].provider != NULL))
            fail_msg("%s", PATHS[i].path);
        if (!found)
            continue;
        assert_string_equal(source_provider_name(route.provider->id), PATHS[i].provider);
        assert_slice(route.source, PATHS[i].source);
    }
}

static void a_row_stands_at_its_own_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < SOURCE_PROVIDERS; i++)
        assert_int_equal(PROVIDERS[i].id, i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_a_provider_or_nowhere),
        cmocka_unit_test(a_row_stands_at_its_own_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
