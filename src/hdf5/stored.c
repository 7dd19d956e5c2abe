#include "stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convention.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

/* A dataset of more than PLENTY bytes may be at most RATIO times as large as its file: beyond that it is
 * more likely a trap than data. A chunk may have CHUNK_MOST bytes. */
enum { RATIO = 256, DEPTH = 4 };
static const int64_t plenty = INT64_C(1) << 30, chunk_most = INT64_C(1) << 30;

/* The sizes of a dataset. */
struct sizes {
    int rank;
    hsize_t size[H5S_MAX_RANK];
    int64_t bytes; /* of all rows that are read; INT64_MAX: more than can be counted */
};

static int64_t times(int64_t a, hsize_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static struct sizes sizes_of(hid_t data, int64_t rows)
{
    struct sizes sizes = {0};
    hid_t space = H5Dget_space(data), type = H5Dget_type(data);
    sizes.rank = H5Sget_simple_extent_dims(space, sizes.size, NULL);
    if (sizes.rank > 0 && rows >= 0 && (hsize_t)rows < sizes.size[0]) sizes.size[0] = (hsize_t)rows;
    sizes.bytes = (int64_t)H5Tget_size(type);
    for (int i = 0; i < sizes.rank; i++) sizes.bytes = times(sizes.bytes, sizes.size[i]);
    H5Tclose(type);
    H5Sclose(space);
    return sizes;
}

/* Declared sizes against the file's. */
static bool believable(hid_t data, hid_t list, const char *path, const struct sizes *sizes,
                       char reason[LINKS_REASON])
{
    hsize_t chunk[H5S_MAX_RANK];
    hid_t type = H5Dget_type(data);
    int64_t bytes = (int64_t)H5Tget_size(type);
    const bool chunked = H5Pget_layout(list) == H5D_CHUNKED;
    H5Tclose(type);
    for (int i = 0; chunked && i < sizes->rank && H5Pget_chunk(list, sizes->rank, chunk) == sizes->rank; i++)
        bytes = times(bytes, chunk[i]);
    const int64_t held = file_bytes(path);
    const bool packed = chunked && H5Pget_nfilters(list) > 0;
    if (chunked && bytes > chunk_most)
        snprintf(reason, LINKS_REASON,
                 "has chunks of %" PRId64 " bytes; %" PRId64
                 " is the most that is taken: repack it with smaller ones (h5repack -l x:CHUNK=...)",
                 bytes, chunk_most);
    else if (!packed && sizes->bytes > held)
        snprintf(reason, LINKS_REASON,
                 "claims more than the file of %" PRId64
                 " bytes holds: not all of that was ever written to the file",
                 held);
    else if (packed && sizes->bytes > plenty && sizes->bytes / RATIO > held)
        snprintf(reason, LINKS_REASON,
                 "claims %.4g GiB, more than %d times the %" PRId64
                 " bytes of its file: if that is meant, unpack it (h5repack -f NONE IN OUT)",
                 (double)sizes->bytes * 0x1p-30, RATIO, held);
    else
        return true;
    return false;
}

static bool contiguous_stored(hid_t data, const char *path, const struct sizes *sizes,
                              char reason[LINKS_REASON])
{
    const haddr_t at = H5Dget_offset(data);
    if (at != HADDR_UNDEF && (int64_t)H5Dget_storage_size(data) >= sizes->bytes &&
        (int64_t)at <= file_bytes(path) - sizes->bytes)
        return true;
    snprintf(reason, LINKS_REASON, "not all of it was ever written to the file");
    return false;
}

/* Raw data in other files, whose names HDF5 takes from the working folder on. */
static bool external_stored(hid_t list, const struct sizes *sizes, char reason[LINKS_REASON])
{
    int64_t found = 0;
    if (getenv("HDF5_EXTFILE_PREFIX")) {
        snprintf(reason, LINKS_REASON, "lies in other files, and HDF5_EXTFILE_PREFIX is set: unset it");
        return false;
    }
    for (int i = 0; i < H5Pget_external_count(list); i++) {
        char name[400] = "";
        off_t offset = 0;
        hsize_t bytes = 0;
        H5Pget_external(list, (unsigned)i, sizeof name - 1, name, &offset, &bytes);
        if (!links_regular(name, reason)) return false;
        const int64_t rest = file_bytes(name) - (int64_t)offset,
                      wanted = bytes == H5F_UNLIMITED || (int64_t)bytes > sizes->bytes - found
                                   ? sizes->bytes - found
                                   : (int64_t)bytes;
        if (rest < wanted) {
            snprintf(reason, LINKS_REASON,
                     "lies in %.200s, which should hold %" PRId64 " bytes from byte %" PRId64
                     " on and holds %" PRId64,
                     name, wanted, (int64_t)offset, rest < 0 ? 0 : rest);
            return false;
        }
        found += wanted;
    }
    if (found < sizes->bytes) snprintf(reason, LINKS_REASON, "not all of it was ever written to its files");
    return found >= sizes->bytes;
}

/* The way from a virtual dataset to the sources of its sources. */
struct walk {
    int depth;
    int64_t sources;           /* of all virtual datasets so far */
    bool named;                /* the reason names the source that cannot be taken */
    struct convention meaning; /* of the elements of the first one */
};

static bool whole(hid_t data, const char *path, int64_t rows, struct walk *walk, char reason[LINKS_REASON]);

/* Whether all values of one type are values of another: HDF5 clips the others, without a word. */
static bool type_fits(hid_t inner, hid_t outer)
{
    const H5T_class_t from = H5Tget_class(inner), to = H5Tget_class(outer);
    const size_t bytes = H5Tget_size(inner), room = H5Tget_size(outer);
    if (from != H5T_INTEGER || to != H5T_INTEGER)
        return to == H5T_FLOAT && (from == H5T_FLOAT || from == H5T_INTEGER);
    const bool has_sign = H5Tget_sign(inner) == H5T_SGN_2, takes_sign = H5Tget_sign(outer) == H5T_SGN_2;
    return has_sign == takes_sign ? bytes <= room : takes_sign && bytes < room;
}

/* Whether all elements of a source can be elements of the virtual dataset. */
static bool source_fits(hid_t source, hid_t virtual, const char *name, char reason[LINKS_REASON])
{
    hid_t inner = H5Dget_type(source), outer = H5Dget_type(virtual);
    const bool fits = type_fits(inner, outer);
    if (!fits)
        snprintf(reason, LINKS_REASON, "%.200s has values that do not fit into the virtual dataset's type",
                 name);
    H5Tclose(outer);
    H5Tclose(inner);
    return fits;
}

/* Whether what attributes say of a source's elements, the virtual dataset says as well: HDF5 hands over the
 * elements alone. */
static bool same_meaning(hid_t data, const char *name, const struct walk *walk, char reason[LINKS_REASON])
{
    struct convention source;
    const char *wrong = NULL;
    if (convention_read(&source, data, &wrong) &&
        (convention_plain(&source) || convention_same(&source, &walk->meaning)))
        return true;
    snprintf(
        reason, LINKS_REASON,
        "%.100s has a fill value, or attributes (scale_factor, _FillValue, ...), that the virtual dataset "
        "has not",
        name);
    return false;
}

/* Whether a dataset holds what is selected from it: all of it, `points` elements, or a part. */
static bool selection_fits(hid_t data, hid_t wanted, hssize_t points)
{
    hsize_t size[H5S_MAX_RANK], low[H5S_MAX_RANK], high[H5S_MAX_RANK];
    hid_t space = H5Dget_space(data);
    const int rank = H5Sget_simple_extent_dims(space, size, NULL);
    bool fits = rank > 0;
    if (H5Sget_select_type(wanted) == H5S_SEL_ALL)
        fits = fits && H5Sget_simple_extent_npoints(space) == points;
    else
        fits = fits && rank == H5Sget_simple_extent_ndims(wanted) &&
               H5Sget_select_npoints(wanted) == points && H5Sget_select_bounds(wanted, low, high) >= 0;
    if (H5Sget_select_type(wanted) != H5S_SEL_ALL)
        for (int i = 0; fits && i < rank; i++) fits = high[i] < size[i];
    H5Sclose(space);
    return fits;
}

/* Whether the dataset `name` of a virtual dataset's source holds what is taken from it. */
static bool source_holds(hid_t virtual, hid_t file, const char *path, const char *name, hid_t wanted,
                         hssize_t points, struct walk *walk, char reason[LINKS_REASON])
{
    struct links_place place;
    bool good = links_follow(&place, file, path, name, reason);
    hid_t data = good ? H5Dopen2(place.file, place.name, H5P_DEFAULT) : -1;
    if (good && data < 0) snprintf(reason, LINKS_REASON, "%.200s is no dataset", name);
    good = data >= 0;
    if (good && !selection_fits(data, wanted, points)) {
        snprintf(reason, LINKS_REASON, "%.200s has not the size that it had", name);
        good = false;
    }
    walk->depth++;
    good = good && source_fits(data, virtual, name, reason) && same_meaning(data, name, walk, reason) &&
           whole(data, place.path, -1, walk, reason);
    walk->depth--;
    if (data >= 0) H5Dclose(data);
    links_release(&place);
    return good;
}

/* One of a virtual dataset's sources. */
static bool source_stored(hid_t data, hid_t list, size_t i, const char *path, struct walk *walk,
                          char reason[LINKS_REASON])
{
    char name[LINKS_PATH] = "", set[400] = "", other[LINKS_PATH], why[LINKS_REASON] = "";
    H5Pget_virtual_filename(list, i, name, sizeof name);
    H5Pget_virtual_dsetname(list, i, set, sizeof set);
    hid_t space = H5Pget_virtual_srcspace(list, i), target = H5Pget_virtual_vspace(list, i), file = -1;
    const hssize_t points = H5Sget_select_npoints(target); /* not a count if it is unlimited */
    bool good = false;
    if (strchr(name, '%') || strchr(set, '%') || points < 1 || points > H5Sget_simple_extent_npoints(target))
        snprintf(why, sizeof why, "numbered and unlimited sources are not taken");
    else if (strcmp(name, ".") == 0) {
        file = H5Iget_file_id(data);
        good = source_holds(data, file, path, set, space, points, walk, why);
    } else if (links_beside(other, path, name) && (file = links_open(other, why)) >= 0)
        good = source_holds(data, file, other, set, space, points, walk, why);
    if (file >= 0) H5Fclose(file);
    H5Sclose(target);
    H5Sclose(space);
    if (!good && walk->named)
        snprintf(reason, LINKS_REASON, "%s", why);
    else if (!good)
        snprintf(reason, LINKS_REASON, "is virtual, and its source %.120s in %.120s cannot be taken: %.200s",
                 set, name, why);
    walk->named = !good;
    return good;
}

/* Whether HDF5 can open all sources at once, which it must, of a few datasets: it gives fill values for those
 * that it cannot open. */
static bool enough_files(const struct walk *walk, char reason[LINKS_REASON])
{
    enum { DATASETS = 4 };
    const int64_t spare = files_spare();
    if (walk->sources <= spare / DATASETS) return true;
    snprintf(reason, LINKS_REASON,
             "is virtual, and has %" PRId64 " sources, for which %" PRId64
             " files may have to be open; here %" PRId64
             " can be: raise the limit (ulimit -Hn), or copy the data into one file",
             walk->sources, DATASETS * walk->sources, spare);
    return false;
}

/* A virtual dataset: all of its sources, and every element has one. */
static bool virtual_stored(hid_t data, hid_t list, const char *path, struct walk *walk,
                           char reason[LINKS_REASON])
{
    size_t n = 0;
    hid_t all = H5Dget_space(data), covered = -1;
    bool good = false;
    if (getenv("HDF5_VDS_PREFIX"))
        snprintf(reason, LINKS_REASON, "is virtual, and HDF5_VDS_PREFIX is set: unset it");
    else if (walk->depth > DEPTH)
        snprintf(reason, LINKS_REASON, "is virtual, and its sources are, and theirs: more than %d times",
                 DEPTH);
    else
        good = H5Pget_virtual_count(list, &n) >= 0;
    walk->sources += (int64_t)n;
    good = good && enough_files(walk, reason);
    for (size_t i = 0; good && i < n; i++) {
        good = source_stored(data, list, i, path, walk, reason);
        hid_t space = good ? H5Pget_virtual_vspace(list, i) : -1;
        if (good && covered >= 0 && H5Sget_select_type(space) == H5S_SEL_HYPERSLABS &&
            H5Sget_select_type(covered) == H5S_SEL_HYPERSLABS) {
            hid_t both = H5Scombine_select(covered, H5S_SELECT_OR, space);
            H5Sclose(space);
            space = both;
        }
        if (good && covered >= 0) H5Sclose(covered);
        if (good) covered = space;
    }
    if (good && (covered < 0 || H5Sget_select_npoints(covered) != H5Sget_simple_extent_npoints(all))) {
        snprintf(reason, LINKS_REASON, "is virtual, and some of its elements have no source");
        good = false;
    }
    if (covered >= 0) H5Sclose(covered);
    H5Sclose(all);
    return good;
}

static bool whole(hid_t data, const char *path, int64_t rows, struct walk *walk, char reason[LINKS_REASON])
{
    hid_t list = H5Dget_create_plist(data);
    const struct sizes sizes = sizes_of(data, rows);
    const H5D_layout_t layout = H5Pget_layout(list);
    bool good = sizes.bytes == 0; /* nothing to be read */
    if (good)
        ;
    else if (layout == H5D_VIRTUAL)
        good = virtual_stored(data, list, path, walk, reason);
    else if (layout == H5D_CONTIGUOUS && H5Pget_external_count(list) > 0)
        good = external_stored(list, &sizes, reason);
    else if (!stored_filters(data, reason) || !believable(data, list, path, &sizes, reason))
        good = false;
    else if (layout == H5D_CONTIGUOUS)
        good = contiguous_stored(data, path, &sizes, reason);
    else if (layout == H5D_CHUNKED)
        good = stored_chunks(data, rows, reason);
    else
        good = layout == H5D_COMPACT;
    H5Pclose(list);
    return good;
}

bool stored_whole(hid_t data, const char *path, int64_t rows, char reason[LINKS_REASON])
{
    struct walk walk = {0};
    const char *wrong;
    *reason = 0;
    return convention_read(&walk.meaning, data, &wrong) && whole(data, path, rows, &walk, reason);
}
