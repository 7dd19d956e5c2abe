/*
 * Reads YAML text event by event. Only the value at hand is kept, so that memory is bounded by the size of
 * the text. Anchors, aliases, tags and a second document are refused. All functions are local. A function
 * that reads a node starts at the node's first event and ends at its last.
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

/* Opens a text and goes to its only node (empty text: to the end of the stream). The caller has set name,
 * in_file and problems. */
void reader_open(struct reader *reader, const char *text, size_t length);

/* At the end of the only node. */
void reader_close(struct reader *reader);

void reader_next(struct reader *reader);
bool reader_is(const struct reader *reader, yaml_event_type_t type);
struct place reader_place(const struct reader *reader);

/* Whether YAML's null is at hand: nothing, ~ or null, without quotes. */
bool reader_is_null(const struct reader *reader);

/* Skips a node of any kind. */
void reader_skip(struct reader *reader);

/* The text of the scalar at hand, or NULL with a problem, in which `what` names it. It lasts until the next
 * event. */
const char *reader_text(struct reader *reader, const char *what);

/* Reads a value; value_free it. */
void reader_value(struct reader *reader, struct value *value);

#endif
