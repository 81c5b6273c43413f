/* source_fields.c: see source_fields.h. */
#include "common/source_fields.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROBLEM_BYTES = 512, SHOWN_MAX = 40 };

void fields_problem(const struct fields *fields, const char *member, const char *format, ...)
{
    char text[PROBLEM_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *dot = *fields->place && member ? "." : "";
    const char *colon = *fields->place || member ? ": " : "";
    buffer_add_format(fields->problems, "%s: %s%s%s%s%s\n", fields->file, fields->place, dot, member ? member : "",
                      colon, text);
}

static bool is_among(struct slice name, const char *const *names)
{
    for (; *names; names++)
        if (slice_equals(name, *names))
            return true;
    return false;
}

static void refuse_unknown(const struct fields *fields, struct slice name, const char *const *names)
{
    struct buffer known = {0};
    for (size_t i = 0; names[i]; i++)
        buffer_add_format(&known, "%s%s", i ? ", " : "", names[i]);
    /* A member's name may be anything; a key that slipped in there is not to be shown whole. */
    fields_problem(fields, NULL, "has a member \"%.*s\", which is none of: %s",
                   (int)(name.len < SHOWN_MAX ? name.len : SHOWN_MAX), name.ptr, known.data);
    buffer_free(&known);
}

static bool stands_before(const struct json *object, struct slice name, size_t index)
{
    const struct json *member = NULL;
    for (size_t i = 0; i < index; i++)
        if (slice_same(json_name(object, i, &member), name))
            return true;
    return false;
}

static bool check_members(const struct fields *fields, const char *const *names)
{
    size_t before = fields->problems->len;
    if (!json_is_object(fields->object)) {
        fields_problem(fields, NULL, "is no object: write { … }");
        return false;
    }
    for (size_t i = 0; i < json_length(fields->object); i++) {
        const struct json *member = NULL;
        struct slice name = json_name(fields->object, i, &member);
        if (!is_among(name, names))
            refuse_unknown(fields, name, names);
        else if (stands_before(fields->object, name, i))
            fields_problem(fields, NULL, "has \"%.*s\" twice: keep one", SLICE_PRINT(name));
    }
    return fields->problems->len == before;
}

bool fields_of_root(struct fields *fields, const char *file, struct buffer *problems, const struct json *root,
                    const char *const *names)
{
    *fields = (struct fields){.file = file, .problems = problems, .object = root};
    return check_members(fields, names);
}

bool fields_of_element(struct fields *fields, const struct fields *outer, const char *member, size_t index,
                       const struct json *element, const char *const *names)
{
    *fields = (struct fields){.file = outer->file, .problems = outer->problems, .object = element};
    snprintf(fields->place, sizeof fields->place, "%.80s%s%s[%zu]", outer->place, *outer->place ? "." : "", member,
             index);
    return check_members(fields, names);
}

struct slice fields_text(const struct fields *fields, const char *member, bool required)
{
    const struct json *value = json_get(fields->object, member);
    struct slice text = json_text(value);
    if (!value && required)
        fields_problem(fields, member, "is not there: it must be a string");
    else if (value && slice_absent(text))
        fields_problem(fields, member, "is no string");
    else if (value && memchr(text.ptr, '\0', text.len))
        fields_problem(fields, member, "has a NUL in it");
    else
        return text;
    return SLICE_ABSENT;
}

int64_t fields_count(const struct fields *fields, const char *member, int64_t min, int64_t max, int64_t otherwise)
{
    const struct json *value = json_get(fields->object, member);
    int64_t number = 0;
    if (!value)
        return otherwise;
    if (json_int(value, &number) && number >= min && number <= max)
        return number;
    fields_problem(fields, member, "is not right: it must be a whole number from %lld to %lld", (long long)min,
                   (long long)max);
    return otherwise;
}

const struct json *fields_array(const struct fields *fields, const char *member, size_t most, bool required)
{
    const struct json *value = json_get(fields->object, member);
    if (!value && !required)
        return NULL;
    if (value && json_is_array(value) && json_length(value) >= 1 && json_length(value) <= most)
        return value;
    fields_problem(fields, member, "%s: it must be an array of 1 to %zu", value ? "is not right" : "is not there",
                   most);
    return NULL;
}

int fields_word(const struct fields *fields, const char *member, const char *const *words, int otherwise)
{
    if (!json_get(fields->object, member))
        return otherwise;
    struct slice text = fields_text(fields, member, true);
    struct buffer known = {0};
    for (int i = 0; words[i]; i++) {
        if (slice_equals(text, words[i])) {
            buffer_free(&known);
            return i;
        }
        buffer_add_format(&known, "%s\"%s\"", i ? " or " : "", words[i]);
    }
    if (!slice_absent(text))
        fields_problem(fields, member, "is not right: it must be %s", known.data);
    buffer_free(&known);
    return otherwise;
}
