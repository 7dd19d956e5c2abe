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

int io_writers(const struct io *io, double bytes, int ranks)
{
    if (bytes < (double)io->parallel_from) return 1;
    return io->writers > 0 && io->writers < ranks ? (int)io->writers : ranks;
}
