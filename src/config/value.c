/* One value: from words to a field of struct config, and back. */
#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/number.h"
#include "metazoa/base/path.h"
#include "table.h"

void value_free(struct value *value)
{
    for (int i = 0; i < value->n && i < VALUE_WORDS_MAX; i++) {
        memory_free(value->word[i].key);
        memory_free(value->word[i].text);
    }
    *value = (struct value){0};
}

struct shown text_shown(const char *text)
{
    struct shown shown = {{0}};
    size_t n = 0;
    for (; text[n] && n < 60; n++) shown.text[n] = text[n];
    if (text[n]) {
        /* Not within a character: its bytes after the first are 10xxxxxx. */
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
        strcpy(shown.text + n, "...");
    }
    for (char *at = shown.text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = '?';
    return shown;
}

/* False for control characters, and for line ends and non-characters of Unicode, which YAML does not keep. */
static bool text_printable(const char *text)
{
    static const char *const refused[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe",
                                          "\xef\xbf\xbf"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strstr(text, refused[i])) return false;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < ' ' || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0)) return false;
    return true;
}

static bool integer_fits(const struct key *key, const struct word *word, int64_t *out)
{
    const int index = key->type == KEY_INTEGER && key->words ? words_find(key->words, word->text) : -1;
    if (index >= 0) *out = key->lo + index;
    return index >= 0 ||
           (word->plain && number_integer(word->text, out) && *out >= key->lo && *out <= key->hi);
}

/* A number of four or eight bytes, and an enum, which has four or less. */
static void store_integer(void *at, size_t bytes, int64_t value)
{
    const int32_t narrow = (int32_t)value;
    if (bytes == sizeof value)
        memcpy(at, &value, sizeof value);
    else
        memcpy(at, &narrow, sizeof narrow);
}

static bool set_real(void *at, const struct key *key, const struct word *word)
{
    double real;
    if (key->open && strcmp(key->open, word->text) == 0)
        real = -1;
    else if (!word->plain || !number_real(word->text, &real) || !(real >= key->least && real <= key->most))
        return false;
    if (key->bytes == sizeof(float))
        *(float *)at = (float)real;
    else
        *(double *)at = real;
    return true;
}

static bool set_choice(void *at, const struct key *key, const struct word *word)
{
    const int index = words_find(key->words, word->text);
    if (index < 0) return false;
    if (key->type == KEY_SWITCH)
        *(bool *)at = index == 1;
    else
        memcpy(at, &index, key->bytes);
    return true;
}

bool null_text(const char *text)
{
    static const char *const null[] = {"", "~", "null", "Null", "NULL", NULL};
    return words_find(null, text) >= 0;
}

/* False, with a problem: a path with ~ or a variable, which cannot be meant as the name of a file or folder.
 * */
static bool path_fits(const struct key *key, const struct value *value, struct problems *problems)
{
    if (value->nested || value->list) return true;
    const char *reason;
    char *path = path_meant(value->word[0].text, &reason);
    memory_free(path);
    if (path) return true;
    place_problem(&value->place, problems, "%s.%s = %s: %s", key->section, key->name,
                  text_shown(value->word[0].text).text, reason);
    return false;
}

static bool set_text(void *at, const struct key *key, const struct word *word)
{
    const char *reason;
    char *text = key->path ? path_meant(word->text, &reason) : memory_string(word->text), *before;
    const int64_t length = (int64_t)strlen(text);
    const bool fits = key->lo <= length && length <= key->hi && text_printable(text);
    memcpy(&before, at, sizeof before);
    memory_free(fits ? before : text);
    if (fits) memcpy(at, &text, sizeof text);
    return fits;
}

static bool set_word(void *at, const struct key *key, const struct word *word)
{
    int64_t integer;
    switch (key->type) {
    case KEY_INTEGER:
        if (!integer_fits(key, word, &integer)) return false;
        store_integer(at, key->bytes, integer);
        return true;
    case KEY_REAL:
        return set_real(at, key, word);
    case KEY_CHOICE:
    case KEY_SWITCH:
        return set_choice(at, key, word);
    case KEY_TEXT:
        return set_text(at, key, word);
    case KEY_REALS:
        return false;
    case KEY_STAGES:
    case KEY_LIST: /* a lone word: "auto", "all", ... */
        return key->open && strcmp(key->open, word->text) == 0;
    }
    return false;
}

/* The index of the first word in a list that does not fit; -1: all fit. */
static int misfit(const struct key *key, const struct value *value, int64_t *items)
{
    for (int i = 0; i < value->n; i++)
        if (!integer_fits(key, &value->word[i], &items[i])) return i;
    return -1;
}

/* False: the value does not fit; *place is then the place of what does not. */
static bool set_list(struct config *config, const struct key *key, const struct value *value,
                     const struct place **place)
{
    int64_t items[ORGANISM_LAYERS_MAX] = {0};
    assert(key->capacity <= ORGANISM_LAYERS_MAX);
    if (value->list) {
        if (value->n > key->capacity || (!key->count && value->n != key->capacity)) return false;
        const int bad = misfit(key, value, items);
        if (bad >= 0) *place = &value->word[bad].place;
        if (bad >= 0) return false;
    } else if (!set_word(items, key, &value->word[0])) {
        return false;
    }
    for (int i = 0; i < key->capacity; i++)
        store_integer((char *)config + key->offset + (size_t)i * key->bytes, key->bytes, items[i]);
    if (key->count) *(int *)(void *)((char *)config + key->count) = value->list ? value->n : 0;
    return true;
}

/* The same for an array of numbers, all of which are given. */
static bool set_reals(struct config *config, const struct key *key, const struct value *value,
                      const struct place **place)
{
    char *at = (char *)config + key->offset;
    double before[ORGANISM_LAYERS_MAX];
    if (!value->list || value->n != key->capacity) return false;
    memcpy(before, at, key->bytes * (size_t)key->capacity);
    for (int i = 0; i < key->capacity; i++) {
        if (set_real(at + (size_t)i * key->bytes, key, &value->word[i])) continue;
        *place = &value->word[i].place;
        memcpy(at, before, key->bytes * (size_t)key->capacity);
        return false;
    }
    return true;
}

/* "[1, 2, x]", for a message. */
static struct shown value_shown(const struct value *value)
{
    char text[VALUE_WORDS_MAX * sizeof(struct shown)] = "";
    size_t n = 0;
    if (value->nested) return text_shown("a structure");
    if (value->list) text[n++] = '[';
    for (int i = 0; i < value->n && i < VALUE_WORDS_MAX && n < sizeof(struct shown); i++) {
        const struct word *word = &value->word[i];
        const bool opens = word->key && (i == 0 || word[-1].item != word->item);
        const bool closes =
            word->key && (i + 1 == value->n || i + 1 == VALUE_WORDS_MAX || word[1].item != word->item);
        const char *quote = word->plain ? "" : "\"";
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s%s%s%s%s", i ? ", " : "", opens ? "{" : "",
                              word->key ? text_shown(word->key).text : "", word->key ? ": " : "", quote,
                              text_shown(word->text).text, quote, closes ? "}" : "");
    }
    if (value->list) strcpy(text + n, "]");
    return text_shown(text);
}

static bool vanishes(const struct value *value)
{
    bool any = false;
    for (int i = 0; i < value->n && i < VALUE_WORDS_MAX; i++)
        any = any || (value->word[i].plain && number_vanishes(value->word[i].text));
    return any;
}

bool key_set(struct config *config, const struct key *key, const struct value *value,
             struct problems *problems)
{
    if (value->broken) return false;
    const struct place *place = &value->place;
    if (!value->nested && !value->list && value->word[0].plain && null_text(value->word[0].text)) {
        place_problem(place, problems, "%s.%s " NO_VALUE, key->section, key->name);
        return false;
    }
    if (key->path && !path_fits(key, value, problems)) return false;
    bool good = !value->nested;
    if (good && key->type == KEY_STAGES && value->list)
        good = stages_set(&config->schedule, value, &place);
    else if (good && value->maps)
        good = false;
    else if (good && key->type == KEY_LIST)
        good = set_list(config, key, value, &place);
    else if (good && key->type == KEY_REALS)
        good = set_reals(config, key, value, &place);
    else if (good)
        good = !value->list && set_word((char *)config + key->offset, key, &value->word[0]);
    if (good) return true;
    char *values = key_values(key);
    place_problem(place, problems, "%s.%s = %s: must be %s%s", key->section, key->name,
                  value_shown(value).text, values,
                  vanishes(value) ? "; nearer to zero than 1.2e-38 it would count as zero: write 0" : "");
    memory_free(values);
    return false;
}

void place_problem(const struct place *place, struct problems *problems, const char *format, ...)
{
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (place->line > 0)
        problems_add(problems, EXIT_USAGE, "%s:%lld:%lld: %s", place->name, (long long)place->line,
                     (long long)place->column, message);
    else
        problems_add(problems, EXIT_USAGE, "%s: %s", place->name, message);
}
