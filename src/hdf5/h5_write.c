#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "h5_private.h"
#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/io.h"

/* Every call that writes goes through here: a failure removes the file, which has its temporary name still.
 */
static int64_t must(struct h5 *file, int64_t result, const char *what, const char *name)
{
    if (result >= 0) return result;
    char reason[H5_REASON_BYTES];
    h5_reason(reason);
    unlink(file->path);
    fatal("%s: cannot be written (%s %s): %s; checkpoints and archive of before are untouched", file->path,
          what, name, reason);
}

#define H5(call, what, name) must(file, fault_point() ? h5_injected() : (int64_t)(call), what, name)

/* A failure as HDF5 would report it. */
static int64_t h5_injected(void)
{
    H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, H5E_WRITEERROR,
             "injected failure");
    return -1;
}

/* Everything with links and attributes stores them in its header, however many there are. */
static hid_t creation_list(hid_t class)
{
    hid_t list = H5Pcreate(class);
    H5Pset_obj_track_times(list, false);
    H5Pset_attr_phase_change(list, 512, 256);
    if (class != H5P_DATASET_CREATE) H5Pset_link_phase_change(list, 512, 256);
    return list;
}

/* Completes and closes the access list. */
static void create(struct h5 *file, hid_t access)
{
    h5_quiet();
    hid_t creation = creation_list(H5P_FILE_CREATE);
    /* From 1.10 on all metadata carry checksums, and datasets can be virtual. */
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    /* No blocks of metadata, of which a part would stay unused: at 5 ranks such holes were seen to be written
     * with whatever a buffer held. */
    H5Pset_meta_block_size(access, 0);
    H5Pset_small_data_block_size(access, 0);
    file->id = H5(H5Fcreate(file->path, H5F_ACC_TRUNC, creation, access), "making", "the file");
    H5Pclose(creation);
    H5Pclose(access);
}

void h5_create(struct h5 *file, const char *path, struct comm *comm, int64_t bytes)
{
    const struct io *io = io_used();
    const hsize_t alignment = comm ? (hsize_t)io->alignment : 0;
    *file = (struct h5){.id = -1, .comm = comm, .path = path, .raw = -1};
    file->together = comm && bytes >= io->parallel_from;
    if (!comm || comm_rank(comm) == 0) {
        hid_t access = H5Pcreate(H5P_FILE_ACCESS);
        if (alignment > 0) H5Pset_alignment(access, alignment / 2, alignment);
        create(file, access);
        h5_put_text(file, "/", "Conventions", "CF-1.8");
    }
    if (file->together) h5_raw_open(file);
}

hid_t h5_scale_user_type(void)
{
    hid_t id = H5Tcreate(H5T_COMPOUND, sizeof(struct scale_user));
    H5Tinsert(id, "dataset", HOFFSET(struct scale_user, data), H5T_STD_REF_OBJ);
    H5Tinsert(id, "dimension", HOFFSET(struct scale_user, axis), H5T_NATIVE_UINT32);
    return id;
}

/* One attribute of an object: n values of a type; n = 0: a scalar. */
static void put_attribute(struct h5 *file, const char *object, const char *name, hid_t stored, hid_t memory,
                          int n, const void *values)
{
    if (file->id < 0) return;
    hsize_t size = (hsize_t)n;
    hid_t space = n > 0 ? H5Screate_simple(1, &size, NULL) : H5Screate(H5S_SCALAR);
    hid_t id =
        H5Acreate_by_name(file->id, object, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5(id < 0 ? id : H5Awrite(id, memory, values), "attribute", name);
    H5Aclose(id);
    H5Sclose(space);
}

static void put_simple(struct h5 *file, const char *object, const char *name, enum h5_type type,
                       int64_t text_bytes, int n, const void *values)
{
    hid_t stored = h5_type_new(type, true, text_bytes), memory = h5_type_new(type, false, text_bytes);
    const size_t bytes = H5Tget_size(stored) * (size_t)(n > 0 ? n : 1);
    file->attributes += h5_attribute_hash(object, name, values, bytes);
    put_attribute(file, object, name, stored, memory, n, values);
    H5Tclose(memory);
    H5Tclose(stored);
}

void h5_put_i64(struct h5 *file, const char *object, const char *name, int n, const int64_t *values)
{
    put_simple(file, object, name, H5_I64, 0, n, values);
}

void h5_put_u64(struct h5 *file, const char *object, const char *name, uint64_t value)
{
    put_simple(file, object, name, H5_U64, 0, 0, &value);
}

void h5_put_f64(struct h5 *file, const char *object, const char *name, int n, const double *values)
{
    put_simple(file, object, name, H5_F64, 0, n, values);
}

void h5_put_text(struct h5 *file, const char *object, const char *name, const char *text)
{
    put_simple(file, object, name, H5_TEXT, (int64_t)strlen(text) + 1, 0, text);
}

void h5_group(struct h5 *file, const char *name, const char *description)
{
    if (file->id < 0) return;
    hid_t list = creation_list(H5P_GROUP_CREATE);
    hid_t id = H5(H5Gcreate2(file->id, name, H5P_DEFAULT, list, H5P_DEFAULT), "group", name);
    H5Gclose(id);
    H5Pclose(list);
    h5_put_text(file, name, "description", description);
}

/* Dimension scales, half 1: the dataset names the scales of its axes, and the file remembers who uses which.
 */
static void put_scales(struct h5 *file, const struct h5_data *data, int axes)
{
    hobj_ref_t scale[H5_AXES_MAX];
    hvl_t list[H5_AXES_MAX] = {{0}};
    int n = 0;
    for (int i = 0; i < axes; i++) {
        if (!data->scales[i]) continue;
        H5(H5Rcreate(&scale[i], file->id, data->scales[i], H5R_OBJECT, -1), "scale of", data->name);
        list[i] = (hvl_t){.len = 1, .p = &scale[i]};
        n++;
        if (file->n_links % 64 == 0) {
            struct h5_link *links = memory_new(file->n_links + 64, sizeof *links);
            if (file->n_links > 0) memcpy(links, file->links, (size_t)file->n_links * sizeof *links);
            memory_free(file->links);
            file->links = links;
        }
        file->links[file->n_links++] =
            (struct h5_link){memory_string(data->scales[i]), memory_string(data->name), i};
    }
    if (n == 0) return;
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ);
    put_attribute(file, data->name, "DIMENSION_LIST", type, type, axes, list);
    H5Tclose(type);
}

/* Half 2, when all datasets are there: each scale names its users. */
static void put_scale_users(struct h5 *file)
{
    hid_t type = h5_scale_user_type();
    struct scale_user *users = memory_new(file->n_links, sizeof *users);
    for (int64_t i = 0; i < file->n_links; i++) {
        int n = 0;
        bool first = true;
        for (int64_t j = 0; j < file->n_links; j++) {
            if (strcmp(file->links[i].scale, file->links[j].scale) != 0) continue;
            first = first && j >= i;
            H5(H5Rcreate(&users[n].data, file->id, file->links[j].data, H5R_OBJECT, -1), "scale of",
               file->links[j].data);
            users[n++].axis = (uint32_t)file->links[j].axis;
        }
        if (first) put_attribute(file, file->links[i].scale, "REFERENCE_LIST", type, type, n, users);
    }
    memory_free(users);
    H5Tclose(type);
}

static void put_flags(struct h5 *file, const struct h5_data *data)
{
    uint8_t values[UINT8_MAX];
    char meanings[1024] = "";
    for (int i = 0; i < data->n_flags; i++) {
        values[i] = (uint8_t)i;
        memory_append(meanings, sizeof meanings, "%s%s", i > 0 ? " " : "", data->flags[i]);
    }
    put_simple(file, data->name, "flag_values", H5_U8, 0, data->n_flags, values);
    h5_put_text(file, data->name, "flag_meanings", meanings);
}

/* What a dataset says of itself, whatever its layout. */
static void describe(struct h5 *file, const struct h5_data *data, int axes)
{
    if (data->is_scale) {
        h5_put_text(file, data->name, "CLASS", "DIMENSION_SCALE");
        h5_put_text(file, data->name, "NAME", file_name(data->name));
    }
    h5_put_text(file, data->name, "description", data->description);
    h5_put_text(file, data->name, "long_name", data->description); /* as netCDF's conventions call it */
    h5_put_text(file, data->name, "units", data->units);
    if (data->flags) put_flags(file, data);
    put_scales(file, data, axes);
}

static hid_t make(struct h5 *file, const struct h5_data *data, hid_t list, int axes, const hsize_t *size)
{
    hsize_t
        most[H5_AXES_MAX]; /* no chunk fits an axis that is empty for ever; without chunks none can grow */
    const bool chunks = H5Pget_layout(list) == H5D_CHUNKED;
    for (int i = 0; i < axes; i++) most[i] = size[i] > 0 || !chunks ? size[i] : H5S_UNLIMITED;
    hid_t space = H5Screate_simple(axes, size, most), type = h5_type_new(data->type, true, data->text_bytes);
    hid_t id = H5(H5Dcreate2(file->id, data->name, type, space, H5P_DEFAULT, list, H5P_DEFAULT), "dataset",
                  data->name);
    H5Tclose(type);
    H5Sclose(space);
    describe(file, data, axes);
    return id;
}

static void new_dataset(struct h5 *file, struct h5_data *data)
{
    hsize_t size[H5_AXES_MAX], chunk[H5_AXES_MAX];
    const int axes = h5_axes(data, size, chunk);
    data->id = -1;
    if (file->id < 0) return;
    hid_t list = creation_list(H5P_DATASET_CREATE);
    if (axes > 0) H5Pset_chunk(list, axes, chunk);
    if (axes > 0 && data->compress > 0) {
        H5Pset_shuffle(list);
        H5Pset_deflate(list, (unsigned)data->compress);
    }
    if (data->together)
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY); /* its place in the file is known from now on */
    else if (axes > 0)
        H5Pset_fletcher32(list); /* a scalar has no chunks, and filters need them */
    H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    data->id = make(file, data, list, axes, size);
    H5Pclose(list);
}

/* Where the chunks of a new dataset lie: one after the other, since all are of one size. */
static int64_t place_of_chunks(struct h5 *file, const struct h5_data *data)
{
    hsize_t size[H5_AXES_MAX], chunk[H5_AXES_MAX], first[H5_AXES_MAX] = {0}, last[H5_AXES_MAX], bytes;
    haddr_t begin, end;
    unsigned mask;
    const int axes = h5_axes(data, size, chunk);
    for (int i = 0; i < axes; i++) last[i] = (size[i] - 1) / chunk[i] * chunk[i];
    H5(H5Dget_chunk_info_by_coord(data->id, first, &mask, &begin, &bytes), "place of", data->name);
    H5(H5Dget_chunk_info_by_coord(data->id, last, &mask, &end, &bytes), "place of", data->name);
    if ((int64_t)bytes != h5_chunk_bytes(data) ||
        end - begin != (haddr_t)((h5_chunks_deep(data) * h5_chunks(data) - 1) * h5_chunk_bytes(data)))
        fatal("%s: HDF5 has laid out %s in a way that this program does not know", file->path, data->name);
    return (int64_t)begin;
}

void h5_new(struct h5 *file, struct h5_data *data)
{
    data->together = file->together && data->compress == 0;
    data->place = 0;
    new_dataset(file, data);
    if (!data->together || h5_chunks_deep(data) * h5_chunks(data) == 0) return;
    if (file->id >= 0) data->place = place_of_chunks(file, data);
    comm_broadcast(file->comm, &data->place, sizeof data->place, 0);
}

void h5_virtual(struct h5 *file, const struct h5_data *data, int64_t n_sources,
                const struct h5_source *sources)
{
    hsize_t size[H5_AXES_MAX], chunk[H5_AXES_MAX], start[H5_AXES_MAX] = {0};
    const int axes = h5_axes(data, size, chunk);
    const float missing = (float)NAN;
    const uint8_t unknown = UINT8_MAX;
    hid_t list = creation_list(H5P_DATASET_CREATE), whole = H5Screate_simple(axes, size, NULL);
    if (data->type == H5_F32) H5Pset_fill_value(list, H5T_NATIVE_FLOAT, &missing);
    if (data->type == H5_U8) H5Pset_fill_value(list, H5T_NATIVE_UINT8, &unknown);
    for (int64_t i = 0; i < n_sources; i++) {
        hsize_t part[H5_AXES_MAX];
        memcpy(part, size, sizeof part);
        part[0] = (hsize_t)sources[i].n;
        start[0] = (hsize_t)sources[i].first;
        hid_t source = H5Screate_simple(axes, part, NULL);
        if (H5Sget_select_npoints(source) > 0) {
            H5Sselect_hyperslab(whole, H5S_SELECT_SET, start, NULL, part, NULL);
            H5(H5Pset_virtual(list, whole, sources[i].path, data->name, source), "virtual dataset",
               data->name);
        }
        H5Sclose(source);
    }
    H5(H5Dclose(make(file, data, list, axes, size)), "closing", data->name);
    H5Sclose(whole);
    H5Pclose(list);
}

void h5_write(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records, int64_t begin,
              int64_t end, const void *values)
{
    if (data->together) {
        h5_raw_write(file, data, record, n_records, begin, end, values);
        return;
    }
    if (file->id < 0) return;
    hid_t memory, space = h5_select(data, record, n_records, begin, end, &memory);
    hid_t type = h5_type_new(data->type, false, data->text_bytes);
    H5(H5Dwrite(data->id, type, memory, space, H5P_DEFAULT, values), "dataset", data->name);
    H5Tclose(type);
    H5Sclose(space);
    H5Sclose(memory);
}

void h5_end(struct h5 *file, const struct h5_data *data, uint64_t digest)
{
    h5_put_u64(file, data->name, "digest", digest);
    if (file->id >= 0) H5(H5Dclose(data->id), "closing", data->name);
}

void h5_put(struct h5 *file, const struct h5_data *data, const void *values)
{
    const int64_t rows = h5_rows(data), records = data->has_record ? data->records : 1;
    if (file->id < 0) return;
    struct h5_data own = *data;
    uint64_t digest = 0;
    own.together = false;
    for (int64_t i = 0; i < records; i++)
        digest += h5_digest(data, i, 0, rows, (const char *)values + i * rows * h5_row_bytes(data));
    new_dataset(file, &own);
    h5_write(file, &own, 0, records, 0, rows, values);
    h5_end(file, &own, digest);
}

/* Frees what is known of a file that was closed. */
static void forget(struct h5 *file)
{
    for (int64_t i = 0; i < file->n_links; i++) {
        memory_free(file->links[i].scale);
        memory_free(file->links[i].data);
    }
    memory_free(file->links);
    *file = (struct h5){.id = -1};
}

void h5_close(struct h5 *file)
{
    if (file->together) h5_raw_close(file);
    if (file->id >= 0) {
        put_scale_users(file);
        h5_put_u64(file, "/", H5_ATTRIBUTES, file->attributes);
        H5(H5Fclose(file->id), "closing", "the file");
        file_sync(file->path);
    }
    if (file->comm) comm_barrier(file->comm);
    forget(file);
}

void h5_put_index(struct h5 *file, const char *name, int64_t n, const char *description)
{
    int32_t *values = memory_new(n, sizeof *values);
    for (int64_t i = 0; i < n; i++) values[i] = (int32_t)i;
    struct h5_data data = {.name = name,
                           .type = H5_I32,
                           .row_axes = 1,
                           .row_size = {n},
                           .description = description,
                           .units = "1",
                           .is_scale = true};
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    h5_put(file, &data, values);
    memory_free(values);
}
