#include "links.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "h5_private.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

enum { HOPS = 16 }; /* links in a row: more are a circle */

bool links_beside(char path[LINKS_PATH], const char *from, const char *name)
{
    const char *slash = strrchr(from, '/');
    const int folder = slash && *name != '/' ? (int)(slash - from) + 1 : 0;
    return snprintf(path, LINKS_PATH, "%.*s%s", folder, from, name) < LINKS_PATH;
}

bool links_regular(const char *path, char reason[LINKS_REASON])
{
    const char *found = file_odd(path);
    if (!file_exists(path))
        snprintf(reason, LINKS_REASON, "%.400s: %s", path, strerror(errno));
    else if (found)
        snprintf(reason, LINKS_REASON, "%.400s: expected a regular file, found %s", path, found);
    else
        return true;
    return false;
}

hid_t links_open(const char *path, char reason[LINKS_REASON])
{
    if (!links_regular(path, reason)) return -1;
    h5_quiet();
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    char text[H5_REASON_BYTES];
    if (file < 0)
        snprintf(reason, LINKS_REASON, "%.250s: cannot be opened as an HDF5 file: %s", path, h5_reason(text));
    return file;
}

void links_release(struct links_place *place)
{
    if (place->other) H5Fclose(place->file);
    place->other = false;
}

static bool follow(struct links_place *place, const char *name, int *hops, char reason[LINKS_REASON]);

/* Goes on in the file, and at the object, that an external link names. */
static bool leave_file(struct links_place *place, const char *value, size_t size, int *hops,
                       char reason[LINKS_REASON])
{
    unsigned flags;
    const char *file, *object;
    char path[LINKS_PATH];
    if (H5Lunpack_elink_val(value, size, &flags, &file, &object) < 0 ||
        !links_beside(path, place->path, file)) {
        snprintf(reason, LINKS_REASON, "an external link is damaged");
        return false;
    }
    const hid_t other = links_open(path, reason);
    if (other < 0) return false;
    links_release(place);
    place->file = other;
    place->other = true;
    snprintf(place->path, sizeof place->path, "%s", path);
    *place->name = 0;
    return follow(place, object, hops, reason);
}

/* Goes where a link leads that is none to an object itself. next: its name in the file. */
static bool follow_link(struct links_place *place, const char *next, const H5L_info_t *info, int *hops,
                        char reason[LINKS_REASON])
{
    if (++*hops > HOPS) {
        snprintf(reason, LINKS_REASON, "more than %d links in a row", HOPS);
        return false;
    }
    const size_t size = info->u.val_size;
    char *value = memory_new((int64_t)size + 1, 1);
    bool good = size < (1 << 16) && H5Lget_val(place->file, next, value, size, H5P_DEFAULT) >= 0;
    if (!good)
        snprintf(reason, LINKS_REASON, "the link %.200s cannot be read", next);
    else if (info->type == H5L_TYPE_EXTERNAL)
        good = leave_file(place, value, size, hops, reason);
    else {
        if (*value == '/') *place->name = 0;
        good = follow(place, value, hops, reason);
    }
    memory_free(value);
    return good;
}

/* Appends the parts of `name` to place->name, which is free of links, one after the other. */
static bool follow(struct links_place *place, const char *name, int *hops, char reason[LINKS_REASON])
{
    for (size_t n; name += strspn(name, "/"), n = strcspn(name, "/"), n > 0; name += n) {
        if (n == 1 && *name == '.') continue;
        char next[LINKS_REASON];
        H5L_info_t info;
        if (snprintf(next, sizeof next, "%s/%.*s", place->name, (int)n, name) >= (int)sizeof next ||
            H5Lexists(place->file, next, H5P_DEFAULT) <= 0 ||
            H5Lget_info(place->file, next, &info, H5P_DEFAULT) < 0) {
            snprintf(reason, LINKS_REASON, "there is no %.200s in %.200s", next, place->path);
            return false;
        }
        if (info.type == H5L_TYPE_HARD)
            snprintf(place->name, sizeof place->name, "%s", next);
        else if (info.type != H5L_TYPE_SOFT && info.type != H5L_TYPE_EXTERNAL) {
            snprintf(reason, LINKS_REASON, "%.200s is a link of a kind that only its own program knows",
                     next);
            return false;
        } else if (!follow_link(place, next, &info, hops, reason))
            return false;
    }
    return true;
}

bool links_follow(struct links_place *place, hid_t file, const char *path, const char *name,
                  char reason[LINKS_REASON])
{
    int hops = 0;
    *place = (struct links_place){.file = file};
    snprintf(place->path, sizeof place->path, "%s", path);
    return follow(place, name, &hops, reason);
}
