/* From text to configuration: first the sections and keys of the file, then --set; the table says what fits.
 * */
#include <assert.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "reader.h"
#include "table.h"

struct parse {
    struct reader reader;
    struct config *config;
    bool *key_seen, *section_seen; /* in the file; by key, and by a section's first key */
    struct place *places;          /* by key: where it was set last; name NULL: to a value that was refused */
};

/* At the value of config_keys[i]. */
static void parse_value(struct parse *parse, int i)
{
    struct value value;
    reader_value(&parse->reader, &value);
    parse->places[i] = value.place;
    if (!key_set(parse->config, &config_keys[i], &value, parse->reader.problems))
        parse->places[i].name = NULL;
    value_free(&value);
}

/* The number of the key at hand; -1: its value is to be skipped (unknown, with a problem; or retired). */
static int parse_key(struct parse *parse, const char *section)
{
    struct problems *problems = parse->reader.problems;
    const struct place place = reader_place(&parse->reader);
    const char *name = reader_text(&parse->reader, "a key");
    if (!name || key_retired(section, name)) return -1;
    const int i = key_find(section, name);
    if (i < 0) {
        char *hint = suggest_key(section, name);
        place_problem(&place, problems, "unknown key '%s.%s'%s", section, text_shown(name).text, hint);
        memory_free(hint);
        return -1;
    }
    if (parse->key_seen[i]) place_problem(&place, problems, "'%s.%s' is given a second time", section, name);
    parse->key_seen[i] = true;
    return i;
}

/* At what a section holds. */
static void parse_section(struct parse *parse, const char *section)
{
    struct reader *reader = &parse->reader;
    const struct place place = reader_place(reader);
    if (reader_is_null(reader)) return; /* all keys are commented out */
    if (!reader_is(reader, YAML_MAPPING_START_EVENT)) {
        if (!reader_is(reader, YAML_ALIAS_EVENT) && !reader->failed)
            place_problem(&place, reader->problems, "section '%s' must hold keys, \"key: value\"", section);
        reader_skip(reader);
        return;
    }
    for (reader_next(reader); !reader_is(reader, YAML_MAPPING_END_EVENT) && !reader->failed;
         reader_next(reader)) {
        const int i = parse_key(parse, section);
        reader_skip(reader);
        reader_next(reader);
        if (i >= 0)
            parse_value(parse, i);
        else
            reader_skip(reader);
    }
}

/* The section at hand, by its first key; -1, with a problem: unknown. */
static int parse_section_name(struct parse *parse)
{
    struct problems *problems = parse->reader.problems;
    const struct place place = reader_place(&parse->reader);
    const char *name = reader_text(&parse->reader, "the name of a section");
    if (!name) return -1;
    const int i = key_section(name);
    if (i < 0) {
        char *hint = suggest_section(name, NULL);
        place_problem(&place, problems, "unknown section '%s'%s", text_shown(name).text, hint);
        memory_free(hint);
        return -1;
    }
    if (parse->section_seen[i]) place_problem(&place, problems, "section '%s' is given a second time", name);
    parse->section_seen[i] = true;
    return i;
}

static void parse_file(struct parse *parse, const char *text, int64_t length)
{
    struct reader *reader = &parse->reader;
    reader_open(reader, text, (size_t)length);
    if (reader_is(reader, YAML_MAPPING_START_EVENT)) {
        for (reader_next(reader); !reader_is(reader, YAML_MAPPING_END_EVENT) && !reader->failed;
             reader_next(reader)) {
            const int i = parse_section_name(parse);
            reader_skip(reader);
            reader_next(reader);
            if (i >= 0)
                parse_section(parse, config_keys[i].section);
            else
                reader_skip(reader);
        }
    } else if (!reader->failed) {
        const struct place place = reader_place(reader);
        place_problem(
            &place, reader->problems,
            "no configuration: it is made of sections like \"run: {name: test}\" (\"{}\" is all defaults)");
        reader->failed = true;
    }
    reader_close(reader);
}

/* "section.key=value": the value is YAML, as it would stand in the file. */
static void parse_set(struct parse *parse, const char *set)
{
    struct reader *reader = &parse->reader;
    const struct place place = reader_place(reader);
    const size_t dot = strcspn(set, ".="), equals = strcspn(set, "=");
    if (!set[equals] || set[dot] != '.') {
        char *key = memory_print("%.*s", (int)dot, set);
        char *hint = set[dot] == '=' ? suggest_key("", key) : memory_string("");
        place_problem(&place, reader->problems, "\"%s\" does not have the form section.key=value%s",
                      text_shown(set).text, hint);
        memory_free(hint);
        memory_free(key);
        return;
    }
    char *section = memory_print("%.*s", (int)dot, set);
    char *name = memory_print("%.*s", (int)(equals - dot - 1), set + dot + 1);
    const char *value = set + equals + 1;
    const int i = key_find(section, name);
    if (i < 0 && !key_retired(section, name)) {
        char *hint = key_section(section) >= 0 ? suggest_key(section, name) : suggest_section(section, name);
        place_problem(&place, reader->problems, "unknown key '%s.%s'%s", text_shown(section).text,
                      text_shown(name).text, hint);
        memory_free(hint);
    } else if (i >= 0) {
        reader_open(reader, value, strlen(value));
        if (reader_is(reader, YAML_STREAM_END_EVENT))
            place_problem(&place, reader->problems, "%s.%s " NO_VALUE, section, name);
        else
            parse_value(parse, i);
        reader_close(reader);
    }
    memory_free(section);
    memory_free(name);
}

static void parse_open(struct parse *parse, struct config *config, const char *name, bool in_file,
                       struct problems *problems)
{
    *parse =
        (struct parse){.reader = {.name = name, .in_file = in_file, .problems = problems}, .config = config};
    parse->key_seen = memory_new(config_n_keys, sizeof *parse->key_seen);
    parse->section_seen = memory_new(config_n_keys, sizeof *parse->section_seen);
    parse->places = memory_new(config_n_keys, sizeof *parse->places);
    for (int i = 0; i < config_n_keys; i++) parse->places[i] = (struct place){name, PLACE_DEFAULT, 0};
}

static void parse_close(struct parse *parse)
{
    memory_free(parse->key_seen);
    memory_free(parse->section_seen);
    memory_free(parse->places);
}

/* Sets the table's defaults. What they leave open (run.output) is filled in after all texts are read. */
static void parse_defaults(struct config *config, const char *name)
{
    struct problems problems = {0};
    struct parse parse;
    *config = (struct config){0};
    parse_open(&parse, config, name, false, &problems);
    for (int i = 0; i < config_n_keys; i++) {
        reader_open(&parse.reader, config_keys[i].initial, strlen(config_keys[i].initial));
        parse_value(&parse, i);
        reader_close(&parse.reader);
    }
    problems_print(&problems, stderr);
    assert(problems.n == 0);
    parse_close(&parse);
}

void config_defaults(struct config *config)
{
    struct problems problems = {0};
    config_parse(config, "{}", 2, "defaults", 0, NULL, &problems);
    assert(problems.n == 0);
}

/* Who has set the key: an option that stands for it ("--output run.output=a"), or --set. */
static const char *set_by(const char **set)
{
    static const char *const options[] = {"--output", "--layers"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const size_t n = strlen(options[i]);
        if (strncmp(*set, options[i], n) != 0 || (*set)[n] != ' ') continue;
        *set += n + 1;
        return options[i];
    }
    return "--set";
}

void config_parse(struct config *config, const char *text, int64_t length, const char *name, int n_sets,
                  char *const *sets, struct problems *problems)
{
    struct parse parse;
    assert(length >= 0);
    parse_defaults(config, name);
    parse_open(&parse, config, name, true, problems);
    parse_file(&parse, text, length);
    parse.reader.in_file = false;
    for (int i = 0; i < n_sets; i++) {
        const char *set = sets[i];
        parse.reader.name = set_by(&set);
        parse_set(&parse, set);
    }
    rules_apply(config, parse.places, problems);
    parse_close(&parse);
}
