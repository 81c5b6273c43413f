/* One number, one text: whatever a caller, a carrier or an address book made of it (tests/unit/data/phone_spellings.tsv). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/phone.h"
#include "common/text.h"

/* A row of the table. */
struct spelling {
    const char *region; /* NULL: none */
    enum phone_kind kind;
    struct slice text, normal; /* normal absent: there is none */
    const char *why;
    int line;
};

/* More than half of what there is: a table that was lost is seen. */
enum { SPELLINGS_MIN = 200, SPELLINGS_MAX = 1000, LINE_BYTES = 1024 };

static struct {
    struct arena *arena;
    struct spelling rows[SPELLINGS_MAX];
    size_t count;
} table;

/* "\\x41" and "\\t" as the bytes that they stand for. */
static struct slice unescaped(struct slice text)
{
    static const char LETTERS[] = "trn";
    static const char BYTES[] = "\t\r\n";
    char *bytes = arena_alloc(table.arena, text.len + 1);
    size_t count = 0;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = (uint8_t)text.ptr[at];
        if (byte == '\\') {
            at++;
            assert_true(at < text.len);
            const char *letter = strchr(LETTERS, text.ptr[at]);
            if (letter) {
                byte = (uint8_t)BYTES[letter - LETTERS];
            } else {
                assert_true(text.ptr[at] == 'x' && at + 2 < text.len);
                assert_true(text_read_hex((struct slice){text.ptr + at + 1, 2}, &byte, 1));
                at += 2;
            }
        }
        bytes[count++] = (char)byte;
    }
    return (struct slice){bytes, count};
}

static struct spelling row_of(char *line, int number)
{
    enum { REGION, KIND, TEXT, NORMAL, WHY, COLUMNS };
    static const char *const KINDS[] = {[PHONE_ABSENT] = "absent", [PHONE_E164] = "number", [PHONE_OTHER] = "text"};
    struct slice columns[COLUMNS];
    char *rest = line;
    for (size_t i = 0; i < COLUMNS; i++) {
        char *column = strsep(&rest, "\t");
        if (!column)
            fail_msg("phone_spellings.tsv:%d has too few columns", number);
        columns[i] = arena_copy(table.arena, slice_of(column));
    }
    struct spelling row = {.line = number, .why = columns[WHY].ptr};
    while (row.kind < COUNT(KINDS) && !slice_equals(columns[KIND], KINDS[row.kind]))
        row.kind++;
    if (row.kind == COUNT(KINDS) || rest)
        fail_msg("phone_spellings.tsv:%d cannot be read", number);
    row.region = slice_equals(columns[REGION], "-") ? NULL : columns[REGION].ptr;
    row.text = unescaped(columns[TEXT]);
    row.normal = slice_equals(columns[NORMAL], "=") ? row.text : unescaped(columns[NORMAL]);
    if (row.kind == PHONE_ABSENT)
        row.normal = SLICE_ABSENT;
    return row;
}

static int table_read(void **state)
{
    (void)state;
    char line[LINE_BYTES];
    FILE *file = fopen(TEST_DATA "/phone_spellings.tsv", "r");
    if (!file)
        return 1;
    table.arena = arena_new();
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = '\0';
        if (*line != '#' && table.count < SPELLINGS_MAX)
            table.rows[table.count++] = row_of(line, number);
    }
    fclose(file);
    return table.count < SPELLINGS_MIN || table.count == SPELLINGS_MAX;
}

static int table_free(void **state)
{
    (void)state;
    arena_free(table.arena);
    return 0;
}

static void every_spelling_becomes_what_the_table_says(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < table.count; i++) {
        const struct spelling *this = &table.rows[i];
        struct slice normal = SLICE("untouched");
        enum phone_kind kind = phone_normalize(table.arena, this->text, this->region, &normal);
        if (kind == this->kind && slice_same(normal, this->normal))
            continue;
        print_error("phone_spellings.tsv:%d: \"%.*s\" is %d \"%.*s\", not %d \"%.*s\": %s\n", this->line,
                    SLICE_PRINT(this->text), kind, SLICE_PRINT(normal), this->kind, SLICE_PRINT(this->normal),
                    this->why);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* xorshift64 (Marsaglia 2003). */
static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Random digits behind a plus: where the short way takes them as they are, the library (asked through a blank after the plus)
 * takes them for the same number, if for one at all. */
static void the_short_way_ends_where_the_library_does(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    uint64_t seed = 20261121;
    size_t compared = 0;
    for (int i = 0; i < 3000; i++) {
        char digits[24] = "+ ";
        size_t len = 8 + random_next(&seed) % 8;
        for (size_t at = 0; at < len; at++)
            digits[2 + at] = (char)('0' + random_next(&seed) % 10);
        struct slice library;
        struct slice plain = arena_format(arena, "+%s", digits + 2);
        if (!phone_is_e164(plain) || phone_normalize(arena, slice_of(digits), NULL, &library) != PHONE_E164)
            continue;
        if (!slice_same(plain, library))
            fail_msg("%s is %.*s for the library", plain.ptr, SLICE_PRINT(library));
        compared++;
        arena_reset(arena);
    }
    assert_true(compared > 150);
    arena_free(arena);
}

static void people_read_groups(void **state)
{
    (void)state;
    static const char *const SHOWN[][2] = {
        {"+493023125001", "+49 30 23125001"},
        {"+431588580", "+43 1 588580"},
        {"+41446681800", "+41 44 668 18 00"},
        {"+390669812345", "+39 06 6981 2345"},
        {"+33199001234", "+33 1 99 00 12 34"},
        {"+442079460018", "+44 20 7946 0018"},
        {"+12125550123", "+1 212-555-0123"},
        {"anonymous", "anonymous"},
        {"110", "110"},
        {"sip:+493023125001@a", "sip:+493023125001@a"},
        {"+999123456789", "+999123456789"},
        {"", ""},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(SHOWN); i++) {
        struct slice shown = phone_format(arena, slice_of(SHOWN[i][0]));
        if (!slice_equals(shown, SHOWN[i][1]))
            fail_msg("%s is shown as \"%.*s\", not \"%s\"", SHOWN[i][0], SLICE_PRINT(shown), SHOWN[i][1]);
    }
    assert_true(slice_absent(phone_format(arena, SLICE_ABSENT)));
    arena_free(arena);
}

/* What came out is a number's one name: it comes out again. */
static void normal_numbers_stay_what_they_are(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < table.count; i++) {
        struct slice once;
        struct slice twice;
        enum phone_kind kind = phone_normalize(arena, table.rows[i].text, table.rows[i].region, &once);
        assert_int_equal(phone_normalize(arena, once, table.rows[i].region, &twice), kind);
        assert_true(slice_same(once, twice));
    }
    arena_free(arena);
}

static void absent_is_absent(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct slice normal = SLICE("untouched");
    assert_int_equal(phone_normalize(arena, SLICE_ABSENT, "DE", &normal), PHONE_ABSENT);
    assert_true(slice_absent(normal));
    arena_free(arena);
}

/* A signed body may say anything: the library's time must not depend on it, nor may an index row be too long. */
static void much_text_is_cut_and_not_parsed(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    static char digits[64 * 1024];
    memset(digits, '7', sizeof digits);
    struct slice normal;
    assert_int_equal(phone_normalize(arena, (struct slice){digits, sizeof digits}, "DE", &normal), PHONE_OTHER);
    assert_int_equal(normal.len, 255);
    assert_int_equal(phone_normalize(arena, (struct slice){digits, 255}, "DE", &normal), PHONE_OTHER);
    assert_int_equal(normal.len, 255);

    digits[254] = '\xC3'; /* an umlaut across the limit goes whole */
    digits[255] = '\xA4';
    assert_int_equal(phone_normalize(arena, (struct slice){digits, sizeof digits}, "DE", &normal), PHONE_OTHER);
    assert_int_equal(normal.len, 254);
    arena_free(arena);
}

static void nul_inside_is_text(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct slice normal;
    assert_int_equal(phone_normalize(arena, SLICE("030\0 83793369"), "DE", &normal), PHONE_OTHER);
    assert_int_equal(normal.len, 13);
    arena_free(arena);
}

static void regions_are_known_or_not(void **state)
{
    (void)state;
    assert_true(phone_region_known("DE"));
    assert_true(phone_region_known("US"));
    assert_false(phone_region_known("XX"));
    assert_false(phone_region_known("de"));
    assert_false(phone_region_known(""));
    assert_false(phone_region_known(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_becomes_what_the_table_says),
        cmocka_unit_test(the_short_way_ends_where_the_library_does),
        cmocka_unit_test(people_read_groups),
        cmocka_unit_test(normal_numbers_stay_what_they_are),
        cmocka_unit_test(absent_is_absent),
        cmocka_unit_test(much_text_is_cut_and_not_parsed),
        cmocka_unit_test(nul_inside_is_text),
        cmocka_unit_test(regions_are_known_or_not),
    };
    return cmocka_run_group_tests_name("phone", tests, table_read, table_free);
}
