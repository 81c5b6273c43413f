/* What was applied once is never applied again, and never changed behind the database's back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/migration_plan.h"

static const struct embedded_file FILES[] = {
    {"001_initial.sql", {"abc", 3}}, {"002_more.sql", {"", 0}}, {"003_last.sql", {"x", 1}}, {0}};

/* FIPS 180-2: SHA-256 of "abc". */
static const char ABC[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static struct migration *three(struct arena *arena)
{
    size_t count = 0;
    const char *problem = NULL;
    struct migration *migrations = migrations_read(arena, FILES, &count, &problem);
    assert_null(problem);
    assert_int_equal(count, 3);
    return migrations;
}

static void files_become_numbered_migrations(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct migration *migrations = three(arena);
    assert_int_equal(migrations[1].version, 2);
    assert_string_equal(migrations[0].sha256.ptr, ABC);
    arena_free(arena);
}

static void an_applied_one_with_the_same_contents_is_fine(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct migration *migrations = three(arena);
    assert_null(migration_mark(arena, migrations, 3, 1, SLICE("001_initial.sql"), slice_of(ABC)));
    assert_true(migrations[0].applied);
    assert_false(migrations[1].applied);
    assert_null(migrations_check_order(arena, migrations, 3));
    arena_free(arena);
}

static void a_changed_digest_is_refused(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char *problem = migration_mark(arena, three(arena), 3, 2, SLICE("002_more.sql"), slice_of(ABC));
    assert_non_null(strstr(problem, "002_more.sql was applied with other contents"));
    assert_non_null(strstr(problem, "new migration"));
    arena_free(arena);
}

static void a_schema_from_the_future_is_refused(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char *problem = migration_mark(arena, three(arena), 3, 4, SLICE("004_future.sql"), slice_of(ABC));
    assert_non_null(strstr(problem, "004_future.sql"));
    assert_non_null(strstr(problem, "older than the schema"));
    arena_free(arena);
}

static void a_gap_is_refused(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct migration *migrations = three(arena);
    migrations[2].applied = migrations[0].applied = true;
    assert_non_null(strstr(migrations_check_order(arena, migrations, 3), "002_more.sql before it is not"));
    arena_free(arena);
}

static void a_number_out_of_turn_is_our_mistake(void **state)
{
    (void)state;
    static const struct embedded_file WRONG[] = {{"001_a.sql", {"", 0}}, {"003_b.sql", {"", 0}}, {0}};
    struct arena *arena = arena_new();
    size_t count = 0;
    const char *problem = NULL;
    assert_null(migrations_read(arena, WRONG, &count, &problem));
    assert_string_equal(problem, "migration 003_b.sql is not number 2");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_become_numbered_migrations),
        cmocka_unit_test(an_applied_one_with_the_same_contents_is_fine),
        cmocka_unit_test(a_changed_digest_is_refused),
        cmocka_unit_test(a_schema_from_the_future_is_refused),
        cmocka_unit_test(a_gap_is_refused),
        cmocka_unit_test(a_number_out_of_turn_is_our_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
