/* Values and the whole configuration as YAML; what differs between two configurations. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "table.h"

/* The shortest decimal that reads back to the same bits of a float or double, with a point: YAML 1.1 readers
 * take 1e-05 for a text. */
char *real_print(double value, bool is_float)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        const double back = strtod(text, NULL);
        if ((is_float ? (double)(float)back : back) == value) break;
    }
    if (strchr(text, '.')) return memory_print("%s", text);
    const int mantissa = (int)strcspn(text, "e");
    return memory_print("%.*s.0%s", mantissa, text, text + mantissa);
}

/* What stands for a line's end, which YAML would take for a blank: its letter after a backslash, and its
 * bytes. */
static const char *line_end(const char *text)
{
    static const char *const ends[] = {"n\n", "r\r", "N\xc2\x85", "L\xe2\x80\xa8", "P\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strncmp(text, ends[i] + 1, strlen(ends[i] + 1)) == 0) return ends[i];
    return NULL;
}

/* Without quotes only if every YAML reader takes it for a text. */
char *config_quoted(const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.";
    static const char *const taken[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
    bool plain = strspn(text, safe) == strlen(text) && (*text == '/' || (*text | 0x20) >= 'a');
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcasecmp(text, taken[i]) == 0) plain = false;
    if (plain) return memory_string(text);
    char *out = memory_new(2 * (int64_t)strlen(text) + 3, 1), *to = out;
    *to++ = '"';
    for (; *text; text++) {
        const char *const end = line_end(text);
        if (end || *text == '"' || *text == '\\') *to++ = '\\';
        *to++ = end ? *end : *text;
        if (end) text += strlen(end + 1) - 1;
    }
    *to = '"';
    return out;
}

static int64_t load_integer(const void *at, size_t bytes)
{
    int64_t wide;
    int32_t narrow;
    if (bytes == sizeof wide)
        memcpy(&wide, at, sizeof wide);
    else
        memcpy(&narrow, at, sizeof narrow), wide = narrow;
    return wide;
}

/* A number, or the word that stands for it. */
static char *print_integer(const struct key *key, int64_t value)
{
    for (int i = 0; key->words && key->words[i]; i++)
        if (value == key->lo + i) return memory_string(key->words[i]);
    return memory_print("%" PRId64, value);
}

/* A list field's elements, as int64_t; returns how many of them count. */
static int key_items(const struct config *config, const struct key *key, int64_t items[ORGANISM_LAYERS_MAX])
{
    const char *at = (const char *)config;
    int count = key->capacity;
    for (int i = 0; i < count; i++)
        items[i] = load_integer(at + key->offset + (size_t)i * key->bytes, key->bytes);
    if (key->count) memcpy(&count, at + key->count, sizeof count);
    return count;
}

static char *print_list(const int64_t *items, int n)
{
    char text[ORGANISM_LAYERS_MAX * 24 + 3] = "[";
    size_t at = 1;
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%" PRId64, i ? ", " : "", items[i]);
    strcpy(text + at, "]");
    return memory_string(text);
}

static double load_real(const void *at, size_t bytes)
{
    return bytes == sizeof(float) ? (double)*(const float *)at : *(const double *)at;
}

static char *print_reals(const char *at, const struct key *key)
{
    char text[ORGANISM_LAYERS_MAX * 32] = "[";
    for (int i = 0; i < key->capacity; i++) {
        char *one =
            real_print(load_real(at + (size_t)i * key->bytes, key->bytes), key->bytes == sizeof(float));
        memory_append(text, sizeof text, "%s%s", i ? ", " : "", one);
        memory_free(one);
    }
    memory_append(text, sizeof text, "]");
    return memory_string(text);
}

char *key_print(const struct config *config, const struct key *key)
{
    const void *at = (const char *)config + key->offset;
    const char *text;
    int index = 0;
    switch (key->type) {
    case KEY_INTEGER:
        return print_integer(key, load_integer(at, key->bytes));
    case KEY_REAL:
        if (key->open && load_real(at, key->bytes) < 0) return memory_string(key->open);
        return real_print(load_real(at, key->bytes), key->bytes == sizeof(float));
    case KEY_REALS:
        return print_reals(at, key);
    case KEY_SWITCH:
        return memory_string(key->words[*(const bool *)at ? 1 : 0]);
    case KEY_CHOICE:
        memcpy(&index, at, key->bytes);
        return memory_string(key->words[index]);
    case KEY_TEXT:
        memcpy(&text, at, sizeof text);
        return config_quoted(text);
    case KEY_STAGES:
        return stages_print(&config->schedule);
    case KEY_LIST:
        break;
    }
    int64_t items[ORGANISM_LAYERS_MAX];
    const int n = key_items(config, key, items);
    const bool open = key->count ? n == 0 : items[0] == 0 && items[n - 1] == 0;
    return open && key->open ? memory_string(key->open) : print_list(items, n);
}

/* The YAML text of all keys. job: the configuration from which the keys marked `job` are taken. */
static char *print_keys(const struct config *config, const struct config *job)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) fatal("out of memory: the configuration's text");
    const char *section = "";
    for (int i = 0; i < config_n_keys; i++) {
        const struct key *key = &config_keys[i];
        if (key->old) continue;
        if (strcmp(section, key->section) != 0) fprintf(out, "%s:\n", section = key->section);
        char *value = key_print(key->job ? job : config, key);
        fprintf(out, "  %s: %s\n", key->name, value);
        memory_free(value);
    }
    if (fclose(out) != 0) fatal("out of memory: the configuration's text");
    char *owned = memory_string(text);
    free(text);
    return owned;
}

char *config_text(const struct config *config)
{
    return print_keys(config, config);
}

char *config_text_for_files(const struct config *config)
{
    struct config defaults;
    config_defaults(&defaults);
    char *text = print_keys(config, &defaults);
    config_free(&defaults);
    return text;
}

/* The names of the keys whose values differ, of those that a resume may change, or may not. */
static char *differences(const struct config *saved, const struct config *now, bool may_change)
{
    char *names = NULL;
    for (int i = 0; i < config_n_keys; i++) {
        const struct key *key = &config_keys[i];
        if (key->may_change != may_change || key->job || key->old) continue;
        char *before = key_print(saved, key), *after = key_print(now, key);
        if (strcmp(before, after) != 0) {
            char *longer =
                memory_print("%s%s%s.%s", names ? names : "", names ? ", " : "", key->section, key->name);
            memory_free(names);
            names = longer;
        }
        memory_free(before);
        memory_free(after);
    }
    return names;
}

char *config_conflicts(const struct config *saved, const struct config *now)
{
    return differences(saved, now, false);
}

char *config_changes(const struct config *saved, const struct config *now)
{
    return differences(saved, now, true);
}
