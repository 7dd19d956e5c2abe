/*
 * The table of keys, and values as they were read. Everything about the configuration loops over this table:
 * parsing, checking, defaults, --set, the effective configuration, what a resume may change, the reference.
 * All functions are local.
 */
#ifndef METAZOA_CONFIG_TABLE_H
#define METAZOA_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metazoa/config/config.h"

enum key_type {
    KEY_INTEGER, /* int32_t, int64_t or uint64_t; `words` stand for lo, lo + 1, ... */
    KEY_REAL,    /* float or double */
    KEY_REALS,   /* an array of them */
    KEY_CHOICE,  /* enum: the place of the word in `words` */
    KEY_SWITCH,  /* bool: the same, two words */
    KEY_TEXT,    /* char *, owned by the configuration; lo and hi bound its bytes */
    KEY_STAGES,  /* struct stage_spec array; `count` counts them */
    KEY_LIST     /* an array of int32_t or int64_t; lo and hi bound the elements */
};

struct key {
    const char *section, *name;
    enum key_type type;
    size_t offset;  /* of the field in struct config */
    size_t bytes;   /* of the field; KEY_LIST, KEY_REALS: of an element */
    int64_t lo, hi; /* range, both ends included (KEY_REAL, KEY_REALS: least, most) */
    double least, most;
    int capacity; /* KEY_LIST, KEY_REALS: elements of the field */
    size_t count; /* KEY_LIST: offset of the int that counts the elements; 0: always `capacity` elements */
    const char *const *words; /* KEY_CHOICE, KEY_SWITCH, some KEY_INTEGER: ends with NULL */
    const char *open;         /* KEY_LIST: a word for no elements (if they are not counted: for zeros);
                                 KEY_REAL: a word for -1 */
    const char *initial;      /* the default, as YAML */
    bool may_change;          /* on resume */
    bool job;                 /* says only where and how a job works: binary files do not hold it */
    bool old;                 /* of version 0.1: still read, but written, listed and compared no more */
    bool path; /* KEY_TEXT: names a file or folder; base/path.h says what ~ and variables are */
    const char *help;
};

enum { EPOCHS_MAX = 1 << 24 };

extern const struct key config_keys[];
extern const int config_n_keys;

/* The number of a key; of a section's first key; or -1. */
int key_find(const char *section, const char *name);

/* Whether version 0.1 had a key of this name that has no effect any more: it is read and ignored. */
bool key_retired(const char *section, const char *name);
int key_section(const char *section);

/* Where something was read, for messages: FILE:LINE:COLUMN, counted from 1; line 0: without line and column
 * (--set), PLACE_DEFAULT: nowhere, the default holds. */
enum { PLACE_DEFAULT = -1 };
struct place {
    const char *name;
    int64_t line, column;
};

/* Adds "PLACE: message" (EXIT_USAGE). */
void place_problem(const struct place *place, struct problems *problems, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a text without quotes is what YAML calls null. */
bool null_text(const char *text);

#define SEED_MAX INT64_C(1000000000000000000) /* of every organism of an ensemble */
enum { OUTPUT_MAX = 3000 }; /* bytes of run.output: the names of a run's files fit behind it */

/* After the name of a key. */
#define NO_VALUE "has no value: write one, or leave the key out for its default"

/* A value as it stands in the text: one word, or a list of words. In a list, an item may also be a map of
 * words, "{task: 20, until: 0.8}". */
enum { VALUE_WORDS_MAX = 2 * STAGES_MAX + 1 };
_Static_assert((int)VALUE_WORDS_MAX > (int)ORGANISM_LAYERS_MAX,
               "a value holds the longest list, and one word more");
struct value {
    struct place place;
    bool list;
    bool broken; /* something in it was refused already */
    bool nested; /* a mapping, or a list with lists or deeper mappings in it: no key takes that */
    bool maps;   /* a list with maps of words in it */
    int n;       /* words; those beyond VALUE_WORDS_MAX are counted, not kept */
    struct word {
        struct place place;
        char *key, *text; /* owned; key NULL: the word is in no map */
        int item;         /* of the list */
        bool plain;       /* not in quotes */
    } word[VALUE_WORDS_MAX];
};
void value_free(struct value *value);

/* Sets a key. False, with a problem: the value does not fit, and the key stays as it was. */
bool key_set(struct config *config, const struct key *key, const struct value *value,
             struct problems *problems);

/* KEY_STAGES (stages.c). False: the value does not fit; *place is then the place of what does not. */
bool stages_set(struct schedule_spec *schedule, const struct value *value, const struct place **place);
char *stages_print(const struct schedule_spec *schedule); /* as YAML; memory_free it */

/* The shortest decimal that reads back to the same bits, as YAML; memory_free it. */
char *real_print(double value, bool is_float);

/* A key's value as YAML that reads back to the same bits; memory_free it. */
char *key_print(const struct config *config, const struct key *key);

/* What a key takes, "an integer from 1 to 16"; memory_free it. */
char *key_values(const struct key *key);

/* A text from the user, made fit for a message: at most 60 bytes, without control characters. */
struct shown {
    char text[72];
};
struct shown text_shown(const char *text);

/* What was meant instead of an unknown name, "; did you mean ...?"; memory_free it. */
char *suggest_section(const char *section, const char *name);
char *suggest_key(const char *section, const char *name);

/*
 * Fills in values that were left open, and adds a problem for keys that do not fit together. places: for each
 * key, where it was set last; name NULL: its value was refused.
 */
void rules_apply(struct config *config, const struct place *places, struct problems *problems);

#endif
