/* phone.cc: the one place that speaks C++: libphonenumber behind the functions of phone.h.
 *
 *      trim ──> "+", a country code that there is, no 0 behind it, 8-15 digits in all? ──yes──> as it is
 *                     │ no
 *                     v
 *      SIP, control bytes, broken UTF-8, over 255 bytes? ──yes──> text
 *                     │ no
 *                     v
 *      libphonenumber: valid, or possible, long enough and no short code? ──> "+" and digits, else text
 *
 * "Possible" is enough because number plans grow faster than the library's tables: what a new range spells today must be
 * the same text tomorrow. Short codes (110, 116117, 22833) keep their text: put behind +49 they would be someone else's.
 * The first question is all that most numbers are asked. Whatever it lets through is what the library would make of it, too:
 * only a 0 after the country code may be a trunk prefix that has to go (+49030… is +4930…, but Rome's +3906… keeps it), and
 * a country code that does not exist makes no number.
 *
 * Refuses nothing: a caller may call himself what he likes.
 */
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>
#include <phonenumbers/shortnumberinfo.h>

/* C headers, which know nothing of C++. */
extern "C" {
#include "common/phone.h"
#include "common/text.h"
}

using i18n::phonenumbers::NullLogger;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;
using i18n::phonenumbers::ShortNumberInfo;

namespace
{

/* The library's own limit is 250 characters; ours is the widest text that phone_numbers.number is looked up with. */
constexpr size_t PHONE_MAX_BYTES = 255;
/* ITU-T E.164, 6.2: at most 15 digits, the country code among them. */
constexpr size_t E164_MAX_DIGITS = 15;
constexpr size_t E164_MIN_DIGITS = 8;
/* The shortest national number that is believed without being known to the library. */
constexpr size_t UNKNOWN_MIN_NATIONAL_DIGITS = 7;

const PhoneNumberUtil &library()
{
    static PhoneNumberUtil *const UTIL = [] {
        PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
        util->SetLogger(new NullLogger()); /* it would print numbers in full; the library owns it */
        return util;
    }();
    return *UTIL;
}

/* Spaces that people and their address books put around a number: ASCII's, NBSP, the general punctuation block's spaces
 * and direction marks (pasted from contacts), the ideographic space, the byte order mark. Returns how many bytes, 0: none. */
size_t space_length(struct slice text)
{
    static constexpr std::string_view WIDE[] = {
        "\xC2\xA0",     "\xE2\x80\x8B", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xAA",
        "\xE2\x80\xAC", "\xE2\x80\xAD", "\xE2\x80\xAF", "\xE3\x80\x80", "\xEF\xBB\xBF",
    };
    if (text.len && (text.ptr[0] == ' ' || (text.ptr[0] >= '\t' && text.ptr[0] <= '\r')))
        return 1;
    for (std::string_view wide : WIDE)
        if (text.len >= wide.size() && std::memcmp(text.ptr, wide.data(), wide.size()) == 0)
            return wide.size();
    return 0;
}

struct slice trimmed(struct slice text)
{
    while (size_t space = space_length(text))
        text = slice_from(text, space);
    for (bool again = true; again;) {
        again = false;
        for (size_t width = 1; width <= 3 && width <= text.len && !again; width++)
            if (space_length({text.ptr + text.len - width, width}) == width) {
                text.len -= width;
                again = true;
            }
    }
    return text;
}

/* Which of 1-999 are country codes: no code begins another (ITU-T E.164, table D.1), so the first that fits is the one. */
const std::array<bool, 1000> &country_codes()
{
    static const std::array<bool, 1000> CODES = [] {
        std::set<int> supported;
        std::array<bool, 1000> codes{};
        library().GetSupportedCallingCodes(&supported);
        for (int code : supported)
            codes[static_cast<size_t>(code)] = true;
        return codes;
    }();
    return CODES;
}

/* How many digits of "+…" are its country code; 0: there is none. */
size_t country_code_length(struct slice text)
{
    size_t code = 0;
    for (size_t length = 1; length <= 3; length++) {
        code = 10 * code + static_cast<size_t>(text.ptr[length] - '0');
        if (country_codes()[code])
            return length;
    }
    return 0;
}

/* Not for the library: it would find "+4930…" inside of "sip:+4930…@host" in some spellings and not in others. */
bool is_plain_text(struct slice text)
{
    if (slice_starts_with(text, "sip:") || slice_starts_with(text, "sips:") || std::memchr(text.ptr, '@', text.len))
        return true;
    for (size_t at = 0; at < text.len;) {
        size_t width = text_utf8_length(slice_from(text, at));
        if (width == 0 || static_cast<unsigned char>(text.ptr[at]) < ' ')
            return true;
        at += width;
    }
    return false;
}

struct slice cut(struct slice text)
{
    if (text.len <= PHONE_MAX_BYTES)
        return text;
    text.len = PHONE_MAX_BYTES;
    while (text.len && (static_cast<unsigned char>(text.ptr[text.len]) & 0xC0) == 0x80)
        text.len--; /* not through the middle of a character */
    return text;
}

bool is_of_the_worlds_plan(const PhoneNumber &number, const std::string &region)
{
    if (library().IsValidNumber(number))
        return true;
    std::string national;
    library().GetNationalSignificantNumber(number, &national);
    return library().IsPossibleNumberWithReason(number) == PhoneNumberUtil::IS_POSSIBLE &&
           national.size() >= UNKNOWN_MIN_NATIONAL_DIGITS &&
           !ShortNumberInfo().IsValidShortNumberForRegion(number, region) &&
           !ShortNumberInfo().IsValidShortNumber(number);
}

} // namespace

bool phone_is_e164(struct slice text)
{
    if (text.len < E164_MIN_DIGITS + 1 || text.len > E164_MAX_DIGITS + 1 || text.ptr[0] != '+' || text.ptr[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    size_t code = country_code_length(text);
    return code && text.ptr[1 + code] != '0';
}

bool phone_region_known(const char *region)
{
    return region && library().GetCountryCodeForRegion(region) != 0;
}

enum phone_kind phone_normalize(struct arena *arena, struct slice number, const char *region, struct slice *normal)
{
    *normal = trimmed(number);
    if (normal->len == 0) {
        *normal = {nullptr, 0};
        return PHONE_ABSENT;
    }
    if (phone_is_e164(*normal))
        return PHONE_E164;
    if (normal->len > PHONE_MAX_BYTES || is_plain_text(*normal)) {
        *normal = cut(*normal);
        return PHONE_OTHER;
    }

    PhoneNumber parsed;
    std::string known_region = phone_region_known(region) ? region : "ZZ"; /* the library's "unknown" */
    if (library().Parse(std::string(normal->ptr, normal->len), known_region, &parsed) !=
            PhoneNumberUtil::NO_PARSING_ERROR ||
        !is_of_the_worlds_plan(parsed, known_region))
        return PHONE_OTHER;
    std::string formatted;
    library().Format(parsed, PhoneNumberUtil::E164, &formatted);
    *normal = arena_copy(arena, {formatted.data(), formatted.size()});
    return PHONE_E164;
}

struct slice phone_format(struct arena *arena, struct slice number)
{
    PhoneNumber parsed;
    if (number.len == 0 || number.len > E164_MAX_DIGITS + 1 || number.ptr[0] != '+' ||
        library().Parse(std::string(number.ptr, number.len), "ZZ", &parsed) != PhoneNumberUtil::NO_PARSING_ERROR)
        return number;
    std::string formatted;
    library().Format(parsed, PhoneNumberUtil::INTERNATIONAL, &formatted);
    return arena_copy(arena, {formatted.data(), formatted.size()});
}
