/* Files and datasets of others: opening, and looking at them. */
#include "metazoa/hdf5/foreign.h"

#include <stdio.h>
#include <string.h>

#include "convention.h"
#include "stored.h"

static void say(const struct foreign *file, const char *name, const char *what, struct problems *found)
{
    problems_add(found, EXIT_INPUT, "%s: %s: %s", file->path, name, what);
}

/* The first bytes of what people take for HDF5 files. */
static const char *hint(const char *path)
{
    char head[4] = "";
    FILE *file = fopen(path, "rbe");
    const bool read = file && fread(head, 1, 3, file) == 3;
    if (file) fclose(file);
    return read && memcmp(head, "CDF", 3) == 0 ? " (it is netCDF, but not netCDF-4: nccopy -k nc4 IN OUT)"
                                               : "";
}

bool foreign_open(struct foreign *file, const char *path, struct problems *found)
{
    char reason[LINKS_REASON];
    *file = (struct foreign){.path = path, .id = -1};
    if (!links_regular(path, reason)) {
        problems_add(found, EXIT_INPUT, "%s", reason);
        return false;
    }
    file->id = links_open(path, reason);
    if (file->id < 0) {
        problems_add(found, EXIT_INPUT, "%s%s", reason, hint(path));
        return false;
    }
    file->netcdf = H5Aexists_by_name(file->id, "/", "_NCProperties", H5P_DEFAULT) > 0;
    return true;
}

void foreign_close(struct foreign *file)
{
    if (file->id >= 0) H5Fclose(file->id);
    *file = (struct foreign){.id = -1};
}

bool foreign_has(const struct foreign *file, const char *name)
{
    return H5Lexists(file->id, name, H5P_DEFAULT) > 0;
}

/* Type and rank, and the sizes of all dimensions; false for what is no array of at least one element. */
static bool look(struct foreign_data *data)
{
    hsize_t size[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
    hid_t space = H5Dget_space(data->id), type = H5Dget_type(data->id), list = H5Dget_create_plist(data->id);
    H5T_class_t class = H5Tget_class(type);
    data->is_float = class == H5T_FLOAT;
    data->is_integer = class == H5T_INTEGER;
    data->rank = H5Sget_simple_extent_type(space) == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : 0;
    bool full = data->rank > 0 && H5Sget_simple_extent_dims(space, size, NULL) == data->rank;
    int length = snprintf(data->what, sizeof data->what, "%s%zu [",
                          data->is_float     ? "float"
                          : data->is_integer ? "integer"
                                             : "another type, bits: ",
                          8 * H5Tget_size(type));
    for (int i = 0; i < data->rank; i++) {
        if (i < 2) data->size[i] = (int64_t)size[i];
        if (length < 60)
            length += snprintf(data->what + length, sizeof data->what - (size_t)length,
                               i > 0 ? ", %lld" : "%lld", (long long)size[i]);
        full = full && 0 < size[i] && size[i] <= INT64_MAX / 64;
    }
    snprintf(data->what + length, sizeof data->what - (size_t)length, "]");
    data->chunk =
        full && H5Pget_layout(list) == H5D_CHUNKED && H5Pget_chunk(list, data->rank, chunk) == data->rank
            ? (int64_t)chunk[0]
            : 1;
    H5Pclose(list);
    H5Tclose(type);
    H5Sclose(space);
    return full;
}

/* Opens what the name stands for, links and all. */
static bool open_linked(struct foreign_data *data, struct problems *found)
{
    struct links_place place;
    char reason[LINKS_REASON] = "", text[LINKS_REASON + 100];
    const struct foreign *file = data->file;
    if (links_follow(&place, file->id, file->path, data->name, reason))
        data->id = H5Dopen2(place.file, place.name, H5P_DEFAULT);
    else
        data->id = -1;
    if (data->id < 0) {
        data->id = 0;
        snprintf(text, sizeof text, "expected a dataset, found none: %s",
                 *reason ? reason : "it is something else");
        say(file, data->name, text, found);
        links_release(&place);
        return false;
    }
    if (place.other) data->owner = place.file;
    return true;
}

bool foreign_data_open(struct foreign_data *data, const struct foreign *file, const char *name,
                       struct problems *found)
{
    const char *wrong = NULL;
    *data = (struct foreign_data){.file = file, .name = name};
    if (!open_linked(data, found)) return false;
    if (!look(data)) {
        problems_add(found, EXIT_INPUT, "%s: %s: expected an array of at least one element, found %s",
                     file->path, name, data->what);
        return false;
    }
    if (data->is_float || data->is_integer) {
        if (!convention_read(&data->convention, data->id, file->netcdf, &wrong))
            problems_add(found, EXIT_INPUT, "%s: %s: its attribute %s is not what it must be, numbers",
                         file->path, name, wrong);
    }
    return !wrong;
}

void foreign_data_close(struct foreign_data *data)
{
    if (data->id > 0) H5Dclose(data->id);
    if (data->owner > 0) H5Fclose(data->owner);
    *data = (struct foreign_data){0};
}

bool foreign_data_check(const struct foreign_data *data, int64_t rows, struct problems *found)
{
    char reason[LINKS_REASON], path[LINKS_PATH];
    /* The file that holds it, to which a link may have led: its sources lie beside it. */
    if (H5Fget_name(data->id, path, sizeof path) < 0) snprintf(path, sizeof path, "%s", data->file->path);
    if (stored_whole(data->id, path, rows, reason)) return true;
    problems_add(found, EXIT_INPUT, "%s: %s: %s: %s", data->file->path, data->name, data->what, reason);
    return false;
}

bool foreign_data_must_try(const struct foreign_data *data)
{
    return data->convention.filled || stored_foreign_filter(data->id);
}
