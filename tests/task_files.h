/* Small task files for the tests: a folder of their own, and the four files of the MNIST format in it. */
#ifndef TASK_FILES_H
#define TASK_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "metazoa/task/task.h"

/* A new folder, or the end of the test. */
static inline void folder_new(char folder[64])
{
    snprintf(folder, 64, "/tmp/metazoa-task-XXXXXX");
    if (!mkdtemp(folder)) perror(folder), exit(1);
}

static inline void folder_path(char path[512], const char *folder, const char *name)
{
    snprintf(path, 512, "%s/%s", folder, name);
}

/* Removes what is in the folder; with it, the folder too. */
static inline void folder_clear(const char *folder, bool itself)
{
    DIR *list = opendir(folder);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        char path[512];
        folder_path(path, folder, entry->d_name);
        if (entry->d_name[0] != '.') unlink(path);
    }
    if (list) closedir(list);
    if (itself) rmdir(folder);
}

static inline void file_put(const char *folder, const char *name, const void *bytes, size_t n, bool gzip)
{
    char path[512];
    folder_path(path, folder, name);
    gzFile file = gzopen(path, gzip ? "wb" : "wbT");
    if (!file || (n > 0 && gzwrite(file, bytes, (unsigned)n) != (int)n) || gzclose(file) != Z_OK)
        perror(path), exit(1);
}

/* Bytes of a file in the making. */
struct bytes {
    uint8_t *data;
    size_t n;
};

static inline void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

static inline struct bytes idx_bytes(int dimensions, const uint32_t *size, const uint8_t *values)
{
    size_t n = 1, at = 0;
    for (int i = 0; i < dimensions; i++) n *= size[i];
    struct bytes file = {malloc(4 + 4 * (size_t)dimensions + n), 4 + 4 * (size_t)dimensions + n};
    uint32_t words[4] = {0x800u + (uint32_t)dimensions};
    memcpy(words + 1, size, 4 * (size_t)dimensions);
    for (int i = 0; i <= dimensions; i++)
        for (int shift = 24; shift >= 0; shift -= 8) file.data[at++] = (uint8_t)(words[i] >> shift);
    memcpy(file.data + at, values, n);
    return file;
}

/* The four files: train images, train labels, test images, test labels. */
enum { IDX_FILES = 4, IDX_CLASSES = 7 };
static const char *const idx_names[IDX_FILES] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                 "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

struct idx_files {
    uint32_t train, test, rows, columns;
    struct bytes file[IDX_FILES];
};

/* Pixel i of an image and the label of an image, any image of any set. */
static inline uint8_t idx_pixel(int set, uint32_t image, uint32_t i)
{
    uint32_t x = (image + 1) * 2654435761u + i * 40503u + (uint32_t)set * 977u;
    return (uint8_t)(x >> 13 ^ x >> 5);
}
static inline uint8_t idx_label(int set, uint32_t image)
{
    return (uint8_t)((image * 5 + (uint32_t)set) % IDX_CLASSES);
}

static inline struct idx_files idx_files_new(uint32_t train, uint32_t test, uint32_t rows, uint32_t columns)
{
    struct idx_files files = {train, test, rows, columns, {{0}}};
    for (int set = 0; set < 2; set++) {
        uint32_t n = set ? test : train, pixels = rows * columns;
        uint8_t *images = malloc((size_t)n * pixels), *labels = malloc(n);
        for (uint32_t i = 0; i < n; i++) {
            labels[i] = idx_label(set, i);
            for (uint32_t p = 0; p < pixels; p++) images[i * pixels + p] = idx_pixel(set, i, p);
        }
        files.file[2 * set] = idx_bytes(3, (uint32_t[]){n, rows, columns}, images);
        files.file[2 * set + 1] = idx_bytes(1, &n, labels);
        free(images);
        free(labels);
    }
    return files;
}

static inline void idx_files_put(const struct idx_files *files, const char *folder, bool gzip)
{
    for (int i = 0; i < IDX_FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", idx_names[i], gzip ? ".gz" : "");
        file_put(folder, name, files->file[i].data, files->file[i].n, gzip);
    }
}

static inline void idx_files_free(struct idx_files *files)
{
    for (int i = 0; i < IDX_FILES; i++) bytes_free(&files->file[i]);
}

#endif
