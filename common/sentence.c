/* sentence.c: formats and keeps. Pure but for malloc. */
#include "common/sentence.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/arena.h"

/* Kept in a list, so that a leak checker sees that they are meant to stay. */
struct sentence {
    struct sentence *older;
    char text[512];
};

static struct sentence *newest;

const char *sentence_make(const char *format, ...)
{
    struct sentence *sentence = memory_new(1, sizeof *sentence);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence->text, sizeof sentence->text, format, arguments);
    va_end(arguments);
    sentence->older = newest;
    newest = sentence;
    return sentence->text;
}
