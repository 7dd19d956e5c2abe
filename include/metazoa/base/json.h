/*
 * What the jansson library leaves to its callers: numbers that JSON does not know, texts that are not UTF-8,
 * and failures. All functions are local; lack of memory is fatal. Values are owned as in jansson: a function
 * that takes a value takes over its reference, and returns a new one.
 */
#ifndef METAZOA_BASE_JSON_H
#define METAZOA_BASE_JSON_H

#include <jansson.h>

/* A number, or null if it is not finite: JSON has neither NaN nor infinity. */
json_t *json_finite(double value);

/* A text, or null for NULL. Bytes that are not UTF-8 (a command line can have any) become "?". */
json_t *json_words(const char *text);

/* An array of n whole numbers. */
json_t *json_counts(int n, const int *values);

/* The JSON file `name` of a folder; NULL: it is not there, or not readable. */
json_t *json_read(const char *folder, const char *name);

/* Puts a member into an object, or a value at the end of an array. */
void json_put(json_t *object, const char *name, json_t *value);
void json_add(json_t *array, json_t *value);

/* The value as text on one line, or, with indent > 0, on many; without a line's end. Numbers have nine
 * digits, members are in the order of json_put. Owned by the caller (memory_free). */
char *json_print(json_t *value, int indent);

#endif
