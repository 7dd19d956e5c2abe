/*
 * Words: an enum and the words that stand for its values in configurations, files and messages come from one
 * list, so that neither can be changed without the other.
 *
 *     #define COLOURS(X) X(COLOUR_RED, "red") X(COLOUR_BLUE, "blue")
 *     enum colour { COLOURS(WORDS_VALUE) COLOUR_COUNT };
 *     extern const char *const colour_words[];                          in the header
 *     const char *const colour_words[] = {COLOURS(WORDS_TEXT) NULL};    in one source file
 *
 * A list of words ends with NULL; the word of a value is colour_words[value]. All functions are local.
 */
#ifndef METAZOA_BASE_WORDS_H
#define METAZOA_BASE_WORDS_H

#include <string.h>

/* A list may have further columns, for tables that have one row per value. */
#define WORDS_VALUE(value, ...) value,
#define WORDS_TEXT(value, word, ...) word,
/* For help texts: " word: text", if the third column is a text. */
#define WORDS_HELP(value, word, text) " " word ": " text

/* The value that a word stands for, or -1 if it is not in the list. */
static inline int words_find(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0) return i;
    return -1;
}

/* "a, b or c"; owned by the caller (memory_free). */
char *words_listed(const char *const *words);

#endif
