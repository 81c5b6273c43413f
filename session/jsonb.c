/* jsonb.c: one pass over the text; strings are stepped over, for brackets and digits in them mean nothing. */
#include "session/jsonb.h"

/* The first character behind the string that starts at `at`. */
static size_t skip_string(struct slice json, size_t at)
{
    for (at++; at < json.len && json.ptr[at] != '"'; at++)
        if (json.ptr[at] == '\\')
            at++;
    return at + 1;
}

static bool of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* The first character behind the number that starts at `at`; 0 if jsonb does not take it. */
static size_t skip_number(struct slice json, size_t at)
{
    size_t start = at;
    size_t exponent_digits = 0;
    bool exponent = false;
    for (; at < json.len && of_number(json.ptr[at]); at++) {
        exponent_digits += exponent && json.ptr[at] >= '0' && json.ptr[at] <= '9';
        exponent = exponent || json.ptr[at] == 'e' || json.ptr[at] == 'E';
    }
    return at - start <= JSONB_NUMBER_MAX && exponent_digits <= JSONB_EXPONENT_DIGITS_MAX ? at : 0;
}

bool jsonb_takes(struct slice json)
{
    int depth = 0;
    for (size_t at = 0; at < json.len;) {
        char c = json.ptr[at];
        if (c == '"') {
            at = skip_string(json, at);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            at = skip_number(json, at);
            if (at == 0)
                return false;
        } else {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            if (depth > JSONB_DEPTH_MAX)
                return false;
            at++;
        }
    }
    return true;
}
