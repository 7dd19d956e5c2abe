/*
 * One digest of all attributes of a file: the sum over every attribute of every object of a hash of the
 * object's path, the attribute's name, and its stored bytes. It is itself an attribute of the file. Left out
 * are it, and the references that dimension scales are made of (they are addresses; h5_scales_sound looks
 * after them).
 */
#include <stdio.h>
#include <string.h>

#include "h5_private.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"

enum { BYTES_MAX = 1 << 20 }; /* of one attribute: ours take less than a kilobyte */

static bool is_counted(const char *name)
{
    return strcmp(name, H5_ATTRIBUTES) != 0 && strcmp(name, "DIMENSION_LIST") != 0 &&
           strcmp(name, "REFERENCE_LIST") != 0;
}

uint64_t h5_attribute_hash(const char *object, const char *name, const void *bytes, size_t n)
{
    if (!is_counted(name)) return 0;
    const uint64_t place = hash_bytes(object, strlen(object), 0);
    return hash_bytes(bytes, n, hash_bytes(name, strlen(name), place));
}

struct sum {
    const char *object;
    uint64_t digest;
};

/* An attribute that cannot be one of ours changes the sum. */
static herr_t add_attribute(hid_t location, const char *name, const H5A_info_t *info, void *context)
{
    (void)info;
    struct sum *sum = context;
    hid_t id = H5Aopen(location, name, H5P_DEFAULT), type = H5Aget_type(id), space = H5Aget_space(id);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    const size_t size = H5Tget_size(type);
    const bool plain = H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT ||
                       (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0);
    if (is_counted(name) && (!plain || n < 0 || n > BYTES_MAX || size * (size_t)n > BYTES_MAX)) {
        sum->digest++;
    } else if (is_counted(name)) {
        char *bytes = memory_new((int64_t)size * n + 1, 1);
        sum->digest +=
            H5Aread(id, type, bytes) >= 0 ? h5_attribute_hash(sum->object, name, bytes, size * (size_t)n) : 1;
        memory_free(bytes);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(id);
    return 0;
}

static herr_t add_object(hid_t file, const char *name, const H5L_info_t *info, void *context)
{
    struct sum *sum = context;
    char *object = memory_print("/%s", name);
    sum->object = object;
    if (info->type == H5L_TYPE_HARD)
        H5Aiterate_by_name(file, object, H5_INDEX_NAME, H5_ITER_INC, NULL, add_attribute, sum, H5P_DEFAULT);
    else
        sum->digest++;
    memory_free(object);
    return 0;
}

bool h5_attributes_sound(struct h5 *file)
{
    struct sum sum = {.object = "/"};
    uint64_t stored = 0;
    if (!h5_has_attribute(file, "/", H5_ATTRIBUTES)) return !*file->problem; /* of version 0.1 */
    if (!h5_get_u64(file, "/", H5_ATTRIBUTES, &stored)) return false;
    H5Aiterate_by_name(file->id, "/", H5_INDEX_NAME, H5_ITER_INC, NULL, add_attribute, &sum, H5P_DEFAULT);
    H5Lvisit(file->id, H5_INDEX_NAME, H5_ITER_INC, add_object, &sum);
    return sum.digest == stored ||
           h5_problem(file, "one of its attributes is not what it was: their digest is not the stored one");
}
