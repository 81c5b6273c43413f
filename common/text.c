/* text.c: UTF-8 by RFC 3629, times by RFC 3339. */
#include "common/text.h"

#include "common/buffer.h"

static bool continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t text_utf8_length(struct slice text)
{
    if (text.len == 0 || !text.ptr)
        return 0;
    const unsigned char *at = (const unsigned char *)text.ptr;
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        return text.len >= 2 && continuation(at[1]) ? 2 : 0;
    if (at[0] >= 0xe0 && at[0] <= 0xef) {
        if (text.len < 3 || !continuation(at[1]) || !continuation(at[2]))
            return 0;
        bool over_long = at[0] == 0xe0 && at[1] < 0xa0;
        bool surrogate = at[0] == 0xed && at[1] >= 0xa0;
        return over_long || surrogate ? 0 : 3;
    }
    if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        if (text.len < 4 || !continuation(at[1]) || !continuation(at[2]) || !continuation(at[3]))
            return 0;
        bool over_long = at[0] == 0xf0 && at[1] < 0x90;
        bool beyond = at[0] == 0xf4 && at[1] >= 0x90;
        return over_long || beyond ? 0 : 4;
    }
    return 0;
}

/* Whether the next eight bytes are ASCII and none of them is NUL: what nearly all text is made of. */
static bool eight_plain(const char *at)
{
    static const uint64_t ONES = UINT64_C(0x0101010101010101);
    static const uint64_t HIGH = UINT64_C(0x8080808080808080);
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return ((word | (word - ONES)) & HIGH) == 0;
}

/* Length of the prefix that needs no repair. */
static size_t sound_prefix(struct slice text)
{
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= 8 && eight_plain(text.ptr + at)) {
            at += 8;
            continue;
        }
        size_t length = text_utf8_length(slice_from(text, at));
        if (length == 0 || text.ptr[at] == '\0')
            break;
        at += length;
    }
    return at;
}

struct slice text_repair(struct arena *arena, struct slice text, uint64_t *repaired)
{
    size_t sound = sound_prefix(text);
    if (sound == text.len)
        return text;
    ++*repaired;
    char *copy = arena_alloc(arena, sound + 3 * (text.len - sound) + 1);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        size_t length = text_utf8_length(slice_from(text, at));
        if (length == 0 || text.ptr[at] == '\0') {
            memcpy(copy + len, TEXT_REPLACEMENT, 3);
            len += 3;
            at++;
        } else {
            memcpy(copy + len, text.ptr + at, length);
            len += length;
            at += length;
        }
    }
    copy[len] = '\0';
    return (struct slice){copy, len};
}

struct slice text_trimmed(struct slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = slice_from(text, 1);
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool text_fits(struct slice text, const char *pattern)
{
    size_t len = strlen(pattern);
    if (len == 0 || pattern[len - 1] != '*')
        return slice_equals(text, pattern);
    return text.len >= len - 1 && memcmp(text.ptr, pattern, len - 1) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_read_hex(struct slice hex, uint8_t *bytes, size_t size)
{
    if (hex.len != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(hex.ptr[2 * i]);
        int low = hex_digit(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void text_write_hex(const uint8_t *bytes, size_t size, char *text)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *text++ = DIGITS[bytes[i] >> 4];
        *text++ = DIGITS[bytes[i] & 15];
    }
}

bool text_read_int(struct slice text, int64_t *number)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.len)
        return false;
    int64_t value = 0; /* counted downwards: INT64_MIN has no positive twin */
    for (; at < text.len; at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, text.ptr[at] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *number = negative ? value : -value;
    return true;
}

/* `digits` decimal digits at `at`, -1 if they are none. */
static int read_digits(struct slice text, size_t at, size_t digits)
{
    int value = 0;
    if (at + digits > text.len)
        return -1;
    for (size_t i = at; i < at + digits; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar: years are counted from March, so that the leap
 * day is the last of its year. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool date_exists(int year, int month, int day)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= DAYS[month - 1] + (month == 2 && leap);
}

/* What follows the seconds: a fraction (cut to ms) and the offset from UTC in minutes. */
static bool read_fraction_and_offset(struct slice text, size_t at, int64_t *ms, int *offset_minutes)
{
    *ms = 0;
    if (at < text.len && text.ptr[at] == '.') {
        int scale = 100;
        size_t first = ++at;
        for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++, scale /= 10)
            *ms += (int64_t)(text.ptr[at] - '0') * scale;
        if (at == first)
            return false;
    }
    if (at + 1 == text.len && (text.ptr[at] == 'Z' || text.ptr[at] == 'z')) {
        *offset_minutes = 0;
        return true;
    }
    if (at + 6 != text.len || (text.ptr[at] != '+' && text.ptr[at] != '-') || text.ptr[at + 3] != ':')
        return false;
    int hours = read_digits(text, at + 1, 2);
    int minutes = read_digits(text, at + 4, 2);
    *offset_minutes = (text.ptr[at] == '-' ? -1 : 1) * (hours * 60 + minutes);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

bool text_read_time(struct slice text, int64_t *ms)
{
    if (text.len < 20 || text.ptr[4] != '-' || text.ptr[7] != '-' || (text.ptr[10] != 'T' && text.ptr[10] != 't') ||
        text.ptr[13] != ':' || text.ptr[16] != ':')
        return false;
    int year = read_digits(text, 0, 4);
    int month = read_digits(text, 5, 2);
    int day = read_digits(text, 8, 2);
    int hour = read_digits(text, 11, 2);
    int minute = read_digits(text, 14, 2);
    int second = read_digits(text, 17, 2);
    int64_t fraction = 0;
    int offset = 0;
    if (!date_exists(year, month, day) || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60 || !read_fraction_and_offset(text, 19, &fraction, &offset))
        return false;
    *ms = ((days_of_date(year, month, day) * 24 + hour) * 60 + minute - offset) * 60000 + (int64_t)second * 1000 +
          fraction;
    return true;
}

struct slice text_write_time(struct arena *arena, int64_t ms)
{
    struct buffer text = {0};
    buffer_add_time(&text, ms);
    struct slice copy = arena_copy(arena, buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

struct slice text_mask_number(struct arena *arena, struct slice number)
{
    if (number.len < 7)
        return SLICE("…");
    return arena_format(arena, "%.3s…%.3s", number.ptr, number.ptr + number.len - 3);
}
