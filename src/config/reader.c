#include "reader.h"

#include <string.h>

#include "metazoa/base/memory.h"

enum { DEPTH_MAX = 32, PROBLEMS_MAX = 50 };

static struct place place_at(const struct reader *reader, yaml_mark_t mark)
{
    if (!reader->in_file) return (struct place){reader->name, 0, 0};
    return (struct place){reader->name, (int64_t)mark.line + 1, (int64_t)mark.column + 1};
}

struct place reader_place(const struct reader *reader)
{
    return place_at(reader, reader->event.start_mark);
}

/* Line and column of a byte: for something that is not text, libyaml gives only the number of the byte. */
static struct place place_of_byte(const struct reader *reader, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset; i++) {
        mark.column++;
        if (reader->text[i] == '\n') mark.line++, mark.column = 0;
    }
    return place_at(reader, mark);
}

static void reader_fail(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR) fatal("out of memory: reading the configuration");
    const bool bytes = parser->error == YAML_READER_ERROR;
    const struct place place =
        bytes ? place_of_byte(reader, parser->problem_offset) : place_at(reader, parser->problem_mark);
    const bool token = parser->problem && strstr(parser->problem, "cannot start any token");
    place_problem(&place, reader->problems, "not valid YAML: %s%s%s%s",
                  parser->context && !token ? parser->context : "", parser->context && !token ? ", " : "",
                  parser->problem ? parser->problem : "unreadable",
                  token ? " (a tab cannot indent; a text that begins with @ or ` needs quotes)" : "");
    reader->failed = true;
}

/* Anchors, aliases and tags are refused wherever they stand. */
static void refuse_extras(struct reader *reader)
{
    const yaml_event_t *event = &reader->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    const char *what = "an anchor (&)";
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        anchor = event->data.alias.anchor, what = "an alias (*)";
        break;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor, tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    const struct place place = reader_place(reader);
    if (anchor)
        place_problem(&place, reader->problems, "%s is not possible in a configuration: write the value out",
                      what);
    if (tag)
        place_problem(&place, reader->problems, "a tag (!) is not possible in a configuration: leave it out");
}

void reader_next(struct reader *reader)
{
    yaml_event_delete(&reader->event); /* which clears it */
    if (!reader->failed && reader->problems->n >= PROBLEMS_MAX) {
        problems_add(reader->problems, EXIT_USAGE, "%s: more problems may follow", reader->name);
        reader->failed = true;
    }
    if (reader->failed) return;
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        memset(&reader->event, 0, sizeof reader->event);
        reader_fail(reader);
        return;
    }
    refuse_extras(reader);
}

bool reader_is(const struct reader *reader, yaml_event_type_t type)
{
    return reader->event.type == type;
}

bool reader_is_null(const struct reader *reader)
{
    const yaml_event_t *event = &reader->event;
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           null_text((const char *)event->data.scalar.value);
}

/* Skips a node of any kind. Deep nesting is refused: it is a mistake or an attack, and libyaml's stack grows
 * with it. */
void reader_skip(struct reader *reader)
{
    int depth = 0;
    for (;; reader_next(reader)) {
        if (reader_is(reader, YAML_SEQUENCE_START_EVENT) || reader_is(reader, YAML_MAPPING_START_EVENT))
            depth++;
        if (reader_is(reader, YAML_SEQUENCE_END_EVENT) || reader_is(reader, YAML_MAPPING_END_EVENT)) depth--;
        if (depth <= 0 || reader->failed) return;
        if (depth > DEPTH_MAX) {
            const struct place place = reader_place(reader);
            place_problem(&place, reader->problems, "nested deeper than %d levels", DEPTH_MAX);
            reader->failed = true;
        }
    }
}

/* The text of the scalar at hand. NULL, with a problem: it is not a scalar, or contains a NUL character. */
const char *reader_text(struct reader *reader, const char *what)
{
    const struct place place = reader_place(reader);
    if (!reader_is(reader, YAML_SCALAR_EVENT)) {
        if (!reader_is(reader, YAML_ALIAS_EVENT) && !reader->failed)
            place_problem(&place, reader->problems, "%s must be a word, not a list or a mapping", what);
        return NULL;
    }
    const char *text = (const char *)reader->event.data.scalar.value;
    if (strlen(text) == reader->event.data.scalar.length) return text;
    place_problem(&place, reader->problems, "%s contains a NUL character", what);
    return NULL;
}

/* A word of the value; key: its key in a map, or NULL. */
static void read_word(struct reader *reader, struct value *value, const char *key, int item)
{
    const char *text = reader_text(reader, "a value");
    if (!text) {
        value->broken = true;
    } else if (value->n < VALUE_WORDS_MAX) {
        value->word[value->n] = (struct word){
            .place = reader_place(reader),
            .key = key ? memory_string(key) : NULL,
            .text = memory_string(text),
            .item = item,
            .plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
        };
    }
    value->n += text != NULL;
}

/* An item of a list that is a map of words. */
static void read_map(struct reader *reader, struct value *value, int item)
{
    const int before = value->n;
    value->maps = true;
    for (reader_next(reader); !reader_is(reader, YAML_MAPPING_END_EVENT) && !reader->failed;
         reader_next(reader)) {
        const char *text = reader_text(reader, "a key");
        char *key = memory_string(text ? text : "");
        value->broken |= !text;
        reader_skip(reader);
        reader_next(reader);
        if (reader_is(reader, YAML_SCALAR_EVENT)) {
            read_word(reader, value, key, item);
        } else {
            value->nested = true;
            reader_skip(reader);
        }
        memory_free(key);
    }
    value->nested |= value->n == before; /* {} */
}

void reader_value(struct reader *reader, struct value *value)
{
    *value =
        (struct value){.place = reader_place(reader), .list = reader_is(reader, YAML_SEQUENCE_START_EVENT)};
    int item = 0;
    if (value->list) {
        for (reader_next(reader); !reader_is(reader, YAML_SEQUENCE_END_EVENT) && !reader->failed;
             reader_next(reader), item++) {
            if (reader_is(reader, YAML_SCALAR_EVENT)) {
                read_word(reader, value, NULL, item);
            } else if (reader_is(reader, YAML_MAPPING_START_EVENT)) {
                read_map(reader, value, item);
            } else {
                value->nested = true;
                reader_skip(reader);
            }
        }
    } else if (reader_is(reader, YAML_MAPPING_START_EVENT)) {
        value->nested = true;
        reader_skip(reader);
    } else {
        read_word(reader, value, NULL, 0);
    }
    if (reader->failed) value->broken = true;
}

const char *config_library(void)
{
    return yaml_get_version_string();
}

void reader_open(struct reader *reader, const char *text, size_t length)
{
    if (!yaml_parser_initialize(&reader->parser)) fatal("out of memory: reading the configuration");
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, length);
    memset(&reader->event, 0, sizeof reader->event);
    reader->failed = false;
    reader->text = text;
    reader_next(reader); /* stream start */
    reader_next(reader); /* document start, or the stream's end */
    if (reader_is(reader, YAML_DOCUMENT_START_EVENT)) reader_next(reader);
}

/* After the document's only node: no second document may follow. */
void reader_close(struct reader *reader)
{
    for (int i = 0; i < 2 && !reader_is(reader, YAML_STREAM_END_EVENT); i++)
        reader_next(reader); /* the document's end */
    if (!reader->failed && !reader_is(reader, YAML_STREAM_END_EVENT)) {
        const struct place place = reader_place(reader);
        place_problem(&place, reader->problems, "a second document begins: a configuration is one document");
    }
    yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
}
