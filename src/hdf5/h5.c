/* What writing and reading share: errors, types, shapes, selections, digests. */
#include "metazoa/hdf5/h5.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h5_private.h"
#include "metazoa/base/error.h"
#include "metazoa/base/hash.h"
#include "metazoa/hdf5/io.h"

/* What the library says, and what it means. */
static const struct {
    const char *theirs, *ours;
} reasons[] = {
    {"file signature not found", "it is no HDF5 file, or its beginning is lost"},
    {"truncated file", "its end is missing"},
    {"Fletcher32", "its values have another checksum than when they were written"},
    {"metadata checksum", "its structure has another checksum than when it was written"},
    {"already open for write", "a program writes it, or died while it did: wait for it, or h5clear -s FILE"},
    {"inflate", "its packed values cannot be unpacked"},
    {"no appropriate function for conversion path", "its values have another type than expected"},
};

/* A file is not damaged because this machine has no memory for it: that ends the program. */
static void stop_without_memory(const char *reason)
{
    static const char *const said[] = {"memory alloc", "allocate memory", "allocate Fletcher32",
                                       "inflateInit"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (strstr(reason, said[i])) fatal("out of memory: HDF5 says \"%s\"", reason);
}

static herr_t take_description(unsigned n, const H5E_error2_t *error, void *out)
{
    (void)n;
    if (error->desc && *error->desc) snprintf(out, H5_REASON_BYTES, "%s", error->desc);
    return 0;
}

/* The last description that is visited is the deepest. Numbers, addresses and times that follow it tell a
 * user nothing, but for the words of the operating system. */
const char *h5_reason(char reason[H5_REASON_BYTES])
{
    static const char system[] = "error message = '";
    *reason = 0;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, take_description, reason);
    stop_without_memory(reason);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strstr(reason, reasons[i].theirs)) return strcpy(reason, reasons[i].ours);
    const char *words = strstr(reason, system);
    if (words) {
        words += sizeof system - 1;
        const size_t n = strcspn(words, "'");
        memmove(reason, words, n);
        reason[n] = 0;
    }
    reason[strcspn(reason, ":,=(")] = 0;
    return *reason ? reason : strcpy(reason, "no reason is known");
}

void h5_quiet(void)
{
    static bool done = false;
    if (done) return;
    /* Read when HDF5 starts. Some file systems have no locks (Lustre without -o flock, NFS without lockd). A
     * run's own files are guarded by the run's lock, and a closed file is never written again. */
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    done = true;
}

const char *h5_library(void)
{
    static char text[32];
    unsigned major = 0, minor = 0, release = 0;
    h5_quiet();
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}

bool h5_problem(struct h5 *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!*file->problem) vsnprintf(file->problem, sizeof file->problem, format, arguments);
    va_end(arguments);
    return false;
}

bool h5_ok(struct h5 *file, int64_t result, const char *what)
{
    char reason[H5_REASON_BYTES];
    return result >= 0 || h5_problem(file, "%s: %s", what, h5_reason(reason));
}

hid_t h5_type_new(enum h5_type type, bool in_file, int64_t text_bytes)
{
    const hid_t memory[H5_TYPES] = {
        [H5_U8] = H5T_NATIVE_UINT8,   [H5_I32] = H5T_NATIVE_INT32, [H5_I64] = H5T_NATIVE_INT64,
        [H5_U64] = H5T_NATIVE_UINT64, [H5_F32] = H5T_NATIVE_FLOAT, [H5_F64] = H5T_NATIVE_DOUBLE,
    };
    const hid_t stored[H5_TYPES] = {
        [H5_U8] = H5T_STD_U8LE,   [H5_I32] = H5T_STD_I32LE,  [H5_I64] = H5T_STD_I64LE,
        [H5_U64] = H5T_STD_U64LE, [H5_F32] = H5T_IEEE_F32LE, [H5_F64] = H5T_IEEE_F64LE,
    };
    hid_t id = H5Tcopy(type == H5_TEXT ? H5T_C_S1 : in_file ? stored[type] : memory[type]);
    if (type == H5_TEXT) {
        H5Tset_size(id, (size_t)(text_bytes > 0 ? text_bytes : 1));
        H5Tset_strpad(id, H5T_STR_NULLTERM);
        H5Tset_cset(id, H5T_CSET_UTF8);
    }
    return id;
}

const char *h5_type_words(hid_t type)
{
    static const char *const words[] = {[H5T_INTEGER] = "integers",
                                        [H5T_FLOAT] = "floating-point numbers",
                                        [H5T_STRING] = "texts",
                                        [H5T_ENUM] = "an enumeration, such as true and false",
                                        [H5T_COMPOUND] = "a compound type, such as complex numbers",
                                        [H5T_REFERENCE] = "references",
                                        [H5T_VLEN] = "lists of any length",
                                        [H5T_ARRAY] = "elements that are arrays"};
    const H5T_class_t class = H5Tget_class(type);
    const bool known = class >= 0 && (size_t) class < sizeof words / sizeof *words && words[class];
    return known ? words[class] : "another type";
}

int64_t h5_row_bytes(const struct h5_data *data)
{
    static const int64_t size[H5_TYPES] = {1, 4, 8, 8, 4, 8, 0};
    return (data->type == H5_TEXT ? data->text_bytes : size[data->type]) *
           (data->has_width ? data->width : 1);
}

int64_t h5_rows(const struct h5_data *data)
{
    int64_t rows = 1;
    for (int i = 0; i < data->row_axes; i++) rows *= data->row_size[i];
    return rows;
}

static int64_t parts(int64_t n, int64_t of)
{
    return (n + of - 1) / of;
}

int64_t h5_chunks(const struct h5_data *data)
{
    int64_t chunks = 1;
    for (int i = 0; i < data->row_axes; i++) chunks *= parts(data->row_size[i], data->chunk_rows[i]);
    return chunks;
}

int64_t h5_chunks_deep(const struct h5_data *data)
{
    return data->has_record ? parts(data->records, data->chunk_records) : 1;
}

int64_t h5_chunk_bytes(const struct h5_data *data)
{
    const int64_t rows =
        (data->row_axes > 0 ? data->chunk_rows[0] : 1) * (data->row_axes > 1 ? data->chunk_rows[1] : 1);
    return (data->has_record ? data->chunk_records : 1) * rows * h5_row_bytes(data);
}

int64_t h5_stored(const struct h5_data *data)
{
    enum { CHUNK_EXTRA = 24 /* checksum, and address, size and filters in the index */ };
    const int64_t alignment = io_used()->alignment;
    int64_t chunk = h5_chunk_bytes(data) + CHUNK_EXTRA;
    if (alignment > 0 && chunk >= alignment / 2) chunk = (chunk + alignment - 1) / alignment * alignment;
    return h5_chunks_deep(data) * h5_chunks(data) * chunk;
}

int64_t h5_chunk_begin(const struct h5_data *data, int64_t chunk)
{
    if (data->row_axes == 0) return chunk;
    const int64_t edges = data->row_axes == 2 ? data->row_size[1] : 1;
    const int64_t a_cell =
        data->row_axes == 2 ? parts(edges, data->chunk_rows[1]) : 1; /* chunks side by side */
    int64_t cell = chunk / (a_cell > 0 ? a_cell : 1) * data->chunk_rows[0];
    if (cell >= data->row_size[0]) return data->row_size[0] * edges;
    return cell * edges + (a_cell > 1 ? chunk % a_cell * data->chunk_rows[1] : 0);
}

/* The size of n items' parts when they are cut into as few equal ones of at most `most` as can be: chunks are
 * stored whole, also where data end within the last. */
static int64_t even(int64_t n, int64_t most)
{
    const int64_t count = parts(n, most);
    return count > 0 ? parts(n, count) : 1;
}

void h5_chunk_choose(struct h5_data *data, int64_t bytes)
{
    if (data->row_axes == 0) return;
    const int64_t last = data->row_axes == 2 ? data->row_size[1] : 1;
    const int64_t record = data->has_record && data->chunk_records > 0 ? data->chunk_records : 1;
    int64_t rows = bytes / (h5_row_bytes(data) * record);
    if (rows < 1) rows = 1;
    int64_t k = rows / (last > 0 ? last : 1);
    if (k > data->row_size[0]) k = data->row_size[0];
    data->chunk_rows[0] = k > 0 ? even(data->row_size[0], k) : 1;
    data->chunk_rows[1] = last < 1 ? 1 : k > 0 || rows > last ? last : even(last, rows);
}

int h5_axes(const struct h5_data *data, hsize_t size[H5_AXES_MAX], hsize_t chunk[H5_AXES_MAX])
{
    int n = 0;
    if (data->has_record) {
        size[n] = (hsize_t)data->records;
        chunk[n++] = data->chunk_records > 0 ? (hsize_t)data->chunk_records : 1;
    }
    for (int i = 0; i < data->row_axes; i++) {
        size[n] = (hsize_t)data->row_size[i];
        chunk[n++] = (hsize_t)data->chunk_rows[i];
    }
    if (data->has_width) {
        size[n] = (hsize_t)data->width;
        chunk[n++] = data->width > 0 ? (hsize_t)data->width : 1;
    }
    return n;
}

/* Adds to a selection the box of records and cells [cell, cell_end) x edges [edge, edge_end). */
static herr_t add_box(hid_t space, const struct h5_data *data, int64_t record, int64_t n_records,
                      int64_t cell, int64_t cell_end, int64_t edge, int64_t edge_end)
{
    hsize_t start[H5_AXES_MAX], count[H5_AXES_MAX];
    int n = 0;
    if (data->has_record) {
        start[n] = (hsize_t)record;
        count[n++] = (hsize_t)n_records;
    }
    if (data->row_axes > 0) {
        start[n] = (hsize_t)cell;
        count[n++] = (hsize_t)(cell_end - cell);
    }
    if (data->row_axes > 1) {
        start[n] = (hsize_t)edge;
        count[n++] = (hsize_t)(edge_end - edge);
    }
    if (data->has_width) {
        start[n] = 0;
        count[n++] = (hsize_t)data->width;
    }
    for (int i = 0; i < n; i++)
        if (count[i] == 0) return 0;
    if (n == 0) return H5Sselect_all(space); /* a scalar has no axes to select from */
    return H5Sselect_hyperslab(space, H5S_SELECT_OR, start, NULL, count, NULL);
}

/* Contiguous memory for a selection. For one box it has the box's shape: with another one HDF5 goes through
 * the selection element by element (measured: 10 times slower). */
static hid_t memory_space(hid_t space, int axes)
{
    hsize_t n = (hsize_t)H5Sget_select_npoints(space), low[H5_AXES_MAX], high[H5_AXES_MAX], volume = 1;
    if (n > 0 && axes > 0) {
        H5Sget_select_bounds(space, low, high);
        for (int i = 0; i < axes; i++) volume *= high[i] = high[i] - low[i] + 1;
        if (volume == n) return H5Screate_simple(axes, high, NULL);
    }
    hid_t memory = H5Screate_simple(1, &n, NULL);
    if (n == 0) H5Sselect_none(memory);
    return memory;
}

hid_t h5_select(const struct h5_data *data, int64_t record, int64_t n_records, int64_t begin, int64_t end,
                hid_t *memory)
{
    hsize_t size[H5_AXES_MAX], chunk[H5_AXES_MAX];
    hid_t space = H5Screate_simple(h5_axes(data, size, chunk), size, NULL);
    H5Sselect_none(space);
    const int64_t edges = data->row_axes == 2 ? data->row_size[1] : 1;
    if (begin < end && n_records > 0) { /* the rest of a cell's row, whole cells, the beginning of one */
        int64_t first = begin / edges, last = end / edges;
        int64_t from = begin % edges, to = end % edges;
        if (first == last) {
            add_box(space, data, record, n_records, first, first + 1, from, to);
        } else {
            if (from > 0) add_box(space, data, record, n_records, first, first + 1, from, edges);
            first += from > 0;
            add_box(space, data, record, n_records, first, last, 0, edges);
            if (to > 0) add_box(space, data, record, n_records, last, last + 1, 0, to);
        }
    }
    *memory = memory_space(space, h5_axes(data, size, chunk));
    return space;
}

uint64_t h5_digest(const struct h5_data *data, int64_t record, int64_t begin, int64_t end, const void *values)
{
    return hash_rows(values, end - begin, (size_t)h5_row_bytes(data),
                     (uint64_t)(record * h5_rows(data) + begin));
}
