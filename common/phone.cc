/* phone.cc: the one place that speaks C++: libphonenumber behind the functions of phone.h.
 *
 *      trim ──> "+", a country code, no trunk prefix behind it, 8-15 digits? ──yes──> as it is
 *                     │ no
 *                     v
 *      SIP, control bytes, broken UTF-8, over 255 bytes? ──yes──> text
 *                     │ no
 *                     v
 *      libphonenumber: valid, or possible, long enough and no short code? ──> "+" and digits, else text
 *
 * "Possible" is enough because number plans grow faster than the library's tables: what a new range spells today must be
 * the same text tomorrow. Short codes (110, 116117, 22833) keep their text: put behind +49 they would be someone else's.
 * The first question is all that most numbers are asked, and what it lets through is what the library would make of it, too
 * (tests/unit/phone.c holds it to that): +49030… is for the library, which makes +4930… of it, and leaves Rome's +3906….
 *
 * Refuses nothing: a caller may call himself what he likes.
 */
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <set>
#include <string>
#include <string_view>
#include <strings.h>

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

/* Kept: making one parses its tables anew. */
const ShortNumberInfo &short_numbers()
{
    static const ShortNumberInfo *const INFO = new ShortNumberInfo();
    return *INFO;
}

/* Spaces and marks that people, address books and typographers put around and into a number: ASCII's, NBSP, soft hyphen, the
 * general punctuation block's spaces, joiners and direction marks (pasted from contacts), the ideographic space, the byte
 * order mark. Returns how many bytes, 0: none. */
size_t space_length(struct slice text)
{
    static constexpr struct {
        std::string_view first, last; /* of the same length */
    } WIDE[] = {
        {"\xC2\xA0", "\xC2\xA0"},         {"\xC2\xAD", "\xC2\xAD"},         {"\xE2\x80\x80", "\xE2\x80\x8F"},
        {"\xE2\x80\xA8", "\xE2\x80\xAF"}, {"\xE2\x81\x9F", "\xE2\x81\xAF"}, {"\xE3\x80\x80", "\xE3\x80\x80"},
        {"\xEF\xBB\xBF", "\xEF\xBB\xBF"},
    };
    if (text.len && (text.ptr[0] == ' ' || (text.ptr[0] >= '\t' && text.ptr[0] <= '\r')))
        return 1;
    for (const auto &wide : WIDE) {
        std::string_view head(text.ptr, std::min(text.len, wide.first.size()));
        if (head.size() == wide.first.size() && wide.first <= head && head <= wide.last)
            return head.size();
    }
    return 0;
}

/* What the library is given: each run of such spaces is one blank, for it knows some of them and not others. */
std::string with_plain_spaces(struct slice text)
{
    std::string plain;
    for (size_t at = 0; at < text.len;) {
        size_t space = space_length(slice_from(text, at));
        if (!space)
            plain += text.ptr[at];
        else if (!plain.empty() && plain.back() != ' ')
            plain += ' ';
        at += space ? space : 1;
    }
    return plain;
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

/* Of each of 1-999: is it a country code, and with which digits may a number behind it not begin to be taken as it is? With 0
 * (a trunk prefix, or Rome's), with what else is dialled before national numbers (1, 8), and where the library rewrites more
 * than a prefix with none at all: Mexico's 1 and Argentina's 15 of mobiles, Brazil's and China's carriers, local numbers of
 * Madagascar, San Marino and Norfolk Island. No code begins another (ITU-T E.164, table D.1). */
struct country_code {
    bool exists;
    uint16_t refused; /* bit n: the digit n */
};

constexpr uint16_t NO_DIGIT_AS_IT_IS = 0x3FF;

std::array<country_code, 1000> make_country_codes()
{
    std::array<country_code, 1000> codes{};
    std::set<int> supported;
    library().GetSupportedCallingCodes(&supported);
    for (int code : supported) {
        country_code &known = codes[static_cast<size_t>(code)];
        std::list<std::string> regions;
        library().GetRegionCodesForCountryCallingCode(code, &regions);
        known = {true, 1};
        for (const std::string &region : regions) {
            std::string prefix;
            library().GetNddPrefixForRegion(region, true, &prefix);
            if (!prefix.empty())
                known.refused = static_cast<uint16_t>(known.refused | 1U << (prefix[0] - '0'));
        }
    }
    for (size_t rewritten : {52U, 54U, 55U, 86U, 261U, 378U, 672U})
        codes[rewritten].refused = NO_DIGIT_AS_IT_IS;
    return codes;
}

/* `text` is "+" and at least four digits. */
bool is_taken_as_it_is(struct slice text)
{
    static const std::array<country_code, 1000> CODES = make_country_codes();
    size_t code = 0;
    for (size_t length = 1; length <= 3; length++) {
        code = 10 * code + static_cast<size_t>(text.ptr[length] - '0');
        if (CODES[code].exists)
            return !(CODES[code].refused >> (text.ptr[length + 1] - '0') & 1);
    }
    return false;
}

/* The words that American carriers spell on the keypad where a caller has no number; whoever counts them as numbers makes one
 * customer of all anonymous callers. */
bool is_spelled_word(struct slice text)
{
    static constexpr std::string_view WORDS[] = {
        "266696687",   /* ANONYMOUS */
        "7378742833",  /* RESTRICTED */
        "2562533",     /* BLOCKED */
        "8656696",     /* UNKNOWN */
        "86282452253", /* UNAVAILABLE */
    };
    struct slice digits = slice_from(text, text.len && text.ptr[0] == '+');
    for (std::string_view word : WORDS)
        if (std::string_view(digits.ptr, digits.len) == word)
            return true;
    return false;
}

/* In either case: schemes of URIs are (RFC 3986, 3.1). */
bool begins_with(struct slice text, std::string_view scheme)
{
    return text.len >= scheme.size() && strncasecmp(text.ptr, scheme.data(), scheme.size()) == 0;
}

/* A tel: URI without the parameters that say nothing about the number (RFC 3966, 3): the library knows phone-context, ext and
 * isub, and refuses the rest, as carriers add it: ";verstat=TN-Validation-Passed", ";npdi", ";oli=62". */
std::string library_spelling(struct slice text)
{
    std::string plain = with_plain_spaces(text);
    if (!begins_with(text, "tel:"))
        return plain;
    std::string kept = plain.substr(0, plain.find(';'));
    for (size_t at = kept.size(); at < plain.size();) {
        size_t end = std::min(plain.find(';', at + 1), plain.size());
        std::string parameter = plain.substr(at, end - at);
        if (begins_with({parameter.data(), parameter.size()}, ";phone-context=") ||
            begins_with({parameter.data(), parameter.size()}, ";ext="))
            kept += parameter;
        at = end;
    }
    return kept;
}

/* Not for the library: it would find "+4930…" inside of "sip:+4930…@host" in some spellings and not in others. */
bool is_plain_text(struct slice text)
{
    if (begins_with(text, "sip:") || begins_with(text, "sips:") || std::memchr(text.ptr, '@', text.len))
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
           national.size() >= UNKNOWN_MIN_NATIONAL_DIGITS && national[0] != '0' && /* ten zeros are nobody */
           !short_numbers().IsValidShortNumberForRegion(number, region) && !short_numbers().IsValidShortNumber(number);
}

} // namespace

bool phone_is_e164(struct slice text)
{
    if (text.len < E164_MIN_DIGITS + 1 || text.len > E164_MAX_DIGITS + 1 || text.ptr[0] != '+' || text.ptr[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return is_taken_as_it_is(text) && !is_spelled_word(text);
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
    if (normal->len > PHONE_MAX_BYTES || is_plain_text(*normal) || is_spelled_word(*normal)) {
        *normal = cut(*normal);
        return PHONE_OTHER;
    }

    PhoneNumber parsed;
    std::string known_region = phone_region_known(region) ? region : "ZZ"; /* the library's "unknown" */
    if (library().Parse(library_spelling(*normal), known_region, &parsed) != PhoneNumberUtil::NO_PARSING_ERROR ||
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
