/* Chunks and filters: whether each chunk is stored, and unpacks to its full length. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"
#include "stored.h"

enum { BUFFER = 1 << 16 };

struct chunks {
    int rank;
    hsize_t rows;                                    /* that are read */
    hsize_t size[H5S_MAX_RANK], chunk[H5S_MAX_RANK]; /* of the dataset, and of a chunk */
    int64_t bytes; /* of a chunk without filters; HDF5 allows less than 2^32 */
    hsize_t file_bytes;
    int n_filters;
    H5Z_filter_t filter[H5Z_MAX_NFILTERS]; /* in the order of writing */
    int64_t stride;                        /* of shuffle: bytes of an element */
    bool known;                            /* this file can check all of them */
    bool edges_unfiltered;                 /* chunks that the dataset fills in part are not filtered */
};

/* Filter i of a dataset, its name and its first number (0: it has none). */
static H5Z_filter_t filter_get(hid_t list, int i, char name[64], unsigned *number)
{
    unsigned flags, info;
    size_t n = 1;
    *name = 0;
    *number = 0;
    return H5Pget_filter2(list, (unsigned)i, &flags, &n, number, 64, name, &info);
}

/* Deflate, shuffle, Fletcher-32. */
static bool filters_known(const struct chunks *chunks)
{
    bool known = true;
    for (int i = 0; i < chunks->n_filters; i++)
        known =
            known && (chunks->filter[i] == H5Z_FILTER_DEFLATE || chunks->filter[i] == H5Z_FILTER_SHUFFLE ||
                      chunks->filter[i] == H5Z_FILTER_FLETCHER32);
    return known;
}

static void get_filters(struct chunks *chunks, hid_t list)
{
    char name[64];
    unsigned number;
    chunks->n_filters = H5Pget_nfilters(list);
    if (chunks->n_filters > H5Z_MAX_NFILTERS) chunks->n_filters = H5Z_MAX_NFILTERS;
    for (int i = 0; i < chunks->n_filters; i++) {
        chunks->filter[i] = filter_get(list, i, name, &number);
        if (chunks->filter[i] == H5Z_FILTER_SHUFFLE) chunks->stride = number;
    }
}

static struct chunks chunks_of(hid_t data, int64_t rows)
{
    hid_t list = H5Dget_create_plist(data), space = H5Dget_space(data), type = H5Dget_type(data),
          file = H5Iget_file_id(data);
    struct chunks chunks = {.bytes = (int64_t)H5Tget_size(type)};
    unsigned options = 0;
    chunks.rank = H5Sget_simple_extent_dims(space, chunks.size, NULL);
    if (H5Pget_layout(list) != H5D_CHUNKED ||
        H5Pget_chunk(list, chunks.rank > 0 ? chunks.rank : 0, chunks.chunk) != chunks.rank)
        chunks.rank = 0;
    if (chunks.rank > 0) chunks.rows = chunks.size[0];
    if (rows >= 0 && (hsize_t)rows < chunks.rows) chunks.rows = (hsize_t)rows;
    for (int i = 0; i < chunks.rank; i++)
        if (__builtin_mul_overflow(chunks.bytes, (int64_t)chunks.chunk[i], &chunks.bytes))
            chunks.bytes = INT64_MAX / 8;
    if (chunks.rank > 0 && H5Pget_chunk_opts(list, &options) >= 0)
        chunks.edges_unfiltered = options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS;
    get_filters(&chunks, list);
    chunks.known = filters_known(&chunks);
    H5Fget_filesize(file, &chunks.file_bytes);
    H5Fclose(file);
    H5Tclose(type);
    H5Sclose(space);
    H5Pclose(list);
    return chunks;
}

/* The length that a deflated stream unpacks to, at most `most` + 1; -1: it is no deflated stream. */
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

/* Undoes shuffle: the first bytes of all elements came first, then the second ones, and last what is no whole
 * element. */
static void unshuffle(uint8_t *bytes, int64_t n, int64_t stride)
{
    const int64_t elements = stride > 0 ? n / stride : 0;
    uint8_t *whole = memory_new(elements * stride + 1, 1);
    for (int64_t i = 0; i < elements * stride; i++) whole[i % elements * stride + i / elements] = bytes[i];
    memcpy(bytes, whole, (size_t)(elements * stride));
    memory_free(whole);
}

/* Whether the chunk at this place is filled by the dataset only in part. */
static bool partial(const struct chunks *chunks, const hsize_t *at)
{
    for (int i = 0; i < chunks->rank; i++)
        if (at[i] + chunks->chunk[i] > chunks->size[i]) return true;
    return false;
}

/* The length of the chunk at this place, its filters undone; -1: it cannot be had. Room for `room` bytes as
 * they are stored. */
static int64_t chunk_length(const struct chunks *chunks, hid_t data, const hsize_t *at, int64_t n,
                            uint8_t *stored, int64_t room)
{
    uint32_t skipped = 0;
    bool inflated = false; /* what follows in `stored` is not unpacked, only its length is known */
    const bool filtered = chunks->n_filters > 0 && !(chunks->edges_unfiltered && partial(chunks, at));
    if (!filtered || !chunks->known) return filtered ? chunks->bytes : n;
    if (n > room || H5Dread_chunk(data, H5P_DEFAULT, at, &skipped, stored) < 0) return -1;
    for (int i = chunks->n_filters - 1; i >= 0; i--) {
        if (skipped >> i & 1) continue;
        if (chunks->filter[i] == H5Z_FILTER_FLETCHER32) n -= 4; /* the sum stands at the end */
        if (chunks->filter[i] == H5Z_FILTER_SHUFFLE && !inflated && n > 0)
            unshuffle(stored, n, chunks->stride);
        inflated = inflated || chunks->filter[i] == H5Z_FILTER_DEFLATE;
        if (chunks->filter[i] == H5Z_FILTER_DEFLATE && n > 0) n = unpacked(stored, n, chunks->bytes + 4);
    }
    return n;
}

/* The chunk at this place: false when it was never written, or is cut. */
static bool chunk_whole(const struct chunks *chunks, hid_t data, const hsize_t *at, uint8_t *stored,
                        int64_t room, char reason[LINKS_REASON])
{
    unsigned mask;
    haddr_t address = HADDR_UNDEF;
    hsize_t n = 0;
    char place[64];
    snprintf(place, sizeof place, chunks->rank > 1 ? "row %" PRIu64 ", column %" PRIu64 : "row %" PRIu64,
             (uint64_t)at[0], (uint64_t)at[1]);
    guard_alive();
    if (H5Dget_chunk_info_by_coord(data, at, &mask, &address, &n) < 0 || address == HADDR_UNDEF || n == 0)
        snprintf(reason, LINKS_REASON,
                 "not all of that was ever written to the file: the chunk that begins at %s is missing",
                 place);
    else if (address > chunks->file_bytes || n > chunks->file_bytes - address)
        snprintf(reason, LINKS_REASON, "the chunk that begins at %s lies beyond the end of the file", place);
    else if (chunk_length(chunks, data, at, (int64_t)n, stored, room) != chunks->bytes)
        snprintf(reason, LINKS_REASON,
                 "the chunk that begins at %s is damaged: it has not the length of %" PRId64 " bytes", place,
                 chunks->bytes);
    else
        return true;
    return false;
}

bool stored_chunks(hid_t data, int64_t rows, char reason[LINKS_REASON])
{
    const struct chunks chunks = chunks_of(data, rows);
    /* Data that cannot be packed grow by much less than an eighth; and a file has no room for more than
     * itself. */
    int64_t room = chunks.bytes + chunks.bytes / 8 + 1024;
    if ((hsize_t)room > chunks.file_bytes) room = (int64_t)chunks.file_bytes;
    uint8_t *stored = memory_new(room, 1);
    hsize_t at[H5S_MAX_RANK] = {0};
    bool good = chunks.rank > 0;
    if (!good) snprintf(reason, LINKS_REASON, "has chunks of another shape");
    for (int axis = 0; good && axis >= 0;) {
        good = chunk_whole(&chunks, data, at, stored, room, reason);
        for (axis = chunks.rank - 1; good && axis >= 0; axis--) { /* the next chunk */
            at[axis] += chunks.chunk[axis];
            if (at[axis] < (axis == 0 ? chunks.rows : chunks.size[axis])) break;
            at[axis] = 0;
        }
    }
    memory_free(stored);
    return good;
}

/* The name of a filter that the file does not name. */
static const char *filter_name(H5Z_filter_t filter)
{
    static const struct {
        H5Z_filter_t filter;
        const char *name;
    } names[] = {
        {H5Z_FILTER_DEFLATE, "deflate"},
        {H5Z_FILTER_SZIP, "szip"},
        {307, "bzip2"},
        {32000, "lzf"},
        {32001, "blosc"},
        {32004, "lz4"},
        {32008, "bitshuffle"},
        {32013, "zfp"},
        {32015, "zstandard"},
        {32017, "sz"},
        {32026, "blosc2"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].filter == filter) return names[i].name;
    return "unknown";
}

static bool can_undo(H5Z_filter_t filter)
{
    unsigned flags = 0;
    return H5Zfilter_avail(filter) > 0 && H5Zget_filter_info(filter, &flags) >= 0 &&
           flags & H5Z_FILTER_CONFIG_DECODE_ENABLED;
}

/* Whether filter i is one of those before it. */
static bool repeated(const struct chunks *chunks, int i)
{
    for (int k = 0; k < i; k++)
        if (chunks->filter[k] == chunks->filter[i]) return true;
    return false;
}

bool stored_filters(hid_t data, char reason[LINKS_REASON])
{
    const struct chunks chunks = chunks_of(data, -1);
    hid_t list = H5Dget_create_plist(data);
    bool good = true;
    for (int i = 0; good && chunks.rank > 0 && i < chunks.n_filters; i++) {
        char name[64];
        unsigned number;
        const H5Z_filter_t filter = filter_get(list, i, name, &number);
        const bool twice = repeated(&chunks, i);
        good = filter >= 0 && can_undo(filter) && !twice;
        if (twice)
            snprintf(reason, LINKS_REASON,
                     "is packed by the filter %.63s more than once: repack it (h5repack -f GZIP=4 IN OUT)",
                     *name ? name : filter_name(filter));
        else if (!good)
            snprintf(
                reason, LINKS_REASON,
                "is packed by the filter %.63s (number %d), which this HDF5 library cannot undo: unpack it "
                "where that filter is known (h5repack -f NONE IN OUT; what h5py has packed by lzf: copy "
                "it with h5py), or pack it by gzip",
                *name ? name : filter_name(filter), (int)filter);
    }
    H5Pclose(list);
    return good;
}

bool stored_foreign_filter(hid_t data)
{
    const struct chunks chunks = chunks_of(data, -1);
    return chunks.n_filters > 0 && !chunks.known;
}
