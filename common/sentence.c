/* sentence.c: formats and keeps. Pure but for malloc. */
#include "common/sentence.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/arena.h"

const char *sentence_make(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return memory_copy_string(text);
}
