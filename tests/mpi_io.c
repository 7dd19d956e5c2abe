/*
 * How files are written: a bounded number of writers and alignment take effect, everything is written once,
 * and a file has the same bytes as that of one rank under the same settings.
 */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metazoa/hdf5/h5.h"
#include "../src/store/rows.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/hdf5/io.h"

static struct comm *world, *alone;
static int64_t failures = 0;
static char folder[64];

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            failures++;                                                                                      \
            fprintf(stderr, "rank %d: %s:%d: not %s\n", comm_rank(world), __FILE__, __LINE__, #condition);   \
        }                                                                                                    \
    } while (0)

enum { ROWS = 8000, WIDTH = 64, CHUNK = 100, CHUNKS = ROWS / CHUNK, CHUNK_BYTES = 4 * CHUNK * WIDTH };

static struct h5_data data_new(void)
{
    return (struct h5_data){.name = "/rows",
                            .type = H5_F32,
                            .has_width = true,
                            .row_axes = 1,
                            .row_size = {ROWS},
                            .width = WIDTH,
                            .chunk_rows = {CHUNK},
                            .description = "rows",
                            .units = "1"};
}

/* Bytes that this process has handed to the system so far ("wchar"), or got from it ("rchar"). */
static int64_t bytes_moved(const char *kind)
{
    long long bytes = -1;
    char line[100];
    FILE *file = fopen("/proc/self/io", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, kind, strlen(kind)) == 0) sscanf(line + strlen(kind), ": %lld", &bytes);
    if (file) fclose(file);
    return bytes;
}

/* A file of rows that are dealt to the ranks round robin, in pieces of 10. Returns the bytes that this rank
 * wrote. */
static int64_t write_rows(const char *path, struct comm *comm)
{
    const int size = comm_size(comm), rank = comm_rank(comm);
    struct rows rows = {.comm = comm, .n_global = ROWS};
    rows.pieces = memory_new(ROWS / 10, sizeof *rows.pieces);
    float(*values)[WIDTH] = memory_new(ROWS, sizeof *values);
    for (int64_t piece = rank; piece < ROWS / 10; piece += size) {
        rows.pieces[rows.n_pieces++] = (struct piece){10 * piece, 10, rows.n_owned};
        for (int64_t row = 10 * piece; row < 10 * piece + 10; row++)
            for (int i = 0; i < WIDTH; i++)
                values[rows.n_owned][i] = (float)(row * WIDTH + i), rows.n_owned += i == WIDTH - 1;
    }
    const struct h5_data data = data_new();
    struct h5 file;
    void *owned[1] = {values};
    h5_create(&file, path, comm, (int64_t)ROWS * WIDTH * 4);
    const int64_t before = bytes_moved("wchar");
    rows_write(&rows, &file, &data, owned);
    const int64_t bytes = bytes_moved("wchar") - before;
    h5_close(&file);
    memory_free(values);
    memory_free(rows.pieces);
    return bytes;
}

static uint64_t file_hash(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    fseek(file, 0, SEEK_END);
    const int64_t n = ftell(file);
    char *bytes = memory_new(n, 1);
    rewind(file);
    if (fread(bytes, 1, (size_t)n, file) != (size_t)n) failures++;
    fclose(file);
    const uint64_t hash = hash_bytes(bytes, (size_t)n, (uint64_t)n);
    memory_free(bytes);
    return hash;
}

/* Every value is in its place; returns where the data begin in the file. */
static int64_t read_back(const char *path)
{
    struct h5 file;
    struct h5_data data = data_new();
    float *values = h5_read_begin(&file, path) ? h5_get(&file, &data) : NULL;
    CHECK(values != NULL);
    for (int64_t i = 0; values && i < ROWS * WIDTH; i++) CHECK(values[i] == (float)i);
    hid_t id = H5Dopen2(file.id, "/rows", H5P_DEFAULT);
    const hsize_t first[2] = {0, 0};
    hsize_t bytes;
    haddr_t at = 0;
    unsigned filters;
    CHECK(H5Dget_chunk_info_by_coord(id, first, &filters, &at, &bytes) >= 0);
    H5Dclose(id);
    h5_read_end(&file);
    memory_free(values);
    return (int64_t)at;
}

static void settings(const struct io *io)
{
    char all[128], one[128];
    snprintf(all, sizeof all, "%s/all.h5", folder);
    snprintf(one, sizeof one, "%s/one.h5", folder);
    io_use(io);
    const int64_t bytes = write_rows(all, world), size = comm_size(world), rank = comm_rank(world);
    const bool parallel = io->parallel_from <= (int64_t)ROWS * WIDTH * 4;
    const int64_t most = !parallel ? 1 : io->writers > 0 && io->writers < size ? io->writers : size;
    /* Each writer's share, once; besides, rank 0 writes what HDF5 needs. */
    const int64_t share = CHUNK_BYTES * (cut_begin(CHUNKS, most, ((rank + 1) * most + size - 1) / size) -
                                         cut_begin(CHUNKS, most, (rank * most + size - 1) / size));
    CHECK(bytes < 0 || (bytes >= share && bytes < share + (rank == 0 ? 65536 : 1024)));
    if (comm_rank(world) == 0) {
        write_rows(one, alone);
        CHECK(file_hash(all) == file_hash(one));
        const int64_t place = read_back(all);
        CHECK(io->alignment == 0 || place % io->alignment == 0);
    }
    comm_barrier(world);
}

/* Where rank 0 writes alone, the others keep off the file, even if there is one before. (HDF5's files in
 * memory read what has their name; when rank 0 shortened it meanwhile, they waited for its end forever.) */
static void bystanders(void)
{
    enum { BYTES = 1 << 20 };
    const struct io io = {.parallel_from = INT64_MAX};
    const int rank = comm_rank(world);
    char path[128];
    snprintf(path, sizeof path, "%s/rank-%d.h5", folder, rank);
    FILE *before = fopen(path, "w");
    CHECK(before && ftruncate(fileno(before), BYTES) == 0);
    if (before) fclose(before);
    io_use(&io);
    const int64_t moved = bytes_moved("rchar");
    struct h5 file;
    h5_create(&file, path, world, 0);
    h5_close(&file);
    CHECK(rank == 0 || bytes_moved("rchar") - moved < BYTES / 2);
    struct stat after;
    CHECK(stat(path, &after) == 0 && (after.st_size == BYTES) == (rank > 0));
    unlink(path);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    alone = comm_split(world, comm_rank(world), 0);
    if (comm_rank(world) == 0) {
        strcpy(folder, "/tmp/metazoa-io-XXXXXX");
        if (!mkdtemp(folder)) failures++;
    }
    comm_broadcast(world, folder, sizeof folder, 0);
    static const struct io all[] = {{0},
                                    {.writers = 1},
                                    {.writers = 2},
                                    {.writers = 4, .alignment = 32768},
                                    {.alignment = 4096},
                                    {.writers = 1000, .alignment = 51200},
                                    {.parallel_from = (int64_t)ROWS * WIDTH * 4},
                                    {.parallel_from = (int64_t)ROWS * WIDTH * 4 + 1},
                                    {.parallel_from = INT64_MAX, .writers = 3, .alignment = 32768}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) settings(&all[i]);
    bystanders();
    if (comm_rank(world) == 0) {
        static const char *const names[] = {"all", "one"};
        for (int i = 0; i < 2; i++) {
            char path[128];
            snprintf(path, sizeof path, "%s/%s.h5", folder, names[i]);
            unlink(path);
        }
        rmdir(folder);
    }
    comm_max_i64(world, &failures, 1);
    comm_free(alone);
    comm_finish(world);
    return failures > 0;
}
