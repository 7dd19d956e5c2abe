#include "metazoa/base/words.h"

#include "metazoa/base/memory.h"

char *words_listed(const char *const *words)
{
    char text[256] = "";
    for (int i = 0; words[i]; i++)
        memory_append(text, sizeof text, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    return memory_string(text);
}
