/* Files and datasets of others: opening, and looking at them. */
#include "metazoa/hdf5/foreign.h"

#include <stdio.h>
#include <string.h>

#include "convention.h"
#include "h5_private.h"
#include "metazoa/base/memory.h"
#include "stored.h"

static void say(const struct foreign *file, const char *name, const char *what, struct problems *found)
{
    problems_add(found, EXIT_INPUT, "%s: %s: %s", file->path, name, what);
}

/* What to do with files that people take for HDF5 files, by their first bytes; "" if they are HDF5 files. */
static const char *hint(const char *path)
{
    enum { MANY = 512 };
    char head[MANY + 1] = "";
    FILE *file = fopen(path, "rbe");
    const size_t n = file ? fread(head, 1, MANY, file) : 0;
    if (file) fclose(file);
    if (n >= 3 && memcmp(head, "CDF", 3) == 0) return "it is netCDF, but not netCDF-4: nccopy -k nc4 IN OUT";
    if (n >= 8 && memcmp(head, "\211HDF\r\n\032\n", 8) == 0) return "";
    if (n > 0 && memchr(head, 0, n) == NULL)
        return "it looks like text; the formats that are read are HDF5, and the files of MNIST and CIFAR-10 "
               "(docs/data.md, also how to keep a part for testing). A table of numbers whose last column is "
               "the "
               "class is converted by: /usr/bin/python3 -c 'import h5py, numpy; "
               "t = numpy.loadtxt(\"IN.csv\", delimiter=\",\", skiprows=1); x = t[:, :-1]; "
               "x = (x - x.mean(0)) / (x.std(0) + 1e-6); f = h5py.File(\"OUT.h5\", \"w\"); "
               "f[\"x\"] = x.astype(\"f4\"); f[\"y\"] = t[:, -1].astype(int)'";
    return "the formats that are read are HDF5, and the files of MNIST and CIFAR-10 (docs/data.md)";
}

bool foreign_open(struct foreign *file, const char *path, struct problems *found)
{
    char reason[LINKS_REASON];
    *file = (struct foreign){.path = path, .id = -1};
    fegetenv(&file->before);
    fesetenv(FE_DFL_ENV);
    if (!links_regular(path, reason)) {
        problems_add(found, EXIT_INPUT, "%s", reason);
        return false;
    }
    file->id = links_open(path, reason);
    if (file->id < 0) {
        const char *const text = hint(path);
        problems_add(found, EXIT_INPUT, "%s%s%s", reason, *text ? "; " : "", text);
        return false;
    }
    return true;
}

void foreign_close(struct foreign *file)
{
    if (file->id >= 0) H5Fclose(file->id);
    file->id = -1;
    fesetenv(&file->before);
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
    int length = data->is_float || data->is_integer
                     ? snprintf(data->what, sizeof data->what, "%s%zu [",
                                data->is_float ? "float" : "integer", 8 * H5Tget_size(type))
                     : snprintf(data->what, sizeof data->what, "%s [", h5_type_words(type));
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

struct contents {
    char text[400];
    int n;
};

/* For H5Lvisit: the dataset's name, type and shape. */
static herr_t add_dataset(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    enum { MANY = 8 };
    struct contents *contents = context;
    struct foreign_data data = {.id = -1};
    if (info->type == H5L_TYPE_HARD) data.id = H5Oopen(group, name, H5P_DEFAULT);
    if (data.id >= 0 && H5Iget_type((hid_t)data.id) == H5I_DATASET) {
        look(&data);
        if (contents->n < MANY)
            memory_append(contents->text, sizeof contents->text, "%s/%.60s %s", contents->n ? ", " : "", name,
                          data.what);
        if (contents->n++ == MANY) memory_append(contents->text, sizeof contents->text, ", ...");
    }
    if (data.id >= 0) H5Oclose((hid_t)data.id);
    return 0;
}

/* "; its datasets: /images float32 [100, 9], ..." */
static struct contents contents_of(const struct foreign *file)
{
    struct contents contents = {.text = "; its datasets: "};
    H5Lvisit(file->id, H5_INDEX_NAME, H5_ITER_INC, add_dataset, &contents);
    if (contents.n == 0) snprintf(contents.text, sizeof contents.text, "; it has no datasets");
    return contents;
}

/* Opens what the name stands for, links and all. */
static bool open_linked(struct foreign_data *data, struct problems *found)
{
    struct links_place place;
    char reason[LINKS_REASON] = "", text[LINKS_REASON + 500];
    const struct foreign *file = data->file;
    if (links_follow(&place, file->id, file->path, data->name, reason))
        data->id = H5Dopen2(place.file, place.name, H5P_DEFAULT);
    else
        data->id = -1;
    if (data->id < 0) {
        data->id = 0;
        /* Of several that are missing, the first one is enough to say what there is. */
        snprintf(text, sizeof text, "expected a dataset, found none: %s%s",
                 *reason ? reason : "it is something else", found->n == 0 ? contents_of(file).text : "");
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
        if (!convention_read(&data->convention, data->id, &wrong))
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

bool foreign_data_virtual(const struct foreign_data *data)
{
    hid_t list = H5Dget_create_plist((hid_t)data->id);
    const bool is_virtual = H5Pget_layout(list) == H5D_VIRTUAL;
    H5Pclose(list);
    return is_virtual;
}

bool foreign_data_must_try(const struct foreign_data *data)
{
    return data->convention.filled || stored_foreign_filter(data->id);
}
