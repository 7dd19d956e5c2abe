#include "metazoa/hdf5/io.h"

#include <stdio.h>
#include <string.h>

static struct io used = {.writers = 0};
static char hints_used[4096];

void io_use(const struct io *io)
{
    used = *io;
    snprintf(hints_used, sizeof hints_used, "%s", io->hints ? io->hints : "");
    used.hints = hints_used;
}

const struct io *io_used(void)
{
    return &used;
}

bool io_hints_good(const char *hints)
{
    enum { KEY_MAX = 254, VALUE_MAX = 1023 }; /* of any MPI library */
    for (hints += strspn(hints, " "); *hints; hints += strspn(hints, " ")) {
        const size_t key = strcspn(hints, " ="), word = strcspn(hints, " ");
        if (key == 0 || key > KEY_MAX || key + 1 >= word || word - key - 1 > VALUE_MAX) return false;
        hints += word;
    }
    return true;
}
