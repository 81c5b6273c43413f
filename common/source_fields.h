/* source_fields.h: the members of one object of the sources file, read by name and form; what is wrong is said with its
 * place. Pure: for source_read.c. */
#ifndef HOOKLINE_COMMON_SOURCE_FIELDS_H
#define HOOKLINE_COMMON_SOURCE_FIELDS_H

#include "common/buffer.h"
#include "common/json.h"

enum { FIELDS_PLACE_BYTES = 128 };

/* Where we are: "sources[2].keys[0]". */
struct fields {
    const char *file;
    struct buffer *problems;
    const struct json *object;
    char place[FIELDS_PLACE_BYTES];
};

/* The element of an array that is a member of `outer`. False, and a problem: it is no object, or has a member that is not
 * among `names` (NULL ends), or one twice. */
bool fields_of_element(struct fields *fields, const struct fields *outer, const char *member, size_t index,
                       const struct json *element, const char *const *names);
bool fields_of_root(struct fields *fields, const char *file, struct buffer *problems, const struct json *root,
                    const char *const *names);

/* A line: "FILE: PLACE.member: …"; `member` NULL: the object itself. */
void fields_problem(const struct fields *fields, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The member, if it is there and of the form; absent, `otherwise` or NULL if it is not there; the same after a problem. */
struct slice fields_text(const struct fields *fields, const char *member, bool required);
int64_t fields_count(const struct fields *fields, const char *member, int64_t min, int64_t max, int64_t otherwise);
/* An array of 1 to `most` elements. */
const struct json *fields_array(const struct fields *fields, const char *member, size_t most, bool required);
/* Which of `words` ("a|b") it is, from 0; `otherwise` if it is not there. */
int fields_word(const struct fields *fields, const char *member, const char *const *words, int otherwise);

#endif
