/* Texts in memory (memory.h). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"

char *memory_string(const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(memory_new((int64_t)n, 1), text, n);
}

char *memory_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0) fatal("cannot format a message: \"%s\"", format);
    char *text = memory_new((int64_t)n + 1, 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)n + 1, format, arguments);
    va_end(arguments);
    return text;
}

void memory_append(char *text, size_t room, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, room - used, format, arguments);
    va_end(arguments);
}
