#include "metazoa/hdf5/io.h"

static struct io used = {.writers = 0};

void io_use(const struct io *io)
{
    used = *io;
}

const struct io *io_used(void)
{
    return &used;
}
