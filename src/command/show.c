#include "show.h"

#include <jansson.h>
#include <string.h>

#include "metazoa/base/error.h"

enum { NAME = 26, INDENT = 2, WIDTH = 80, TEXT = 64 };

/* A value that is neither list nor object. */
static void value_text(char text[TEXT], const json_t *value)
{
    if (json_is_integer(value))
        snprintf(text, TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, TEXT, "%.4g", json_real_value(value));
    else if (json_is_string(value))
        snprintf(text, TEXT, "%s", json_string_value(value));
    else
        snprintf(text, TEXT, "%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
}

/* "steps_alive_median" as "steps alive median". */
static int put_name(FILE *out, int indent, const char *name)
{
    fprintf(out, "%*s", indent, "");
    for (const char *at = name; *at; at++) fputc(*at == '_' ? ' ' : *at, out);
    return indent + (int)strlen(name);
}

static void put_list(FILE *out, int indent, const json_t *list)
{
    int column = indent;
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        char text[TEXT];
        value_text(text, item);
        const int length = (int)strlen(text) + (i > 0);
        if (i > 0 && column + length > WIDTH) fprintf(out, "\n%*s", indent, ""), column = indent;
        column += fprintf(out, "%s%s", column > indent ? " " : "", text);
    }
    fputc('\n', out);
}

static void put_object(FILE *out, int indent, json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        const int column = put_name(out, indent, name);
        if (json_is_object(value)) {
            fputc('\n', out);
            put_object(out, indent + INDENT, value);
            continue;
        }
        fprintf(out, "%*s", column < NAME ? NAME - column : 1, "");
        char text[TEXT];
        if (json_is_array(value))
            put_list(out, NAME, value);
        else
            value_text(text, value), fprintf(out, "%s\n", text);
    }
}

void show_json(FILE *out, const char *text)
{
    json_t *object = json_loads(text, 0, NULL);
    if (!json_is_object(object)) fatal("no JSON object: \"%.60s\"", text);
    put_object(out, 0, object);
    json_decref(object);
}
