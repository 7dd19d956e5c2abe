#include "metazoa/base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/error.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

enum { DIGITS = 9 };

static json_t *made(json_t *value)
{
    if (!value) fatal("JSON: out of memory");
    return value;
}

json_t *json_finite(double value)
{
    return made(isfinite(value) ? json_real(value) : json_null());
}

json_t *json_words(const char *text)
{
    if (!text) return json_null();
    json_t *value = json_string(text);
    if (value) return value;
    char *ascii = memory_string(text);
    for (char *at = ascii; *at; at++)
        if ((unsigned char)*at >= 0x80) *at = '?';
    value = made(json_string(ascii));
    memory_free(ascii);
    return value;
}

json_t *json_counts(int n, const int *values)
{
    json_t *array = made(json_array());
    for (int i = 0; i < n; i++) json_add(array, made(json_integer(values[i])));
    return array;
}

json_t *json_read(const char *folder, const char *name)
{
    char *path = file_path(folder, name);
    json_t *json = file_odd(path) ? NULL : json_load_file(path, 0, NULL);
    memory_free(path);
    return json;
}

void json_put(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, made(value)) != 0) fatal("JSON: %s cannot be stored", name);
}

void json_add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, made(value)) != 0) fatal("JSON: out of memory");
}

char *json_print(json_t *value, int indent)
{
    char *text =
        json_dumps(made(value), JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS) | JSON_INDENT((size_t)indent));
    if (!text) fatal("JSON: out of memory");
    char *mine = memory_string(text);
    free(text);
    json_decref(value);
    return mine;
}
