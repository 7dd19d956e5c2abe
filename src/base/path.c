#include "metazoa/base/path.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"

static bool has_variable(const char *text)
{
    for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$'))
        if (isalpha((unsigned char)at[1]) || at[1] == '_' || at[1] == '{') return true;
    return false;
}

char *path_meant(const char *text, const char **reason)
{
    *reason = "variables like $HOME are not replaced here: write it out";
    if (has_variable(text)) return NULL;
    if (*text != '~') return memory_string(text);
    *reason = "of the paths with ~ only ~/... is understood: write it out, or begin it with ./";
    if (text[1] && text[1] != '/') return NULL;
    const char *home = getenv("HOME");
    *reason = "there is no home folder (the variable HOME is not set): write it out";
    if (!home || *home != '/') return NULL;
    return memory_print("%s%s", home, text + 1);
}
