#include "idx_set.h"

#include <string.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "source.h"

static const char *const names[2][2] = {
    [IDX_TRAIN] = {"train-images", "train-labels"},
    [IDX_TEST] = {"t10k-images", "t10k-labels"},
};

static int64_t big_endian(const uint8_t *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* The names of a file: "train-images-idx3-ubyte", the same with ".gz", and both with a dot for the second
 * hyphen. False: the path is too long. */
enum { SPELLINGS = 4, MAGIC = 0x800 /* and the number of dimensions */ };
static bool spell(char path[4096], int i, const char *folder, const char *name, int dimensions)
{
    static const char dots[] = {'-', '.'};
    static const char *const ends[] = {"", ".gz"};
    return snprintf(path, 4096, "%s/%s%cidx%d-ubyte%s", folder, name, dots[i / 2], dimensions, ends[i % 2]) <
           4096;
}

int idx_files_in(const char *folder)
{
    char path[4096];
    int n = 0;
    for (int file = 0; file < 4; file++) {
        bool there = false;
        for (int i = 0; i < SPELLINGS && !there; i++)
            there = spell(path, i, folder, names[file / 2][file % 2], file % 2 ? 1 : 3) &&
                    path_look(path) != PATH_NONE;
        n += there;
    }
    return n;
}

/* The number with which a file begins; -1: it has none, or cannot be read. */
static int64_t magic_of(const char *path)
{
    struct stream stream = {0};
    struct problems unseen = {0};
    uint8_t bytes[4];
    const bool read = path_look(path) == PATH_REGULAR && stream_open(&stream, path, &unseen) &&
                      stream_read(&stream, bytes, 4, "the magic number", &unseen);
    stream_close(&stream);
    problems_free(&unseen);
    return read ? big_endian(bytes) : -1;
}

bool idx_is_file(const char *path)
{
    const int64_t magic = magic_of(path);
    return magic == MAGIC + 3 || magic == MAGIC + 1;
}

/* Whether two files hold the same, unpacked. */
static bool same_bytes(const char *a, const char *b)
{
    struct stream streams[2] = {{0}, {0}};
    struct problems unseen = {0};
    bool same = stream_open(&streams[0], a, &unseen) && stream_open(&streams[1], b, &unseen);
    same = same && stream_same(&streams[0], &streams[1]);
    for (int i = 0; i < 2; i++) stream_close(&streams[i]);
    problems_free(&unseen);
    return same;
}

/* What a folder has of one of the four files: the paths of those that begin as it must, in the order of the
 * spellings; one that does not, rather not an empty one; and words for what is no file. */
struct candidates {
    int n;
    char good[SPELLINGS][4096], bad[4096], odd[600];
};

static void find_candidates(struct candidates *all, const char *folder, const char *name, int dimensions)
{
    char path[4096];
    for (int i = 0; i < SPELLINGS; i++) {
        if (!spell(path, i, folder, name, dimensions)) continue;
        const enum path_kind kind = path_look(path);
        if (kind == PATH_REGULAR && magic_of(path) == MAGIC + dimensions)
            strcpy(all->good[all->n++], path);
        else if (kind == PATH_REGULAR && (!*all->bad || file_bytes(all->bad) == 0))
            strcpy(all->bad, path);
        else if (kind != PATH_REGULAR && kind != PATH_NONE)
            memory_append(all->odd, sizeof all->odd, "%s%s is %s", *all->odd ? ", " : "; ",
                          path + strlen(folder) + 1, path_words[kind]);
    }
}

/* Opens the file of that name. Neither a folder or a dangling link nor what a failed download left hides a
 * good file; two good ones that differ are a problem. */
static bool open_named(struct stream *stream, const char *folder, const char *name, int dimensions,
                       struct problems *found)
{
    struct candidates *all = memory_new(1, sizeof *all);
    find_candidates(all, folder, name, dimensions);
    bool good = true;
    for (int i = 1; i < all->n && good; i++) {
        good = same_bytes(all->good[0], all->good[i]);
        if (!good)
            problems_add(found, EXIT_INPUT, "%s and %s differ: which one is meant? Move the other one away",
                         all->good[0], all->good[i]);
    }
    if (all->n == 0 && !*all->bad) {
        problems_add(
            found, EXIT_INPUT,
            "%s/%s-idx%d-ubyte: no such file, nor with .gz at its end%s; task.path must name the folder "
            "of the four files of the MNIST format, their names in small letters (`make data` brings MNIST "
            "to data/mnist)",
            folder, name, dimensions, all->odd);
        good = false;
    }
    good = good && stream_open(stream, all->n > 0 ? all->good[0] : all->bad, found);
    memory_free(all);
    return good;
}

/* Reads a header; its dimensions go to size. */
static bool read_header(struct stream *stream, int dimensions, int64_t *size, struct problems *found)
{
    static const char *const what[] = {"items", "rows", "columns"};
    uint8_t bytes[12];
    int64_t magic = MAGIC + dimensions;
    if (!stream_read(stream, bytes, 4, "the magic number", found)) return false;
    if (big_endian(bytes) != magic) {
        problems_add(
            found, EXIT_INPUT,
            "%s: byte 0: expected the magic number 0x%08llx (unsigned bytes, dimensions: %d), found 0x%08llx",
            stream->path, (long long)magic, dimensions, (long long)big_endian(bytes));
        return false;
    }
    if (!stream_read(stream, bytes, 4 * dimensions, "the header", found)) return false;
    for (int i = 0; i < dimensions; i++) {
        size[i] = big_endian(bytes + 4 * i);
        if (size[i] > 0) continue;
        problems_add(found, EXIT_INPUT, "%s: byte %d: expected at least 1 as the number of %s, found 0",
                     stream->path, 4 + 4 * i, what[i]);
        return false;
    }
    return true;
}

bool idx_set_open(struct idx_set *set, const char *folder, enum idx_which which, struct problems *found)
{
    int64_t size[3], labels;
    *set = (struct idx_set){0};
    bool good_images = open_named(&set->images, folder, names[which][0], 3, found) &&
                       read_header(&set->images, 3, size, found);
    bool good_labels = open_named(&set->labels, folder, names[which][1], 1, found) &&
                       read_header(&set->labels, 1, &labels, found);
    if (!good_images || !good_labels) return false;
    if (size[0] != labels) {
        problems_add(found, EXIT_INPUT,
                     "%s: byte 4: expected %lld labels, one for each image in %s, found %lld",
                     set->labels.path, (long long)size[0], set->images.path, (long long)labels);
        return false;
    }
    if (size[1] > TASK_CELLS_MAX || size[2] > TASK_CELLS_MAX / size[1]) {
        problems_add(found, EXIT_INPUT, "%s: byte 8: expected images of at most %d pixels, found %lld x %lld",
                     set->images.path, TASK_CELLS_MAX, (long long)size[1], (long long)size[2]);
        return false;
    }
    set->n = size[0];
    set->size[0] = (int32_t)size[1];
    set->size[1] = (int32_t)size[2];
    return true;
}

void idx_set_close(struct idx_set *set)
{
    stream_close(&set->images);
    stream_close(&set->labels);
}

int idx_set_check(struct idx_set *set, int classes, struct problems *found)
{
    char claim[128];
    snprintf(claim, sizeof claim, "its header (%lld images of %d x %d)", (long long)set->n, set->size[0],
             set->size[1]);
    stream_check_size(&set->images, 16 + set->n * set->size[0] * set->size[1], claim, found);
    int largest = 0;
    uint8_t bytes[4096];
    for (int64_t at = 0; at < set->n; at += (int64_t)sizeof bytes) {
        int64_t now = set->n - at < (int64_t)sizeof bytes ? set->n - at : (int64_t)sizeof bytes;
        if (!stream_read(&set->labels, bytes, now, "the labels", found)) return -1;
        for (int64_t i = 0; i < now; i++) {
            if (bytes[i] > largest) largest = bytes[i];
            if (classes == 0 || bytes[i] < classes) continue;
            problems_add(found, EXIT_INPUT,
                         "%s: byte %lld: expected a label from 0 to %d, as in the training labels, found %d",
                         set->labels.path, (long long)(8 + at + i), classes - 1, bytes[i]);
            return -1;
        }
    }
    snprintf(claim, sizeof claim, "its header (%lld labels)", (long long)set->n);
    stream_check_size(&set->labels, 8 + set->n, claim, found);
    return largest;
}
