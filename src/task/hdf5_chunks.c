#include "hdf5_chunks.h"

#include <hdf5.h>
#include <zlib.h>

#include "metazoa/base/memory.h"

enum { BUFFER = 1 << 16 };

struct chunks {
    int rank;
    hsize_t size[H5S_MAX_RANK], chunk[H5S_MAX_RANK]; /* of the dataset and of a chunk */
    int64_t bytes; /* of a chunk without filters; HDF5 allows less than 2^32 */
    int n_filters;
    H5Z_filter_t filter[H5Z_MAX_NFILTERS]; /* in the order of writing */
};

/* False when there is nothing to look at. */
static bool chunks_open(struct chunks *chunks, const struct hdf5_data *data)
{
    hid_t list = H5Dget_create_plist(data->id), space = H5Dget_space(data->id), type = H5Dget_type(data->id);
    *chunks = (struct chunks){.rank = data->rank, .bytes = (int64_t)H5Tget_size(type)};
    bool mine = H5Pget_layout(list) == H5D_CHUNKED && H5Pget_nfilters(list) > 0 &&
                H5Pget_chunk(list, data->rank, chunks->chunk) == data->rank &&
                H5Sget_simple_extent_dims(space, chunks->size, NULL) == data->rank;
    for (int i = 0; i < data->rank && mine; i++) /* what is too large stays too large */
        if (__builtin_mul_overflow(chunks->bytes, (int64_t)chunks->chunk[i], &chunks->bytes))
            chunks->bytes = INT64_MAX / 8;
    unsigned options = 0;
    mine =
        mine && H5Pget_chunk_opts(list, &options) >= 0 && !(options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
    int seen[3] = {0};
    for (int i = 0; mine && i < H5Pget_nfilters(list) && i < H5Z_MAX_NFILTERS; i++) {
        unsigned flags, info;
        size_t n = 0;
        H5Z_filter_t filter = H5Pget_filter2(list, (unsigned)i, &flags, &n, NULL, 0, NULL, &info);
        int kind = filter == H5Z_FILTER_DEFLATE      ? 0
                   : filter == H5Z_FILTER_SHUFFLE    ? 1
                   : filter == H5Z_FILTER_FLETCHER32 ? 2
                                                     : -1;
        mine = kind >= 0 && seen[kind]++ == 0;
        chunks->filter[chunks->n_filters++] = filter;
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Pclose(list);
    return mine;
}

/* The length that a deflated stream unpacks to, as far as `most` + 1; -1 for what is none. */
static int64_t unpacked(uint8_t *bytes, int64_t n, int64_t most)
{
    z_stream stream = {.next_in = bytes, .avail_in = (uInt)n};
    uint8_t out[BUFFER];
    int64_t length = 0;
    int code = inflateInit(&stream);
    while (code == Z_OK && length <= most) {
        stream.next_out = out;
        stream.avail_out = BUFFER;
        code = inflate(&stream, Z_NO_FLUSH);
        length += BUFFER - stream.avail_out;
    }
    inflateEnd(&stream);
    return code == Z_STREAM_END || length > most ? length : -1;
}

/* Whether the chunk at this place has its full length. Room for `room` bytes as they are stored. */
static bool whole(const struct chunks *chunks, hid_t data, const hsize_t *at, uint8_t *stored, int64_t room)
{
    hsize_t bytes = 0;
    uint32_t skipped = 0;
    if (H5Dget_chunk_storage_size(data, at, &bytes) < 0 || bytes > (hsize_t)room) return false;
    int64_t n = (int64_t)bytes;
    if (H5Dread_chunk(data, H5P_DEFAULT, at, &skipped, stored) < 0) return false;
    for (int i = chunks->n_filters - 1; i >= 0; i--) {
        if (skipped >> i & 1) continue;
        if (chunks->filter[i] == H5Z_FILTER_FLETCHER32) n -= 4; /* the sum stands at the end */
        if (chunks->filter[i] == H5Z_FILTER_DEFLATE && n > 0) n = unpacked(stored, n, chunks->bytes + 4);
    }
    return n == chunks->bytes;
}

bool hdf5_chunks_whole(const struct hdf5_data *data, struct problems *found)
{
    struct chunks chunks;
    if (!chunks_open(&chunks, data)) return true;
    /* Data that cannot be packed grow by much less than an eighth; and a file has no room for more than
     * itself. */
    int64_t room = chunks.bytes + chunks.bytes / 8 + 1024;
    hsize_t all = 0;
    H5Fget_filesize(data->file->id, &all);
    if ((hsize_t)room > all) room = (int64_t)all;
    uint8_t *stored = memory_new(room, 1);
    hsize_t at[H5S_MAX_RANK] = {0};
    bool good = true;
    for (int axis = 0; good && axis >= 0;) {
        good = whole(&chunks, data->id, at, stored, room);
        if (!good) break;
        for (axis = chunks.rank - 1; axis >= 0; axis--) { /* the next chunk */
            at[axis] += chunks.chunk[axis];
            if (at[axis] < chunks.size[axis]) break;
            at[axis] = 0;
        }
    }
    memory_free(stored);
    if (!good)
        problems_add(found, EXIT_INPUT,
                     "%s: %s: the chunk that begins at row %llu, column %llu is damaged: it has not the "
                     "length of %lld bytes",
                     data->file->path, data->name, (unsigned long long)at[0],
                     (unsigned long long)(chunks.rank > 1 ? at[1] : 0), (long long)chunks.bytes);
    return good;
}
