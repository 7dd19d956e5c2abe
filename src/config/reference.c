/* The reference of all keys, from the table: for --help and for the documentation. */
#include <inttypes.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "table.h"

/* "none, init or an integer from 1 to 10". */
static char *integer_values(const struct key *key)
{
    char text[256] = "";
    int n = 0;
    for (; key->words[n]; n++) memory_append(text, sizeof text, "%s%s", n ? ", " : "", key->words[n]);
    memory_append(text, sizeof text, " or an integer from %" PRId64 " to %" PRId64, key->lo + n, key->hi);
    return memory_string(text);
}

char *key_values(const struct key *key)
{
    switch (key->type) {
    case KEY_INTEGER:
        if (key->words) return integer_values(key);
        return memory_print("an integer from %" PRId64 " to %" PRId64, key->lo, key->hi);
    case KEY_REAL:
        return memory_print("a number from %g to %g%s%s", key->least, key->most, key->open ? ", or " : "",
                            key->open ? key->open : "");
    case KEY_REALS:
        return memory_print("a list of %d numbers from %g to %.9g", key->capacity, key->least, key->most);
    case KEY_TEXT:
        return memory_print("a text of %" PRId64 " to %" PRId64 " bytes without control characters", key->lo,
                            key->hi);
    case KEY_CHOICE:
    case KEY_SWITCH:
        return words_listed(key->words);
    case KEY_STAGES:
        return memory_print(
            "a list like [{task: 200}, {self: 20}] of at most %d phases, each with task, self "
            "or both and its epochs, and until: an accuracy; or %s",
            STAGES_MAX, key->open);
    case KEY_LIST:
        break;
    }
    return memory_print("a list of %s%d integers from %" PRId64 " to %" PRId64 "%s%s",
                        key->count ? "at most " : "", key->capacity, key->lo, key->hi,
                        key->open ? ", or " : "", key->open ? key->open : "");
}

/* Words of a text in lines of at most `width` columns, each after `indent` blanks. */
static void print_wrapped(FILE *out, const char *text, int indent, int width)
{
    int column = 0;
    while (*text) {
        const int n = (int)strcspn(text, " ");
        if (column > 0 && column + 1 + n > width) fputc('\n', out), column = 0;
        column += column == 0 ? fprintf(out, "%*s%.*s", indent, "", n, text) : fprintf(out, " %.*s", n, text);
        text += n + (text[n] == ' ');
    }
    fputc('\n', out);
}

static void print_markdown(FILE *out, const struct key *key, const char *values)
{
    fprintf(out, "| `%s` | `%s` | ", key->name, key->initial);
    for (const char *at = values; *at; at++) fprintf(out, *at == '|' ? "\\|" : "%c", *at);
    fprintf(out, " | %s | %s |\n", key->may_change ? "yes" : "no", key->help);
}

void config_reference(FILE *out, bool markdown)
{
    const char *section = "";
    for (int i = 0; i < config_n_keys; i++) {
        const struct key *key = &config_keys[i];
        if (key->old) continue;
        char *values = key_values(key);
        const bool begins = strcmp(section, key->section) != 0;
        section = key->section;
        if (begins && markdown)
            fprintf(out,
                    "\n## %s\n\n| key | default | values | may change on resume | meaning "
                    "|\n|---|---|---|---|---|\n",
                    section);
        if (begins && !markdown) fprintf(out, "\n  %s:\n", section);
        if (markdown) {
            print_markdown(out, key, values);
        } else {
            fprintf(out, "    %s (%s; default %s)\n", key->name, values, key->initial);
            print_wrapped(out, key->help, 8, 100);
        }
        memory_free(values);
    }
}

bool config_key(struct config_key *out, int i)
{
    int at = 0;
    for (; at < config_n_keys && (i > 0 || config_keys[at].old); at++) i -= !config_keys[at].old;
    if (at == config_n_keys) return false;
    const struct key *key = &config_keys[at];
    *out = (struct config_key){key->section, key->name, key_values(key), key->words, key->initial, key->help};
    return true;
}
