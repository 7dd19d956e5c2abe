/*
 * A reader of YAML text, event by event: nothing is kept but the value at hand, so that memory is bounded by
 * the text. Anchors, aliases, tags and a second document are refused as they come by. All functions are
 * local. Those that take a node begin at its first event and end at its last.
 */
#ifndef METAZOA_CONFIG_READER_H
#define METAZOA_CONFIG_READER_H

#include <yaml.h>

#include "table.h"

struct reader {
    const char *name; /* of the text, for messages */
    bool in_file;     /* lines and columns mean something */
    struct problems *problems;
    const char *text;
    yaml_parser_t parser;
    yaml_event_t event;
    bool failed; /* nothing more can be read: all further events are YAML_NO_EVENT */
};

/* Opens a text at its only node (an empty text: at the stream's end); name, in_file and problems are set by
 * the caller. */
void reader_open(struct reader *reader, const char *text, size_t length);

/* At the end of the only node. */
void reader_close(struct reader *reader);

void reader_next(struct reader *reader);
bool reader_is(const struct reader *reader, yaml_event_type_t type);
struct place reader_place(const struct reader *reader);

/* Whether YAML's null is at hand: nothing, ~ or null, without quotes. */
bool reader_is_null(const struct reader *reader);

/* Passes over a node of any kind. */
void reader_skip(struct reader *reader);

/* The text of the scalar at hand, or NULL with a problem, in which `what` names it. It lasts until the next
 * event. */
const char *reader_text(struct reader *reader, const char *what);

/* Reads a value; value_free it. */
void reader_value(struct reader *reader, struct value *value);

#endif
