/* One number, one text: whatever a caller, a carrier or an address book made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/phone.h"

struct spelling {
    const char *text;
    const char *region;
    enum phone_kind kind;
    const char *normal; /* NULL: absent */
};

static const struct spelling SPELLINGS[] = {
    /* Germany: trunk 0, (0), 00, DIN 5008, slashes, mobile, tel: URIs, extensions. */
    {"030 837 93 369", "DE", PHONE_E164, "+493083793369"},
    {"030/83793369", "DE", PHONE_E164, "+493083793369"},
    {"(030) 837 93-369", "DE", PHONE_E164, "+493083793369"},
    {"+49 (0)30 83793369", "DE", PHONE_E164, "+493083793369"},
    {"0049 30 83793369", "DE", PHONE_E164, "+493083793369"},
    {"+49 30 837 93 369", "US", PHONE_E164, "+493083793369"},
    {"+49 30 837 93 369", NULL, PHONE_E164, "+493083793369"},
    {"tel:+49-30-83793369", "DE", PHONE_E164, "+493083793369"},
    {"030 83793369 ext. 12", "DE", PHONE_E164, "+493083793369"},
    {"0151 23456789", "DE", PHONE_E164, "+4915123456789"},
    {"0800 330 1000", "DE", PHONE_E164, "+498003301000"},
    {"+493083793369", "DE", PHONE_E164, "+493083793369"},
    {"  +493083793369\r\n", "DE", PHONE_E164, "+493083793369"},
    {"\xE2\x80\xAA+49 30 83793369\xE2\x80\xAC", "DE", PHONE_E164, "+493083793369"},
    {"\xC2\xA0"
     "030 83793369\xC2\xA0",
     "DE", PHONE_E164, "+493083793369"},
    {"030\xC2\xA0"
     "83793369",
     "DE", PHONE_E164, "+493083793369"},
    /* Full-width and Arabic-Indic digits are digits. */
    {"\xEF\xBC\x8B\xEF\xBC\x94\xEF\xBC\x99 30 83793369", "US", PHONE_E164, "+493083793369"},
    {"\xEF\xBC\x90\xEF\xBC\x93\xEF\xBC\x90 83793369", "DE", PHONE_E164, "+493083793369"},
    {"\xD9\xA0\xD9\xA3\xD9\xA0 83793369", "DE", PHONE_E164, "+493083793369"},
    /* The neighbours; Italy keeps its 0. */
    {"01 58858-0", "AT", PHONE_E164, "+431588580"},
    {"0664 1234567", "AT", PHONE_E164, "+436641234567"},
    {"044 668 18 00", "CH", PHONE_E164, "+41446681800"},
    {"0041 44 668 18 00", "DE", PHONE_E164, "+41446681800"},
    {"06 698 12345", "IT", PHONE_E164, "+390669812345"},
    {"+39 06 698 12345", "DE", PHONE_E164, "+390669812345"},
    {"312 345 6789", "IT", PHONE_E164, "+393123456789"},
    {"01 42 68 53 00", "FR", PHONE_E164, "+33142685300"},
    {"+33 (0)1 42 68 53 00", "DE", PHONE_E164, "+33142685300"},
    {"020 7031 3000", "GB", PHONE_E164, "+442070313000"},
    {"+44 (0) 20 7031 3000", "GB", PHONE_E164, "+442070313000"},
    {"07911 123456", "GB", PHONE_E164, "+447911123456"},
    {"(650) 253-0000", "US", PHONE_E164, "+16502530000"},
    {"1-650-253-0000", "US", PHONE_E164, "+16502530000"},
    {"011 49 30 83793369", "US", PHONE_E164, "+493083793369"},
    {"1-800-FLOWERS", "US", PHONE_E164, "+18003569377"},
    {"+1 415-555-0100", "DE", PHONE_E164, "+14155550100"}, /* not assigned, possible: taken */
    /* Not of the world's plan: kept as they are. */
    {"110", "DE", PHONE_OTHER, "110"},
    {"112", "DE", PHONE_OTHER, "112"},
    {"116117", "DE", PHONE_OTHER, "116117"},
    {"22833", "DE", PHONE_OTHER, "22833"},
    {"11111", "DE", PHONE_OTHER, "11111"},
    {"911", "US", PHONE_OTHER, "911"},
    {"0", "DE", PHONE_OTHER, "0"},
    {"030 83793369", NULL, PHONE_OTHER, "030 83793369"},
    {"030 83793369", "XX", PHONE_OTHER, "030 83793369"},
    {"+0301234567", "DE", PHONE_OTHER, "+0301234567"},
    {"+999 1234567890", "DE", PHONE_OTHER, "+999 1234567890"},
    {"anonymous", "DE", PHONE_OTHER, "anonymous"},
    {" Anonymous ", "DE", PHONE_OTHER, "Anonymous"},
    {"Restricted", "US", PHONE_OTHER, "Restricted"},
    {"unknown", "GB", PHONE_OTHER, "unknown"},
    {"sip:+493083793369@sip.example.com", "DE", PHONE_OTHER, "sip:+493083793369@sip.example.com"},
    {"alice@example.com;transport=tcp", "DE", PHONE_OTHER, "alice@example.com;transport=tcp"},
    {"030 8379\xFF"
     "3369",
     "DE", PHONE_OTHER,
     "030 8379\xFF"
     "3369"},
    {"", "DE", PHONE_ABSENT, NULL},
    {" \t\r\n\xE3\x80\x80", "DE", PHONE_ABSENT, NULL},
};

static void every_spelling_becomes_what_the_table_says(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(SPELLINGS); i++) {
        const struct spelling *this = &SPELLINGS[i];
        struct slice normal = SLICE("untouched");
        enum phone_kind kind = phone_normalize(arena, slice_of(this->text), this->region, &normal);
        if (kind != this->kind || !slice_same(normal, slice_of(this->normal)))
            fail_msg("\"%s\" in %s is %d \"%.*s\", not %d \"%s\"", this->text, this->region ? this->region : "-", kind,
                     SLICE_PRINT(normal), this->kind, this->normal ? this->normal : "(absent)");
    }
    arena_free(arena);
}

/* What came out is a number's one name: it comes out again. */
static void normal_numbers_stay_what_they_are(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(SPELLINGS); i++) {
        struct slice once;
        struct slice twice;
        enum phone_kind kind = phone_normalize(arena, slice_of(SPELLINGS[i].text), SPELLINGS[i].region, &once);
        assert_int_equal(phone_normalize(arena, once, SPELLINGS[i].region, &twice), kind);
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
        cmocka_unit_test(normal_numbers_stay_what_they_are),
        cmocka_unit_test(absent_is_absent),
        cmocka_unit_test(much_text_is_cut_and_not_parsed),
        cmocka_unit_test(nul_inside_is_text),
        cmocka_unit_test(regions_are_known_or_not),
    };
    return cmocka_run_group_tests_name("phone", tests, NULL, NULL);
}
