/* javascript_number.c: the digits are strtod's and printf's; only the form is JavaScript's. */
#include "ingest/javascript_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"

enum { DIGITS_MAX = 17, DIGITS_BYTES = 24 };

/* WhiteSpace and LineTerminator, as far as they are Latin-1. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

double javascript_parse_int(struct slice text)
{
    size_t at = 0;
    while (at < text.len && is_space(text.ptr[at]))
        at++;
    bool negative = at < text.len && text.ptr[at] == '-';
    at += at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
    size_t digits = at;
    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    if (at == digits)
        return (double)NAN; /* a float in C */
    char *copy = memory_new(at - digits + 1, 1);
    memcpy(copy, text.ptr + digits, at - digits);
    double number = strtod(copy, NULL); /* decimal digits only: no locale, no hexadecimal */
    free(copy);
    return negative ? -number : number;
}

/* The fewest digits that denote the number: "d.ddde+xx" -> digits and exponent. */
static int shortest_digits(double number, char digits[DIGITS_BYTES])
{
    char text[JAVASCRIPT_NUMBER_BYTES];
    for (int precision = 0; precision < DIGITS_MAX; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    size_t count = 0;
    for (const char *at = text; *at != 'e'; at++)
        if (is_digit(*at) && count < DIGITS_MAX)
            digits[count++] = *at;
    digits[count] = '\0';
    return (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

void javascript_print(double number, char text[JAVASCRIPT_NUMBER_BYTES])
{
    static const double PLAIN_BELOW = 1e21; /* from here on with an exponent */
    char digits[DIGITS_BYTES] = "";
    const char *sign = number < 0 ? "-" : ""; /* -0 is "0" */
    double size = fabs(number);
    if (isnan(number)) {
        snprintf(text, JAVASCRIPT_NUMBER_BYTES, "NaN");
    } else if (isinf(number)) {
        snprintf(text, JAVASCRIPT_NUMBER_BYTES, "%sInfinity", sign);
    } else if (size < PLAIN_BELOW) {
        int exponent = shortest_digits(size, digits);
        int behind = exponent + 1 - (int)strlen(digits);
        snprintf(text, JAVASCRIPT_NUMBER_BYTES, "%s%s%.*s", sign, digits, behind, "00000000000000000000000");
    } else {
        int exponent = shortest_digits(size, digits);
        snprintf(text, JAVASCRIPT_NUMBER_BYTES, "%s%c%s%se+%d", sign, digits[0], digits[1] ? "." : "", digits + 1,
                 exponent);
    }
}
