/* Sketches: how large a file will be, from the code that writes it. */
#include "h5_private.h"
#include "metazoa/base/error.h"

enum { GROWTH = 1 /* byte: the size is not rounded up */, CHECKSUM = 4 };

void h5_sketch(struct h5 *file)
{
    *file = (struct h5){.path = "a file in memory", .sketch = true};
    h5_create_as(file, H5_IN_MEMORY, h5_access_memory(GROWTH));
}

/*
 * What HDF5's file format needs to find the chunks: of a single one, size and filters in the dataset's own
 * header; otherwise a "fixed array" with header, data block, and in pages what is long.
 */
static int64_t index_bytes(int64_t chunks, int64_t chunk_bytes)
{
    enum { HEADER = 28, BLOCK = 14 + CHECKSUM, ADDRESS = 8, MASK = 4, PAGE = 1024 };
    int bits = 0; /* the size of a chunk takes a byte more than it needs */
    while (bits < 62 && chunk_bytes >> (bits + 1)) bits++;
    const int64_t size = 1 + (bits + 8) / 8 < 8 ? 1 + (bits + 8) / 8 : 8;
    if (chunks <= 1) return chunks * (size + MASK);
    const int64_t pages = chunks > PAGE ? (chunks + PAGE - 1) / PAGE : 0;
    return HEADER + BLOCK + chunks * (ADDRESS + size + MASK) + (pages + 7) / 8 + pages * CHECKSUM;
}

void h5_sketch_data(struct h5 *file, const struct h5_data *data, int64_t alignment)
{
    const int64_t deep =
        data->has_record ? (data->records + data->chunk_records - 1) / data->chunk_records : 1;
    const int64_t rows = data->chunk_rows[0] * (data->row_axes == 2 ? data->chunk_rows[1] : 1);
    /* Chunks are stored whole, also where data end within one. */
    int64_t chunk = (data->has_record ? data->chunk_records : 1) * rows * h5_row_bytes(data) + CHECKSUM;
    const int64_t chunks = deep * h5_chunks(data);
    file->bytes += index_bytes(chunks, chunk);
    if (alignment > 0 && chunk >= alignment / 2) chunk = (chunk + alignment - 1) / alignment * alignment;
    file->bytes += chunks * chunk;
    struct h5_data own = *data;
    h5_new(file, &own);
    h5_end(file, &own, 0);
}

int64_t h5_sketch_close(struct h5 *file)
{
    hsize_t bytes = 0;
    h5_put_scale_users(file);
    h5_put_u64(file, "/", H5_ATTRIBUTES, file->attributes);
    if (H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0 || H5Fget_filesize(file->id, &bytes) < 0 ||
        H5Fclose(file->id) < 0)
        fatal("HDF5 cannot make a file in memory");
    const int64_t sum = file->bytes + (int64_t)bytes;
    h5_forget(file);
    return sum;
}
