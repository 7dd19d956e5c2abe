/* Results for people: what a program reads as JSON, as lines of names and values. Local. */
#ifndef METAZOA_SRC_COMMAND_SHOW_H
#define METAZOA_SRC_COMMAND_SHOW_H

#include <stdio.h>

/* The members of an object, given as JSON text, a line each; members of members are indented; lists are
 * wrapped at 80 columns. Numbers have four digits. */
void show_json(FILE *out, const char *text);

#endif
