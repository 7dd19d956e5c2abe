/*
 * Chunks that ranks write by themselves. Rank 0 has made the dataset by HDF5, with space for all chunks; they
 * lie one after the other, and each is stored as it is in memory. A rank that fails remembers its error and
 * goes on without writing: all agree on errors when the file is closed, so that none waits for another.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "h5_private.h"
#include "metazoa/base/error.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files hold little-endian numbers");

static void remember(struct h5 *file)
{
    if (file->error == 0) file->error = errno ? errno : EIO;
}

/* Ranks under one kernel write into the same memory, which one of them brings to the disk for all. */
static bool is_apart(struct comm *comm)
{
    char here[64] = "", root[64];
    FILE *id = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!id || !fgets(here, sizeof here, id)) snprintf(here, sizeof here, "rank %d", comm_rank(comm));
    if (id) fclose(id);
    memcpy(root, here, sizeof root);
    comm_broadcast(comm, root, sizeof root, 0);
    return strcmp(here, root) != 0;
}

void h5_raw_open(struct h5 *file)
{
    file->apart = is_apart(file->comm); /* for this, rank 0 has made it */
    file->raw = fault_point() ? -1 : open(file->path, O_WRONLY | O_CLOEXEC);
    if (file->raw < 0) remember(file);
}

static void write_at(struct h5 *file, const char *bytes, int64_t n, int64_t place)
{
    if (file->error == 0 && fault_point()) remember(file);
    while (n > 0 && file->error == 0) {
        const ssize_t written = pwrite(file->raw, bytes, (size_t)n, (off_t)place);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            remember(file);
        } else {
            bytes += written;
            place += written;
            n -= written;
        }
    }
}

void h5_raw_write(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records,
                  int64_t begin, int64_t end, const void *values)
{
    const int64_t row = h5_row_bytes(data), bytes = h5_chunk_bytes(data), chunks = h5_chunks(data);
    const int64_t deep = data->has_record ? data->chunk_records : 1, a_record = bytes / deep;
    if (begin >= end || n_records == 0) return;
    char *whole = memory_new(bytes, 1);
    int64_t chunk = 0;
    while (h5_chunk_begin(data, chunk) < begin) chunk++;
    for (; chunk < chunks && h5_chunk_begin(data, chunk) < end; chunk++) {
        const int64_t first = h5_chunk_begin(data, chunk), rows = h5_chunk_begin(data, chunk + 1) - first;
        for (int64_t from = 0; from < n_records; from += deep) {
            memset(whole, 0, (size_t)bytes); /* where data end within it */
            for (int64_t i = 0; i < deep && from + i < n_records; i++)
                memcpy(whole + i * a_record,
                       (const char *)values + ((from + i) * (end - begin) + first - begin) * row,
                       (size_t)(rows * row));
            write_at(file, whole, bytes, data->place + ((record + from) / deep * chunks + chunk) * bytes);
        }
    }
    memory_free(whole);
}

/* The largest error number of all ranks speaks for all. */
static void agree(struct h5 *file)
{
    int64_t worst = file->error;
    comm_max_i64(file->comm, &worst, 1);
    if (worst == 0) return;
    if (comm_rank(file->comm) == 0) {
        unlink(file->path);
        fatal("%s: cannot be written: %s; checkpoints and archive of before are untouched", file->path,
              strerror((int)worst));
    }
    comm_barrier(file->comm); /* rank 0 ends the job */
}

void h5_raw_close(struct h5 *file)
{
    if (file->error == 0 && file->apart && (fault_point() || fsync(file->raw) != 0)) remember(file);
    if (file->raw >= 0 && close(file->raw) != 0) remember(file);
    file->raw = -1;
    agree(file);
}
