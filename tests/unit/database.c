/* Whose fault each error of PostgreSQL is, and the wire formats' corners that no healthy server sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/database_fault.h"
#include "common/database_values.h"

static void every_sqlstate_has_its_fault(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate, *constraint, *race;
        enum database_fault fault;
    } CASES[] = {
        {"", NULL, NULL, DATABASE_AWAY},
        {"57014", "", NULL, DATABASE_SLOW},
        {"40001", "", NULL, DATABASE_RACE},
        {"40P01", "", NULL, DATABASE_RACE},
        {"40003", "", NULL, DATABASE_AWAY},
        {"23505", "calls_pkey", "calls_pkey", DATABASE_RACE},
        {"23505", "customers_pkey", "calls_pkey", DATABASE_DATA},
        {"23505", "calls_pkey", NULL, DATABASE_DATA},
        {"21000", "", NULL, DATABASE_DATA},
        {"22P05", "", NULL, DATABASE_DATA},
        {"54000", "", NULL, DATABASE_DATA},
        {"08006", "", NULL, DATABASE_AWAY},
        {"25P03", "", NULL, DATABASE_AWAY},
        {"53100", "", NULL, DATABASE_AWAY},
        {"55P03", "", NULL, DATABASE_AWAY},
        {"57P01", "", NULL, DATABASE_AWAY},
        {"58030", "", NULL, DATABASE_AWAY},
        {"28P01", "", NULL, DATABASE_REFUSED},
        {"3D000", "", NULL, DATABASE_REFUSED},
        {"42703", "", NULL, DATABASE_OURS},
        {"0A000", "", NULL, DATABASE_OURS},
        {"XX000", "", NULL, DATABASE_OURS},
    };
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(database_fault_of(CASES[i].sqlstate, CASES[i].constraint, CASES[i].race), CASES[i].fault);
}

static void a_message_is_one_line_without_values(void **state)
{
    (void)state;
    char text[24];
    database_message_clean("22P02", SLICE("invalid input syntax for type uuid: \"secret\""), text, sizeof text);
    assert_string_equal(text, "invalid input syntax fo");
    database_message_clean("22021", SLICE("bad bytes: 0x00"), text, sizeof text);
    assert_string_equal(text, "bad bytes");
    database_message_clean("42P01", SLICE("no table \"x\"\nLINE 1"), text, sizeof text);
    assert_string_equal(text, "no table \"x\"");
    database_message_clean("", SLICE_ABSENT, text, sizeof text);
    assert_string_equal(text, "");
}

/* A field that lies about its length is read as far as it goes. */
static void broken_fields_are_null_or_empty(void **state)
{
    (void)state;
    struct database_array array;
    struct slice element;
    database_array_open(&array, SLICE("\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\1a\0\0\0\x09z"));
    assert_true(database_array_next(&array, &element));
    assert_true(slice_equals(element, "a"));
    assert_false(database_array_next(&array, &element));
    database_array_open(&array, SLICE("\0\0\0\2"));
    assert_false(database_array_next(&array, &element));
    assert_int_equal(database_read_int(SLICE("abc")), DATABASE_NULL);
    assert_int_equal(database_read_time(SLICE_ABSENT), DATABASE_NULL);
    assert_int_equal(database_read_decimal(SLICE("\0\2\0\0\0\0\0\0\0\1"), 2), DATABASE_NULL);
    assert_int_equal(database_read_decimal(SLICE("\0\1\0\4\0\0\0\0\0\1"), 6),
                     DATABASE_NULL); /* 10^16 with 6 decimals */
    assert_int_equal(database_read_decimal(SLICE("\0\1\0\4\0\0\0\0\0\1"), 2), INT64_C(1000000000000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sqlstate_has_its_fault),
        cmocka_unit_test(a_message_is_one_line_without_values),
        cmocka_unit_test(broken_fields_are_null_or_empty),
    };
    return cmocka_run_group_tests_name("database", tests, NULL, NULL);
}
