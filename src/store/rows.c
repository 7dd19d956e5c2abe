#include "rows.h"

#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/hdf5/io.h"

void rows_new(struct rows *rows, const struct organism *organism, int layer, bool in_fields)
{
    *rows = (struct rows){.comm = organism->grid->all};
    const int64_t edges = shape_edges(&organism->shape, layer);
    struct stretch *stretches = organism_stretches(organism, layer, &rows->n_pieces, &rows->n_owned);
    rows->n_global = organism_layer_particles(&organism->shape, layer);
    rows->pieces = memory_new(rows->n_pieces, sizeof *rows->pieces);
    for (int64_t i = 0; i < rows->n_pieces; i++) {
        const struct stretch *s = &stretches[i];
        rows->pieces[i] =
            (struct piece){s->cell * edges + s->edge, s->count, in_fields ? s->position : s->first};
    }
    memory_free(stretches);
}

void rows_free(struct rows *rows)
{
    memory_free(rows->pieces);
    *rows = (struct rows){0};
}

void rows_choose(struct rows *rows, const struct organism *organism, int layer, double fraction,
                 int64_t **pick, int64_t **chosen)
{
    struct rows all;
    rows_new(&all, organism, layer, false);
    const int64_t cells = organism->shape.cells[layer + 1], edges = shape_edges(&organism->shape, layer);
    const int64_t id = organism_particle_id(&organism->shape, layer, 0, 0);
    const int size = comm_size(all.comm), rank = comm_rank(all.comm);
    /* How many are chosen in the cells before each: the cells are counted by all ranks together. */
    int64_t *before = memory_new(cells + 1, sizeof *before), *cut = memory_new(size + 1, sizeof *cut);
    for (int i = 0; i <= size; i++) cut[i] = cut_begin(cells, size, i);
    for (int64_t cell = cut[rank]; cell < cut[rank + 1]; cell++)
        for (int64_t q = cell * edges; q < (cell + 1) * edges; q++)
            before[cell] += rows_is_chosen(organism->seed, id + q, fraction);
    comm_gather_all(all.comm, before, sizeof *before, cut);
    int64_t sum = 0;
    for (int64_t cell = 0; cell <= cells; cell++) {
        const int64_t here = before[cell];
        before[cell] = sum;
        sum += here;
    }
    /* The chosen ones among the owned: each is a piece of its own. */
    *rows = (struct rows){.comm = all.comm, .n_global = sum};
    rows->pieces = memory_new(all.n_owned, sizeof *rows->pieces);
    *pick = memory_new(all.n_owned, sizeof **pick);
    for (int64_t i = 0; i < all.n_pieces; i++) {
        const struct piece *piece = &all.pieces[i];
        int64_t row = before[piece->row / edges];
        for (int64_t q = piece->row / edges * edges; q < piece->row + piece->count; q++) {
            if (!rows_is_chosen(organism->seed, id + q, fraction)) continue;
            if (q >= piece->row) {
                (*pick)[rows->n_pieces] = piece->first + q - piece->row;
                rows->pieces[rows->n_pieces] = (struct piece){row, 1, rows->n_pieces};
                rows->n_pieces++;
            }
            row++;
        }
    }
    rows->n_owned = rows->n_pieces;
    *chosen = rank == 0 ? memory_new(sum, sizeof **chosen) : NULL;
    for (int64_t q = 0, n = 0; rank == 0 && q < cells * edges; q++)
        if (rows_is_chosen(organism->seed, id + q, fraction)) (*chosen)[n++] = q;
    memory_free(cut);
    memory_free(before);
    rows_free(&all);
}

/* Copies the owned rows of a piece in one record, or in the field, to `values` (out) or from there. */
static void copy_owned(const struct rows *rows, const struct piece *piece, int64_t row_bytes, void *record,
                       char *values, bool out)
{
    char *here = record ? (char *)record + piece->first * row_bytes : NULL;
    const int width = (int)(row_bytes / (int64_t)sizeof(float));
    float *row = (float *)(void *)values;
    if (here) memcpy(out ? values : here, out ? here : values, (size_t)(piece->count * row_bytes));
    for (int64_t i = 0; i < piece->count && !here; i++, row += width)
        if (out)
            particle_row_get(row, rows->field, piece->first + i, width);
        else
            particle_row_put(rows->field, piece->first + i, width, row);
}

/* Digest of the owned rows: of n records, owned[i] is record i; NULL: of the field, copied `most` at a time. */
static uint64_t digest_of(const struct rows *rows, const struct h5_data *data, int64_t n, void *const *owned)
{
    const int64_t bytes = h5_row_bytes(data), most = owned ? rows->n_owned : 256;
    char *copy = owned ? NULL : memory_new(most, (size_t)bytes);
    uint64_t digest = 0;
    for (int64_t record = 0; record < n; record++)
        for (int64_t i = 0; i < rows->n_pieces; i++)
            for (int64_t at = 0; at < rows->pieces[i].count; at += most) {
                struct piece part = rows->pieces[i];
                part.row += at, part.first += at;
                part.count = part.count - at < most ? part.count - at : most;
                if (copy) copy_owned(rows, &part, bytes, NULL, copy, true);
                digest += h5_digest(data, record, part.row, part.row + part.count,
                                    copy ? copy : (char *)owned[record] + part.first * bytes);
            }
    memory_free(copy);
    return digest;
}

/*
 * A deal: which pieces of rows this rank exchanges with each other rank in one pass. In the pass rank i
 * handles (writes or reads) rows [bounds[i], bounds[i + 1]) of the file. Pieces for rank i are [begin[i],
 * begin[i + 1]).
 */
struct side {
    int64_t *begin; /* [ranks + 1] */
    int64_t *bytes; /* [ranks + 1]: where each rank's rows begin in the message buffer; none for this rank */
    struct piece *pieces; /* of owned rows, or of the file */
    char *buffer;
};
struct deal {
    const struct rows *rows;
    int64_t row_bytes, n_records;
    int64_t begin, end;      /* rows of the file handled here */
    struct side owned, file; /* pieces that are owned here, that are handled here */
};

static int owner_of(const int64_t *bounds, int size, int64_t row)
{
    int low = 0, high = size; /* bounds[low] <= row < bounds[high] */
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (bounds[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Called for every part of an owned piece that one rank handles: counts the part, or stores it. */
static void deal_split(struct deal *deal, const int64_t *bounds, int64_t *fill, struct piece *pieces)
{
    const int size = comm_size(deal->rows->comm);
    for (int64_t i = 0; i < deal->rows->n_pieces; i++) {
        const struct piece *piece = &deal->rows->pieces[i];
        int64_t row = piece->row, end = piece->row + piece->count;
        if (row < bounds[0]) row = bounds[0];
        if (end > bounds[size]) end = bounds[size];
        while (row < end) {
            const int to = owner_of(bounds, size, row);
            const int64_t stop = end < bounds[to + 1] ? end : bounds[to + 1];
            if (pieces) pieces[fill[to]] = (struct piece){row, stop - row, piece->first + row - piece->row};
            fill[to]++;
            row = stop;
        }
    }
}

static void side_layout(const struct deal *deal, struct side *side)
{
    const int size = comm_size(deal->rows->comm), rank = comm_rank(deal->rows->comm);
    side->bytes = memory_new(size + 1, sizeof *side->bytes);
    for (int i = 0; i < size; i++) {
        int64_t count = 0;
        for (int64_t k = side->begin[i]; k < side->begin[i + 1] && i != rank; k++)
            count += side->pieces[k].count;
        side->bytes[i + 1] = side->bytes[i] + count * deal->n_records * deal->row_bytes;
    }
    side->buffer = memory_new(side->bytes[size], 1);
}

static void deal_begin(struct deal *deal, const struct rows *rows, const int64_t *bounds, int64_t row_bytes,
                       int64_t n_records)
{
    const int size = comm_size(rows->comm), rank = comm_rank(rows->comm);
    *deal = (struct deal){.rows = rows, .row_bytes = row_bytes, .n_records = n_records};
    deal->begin = bounds[rank];
    deal->end = bounds[rank + 1];
    int64_t *fill = memory_new(size, sizeof *fill), *numbers = memory_new(size, sizeof *numbers);
    int64_t *offsets = memory_new(size + 1, sizeof *offsets), *from = memory_new(size + 1, sizeof *from);
    struct side *owned = &deal->owned, *file = &deal->file;
    owned->begin = memory_new(size + 1, sizeof *owned->begin);
    file->begin = memory_new(size + 1, sizeof *file->begin);

    deal_split(deal, bounds, fill, NULL);
    for (int i = 0; i <= size; i++) offsets[i] = i * (int64_t)sizeof *fill;
    comm_exchange(rows->comm, numbers, offsets, fill, offsets);
    for (int i = 0; i < size; i++) {
        owned->begin[i + 1] = owned->begin[i] + fill[i];
        file->begin[i + 1] = file->begin[i] + numbers[i];
        fill[i] = owned->begin[i];
    }
    owned->pieces = memory_new(owned->begin[size], sizeof *owned->pieces);
    file->pieces = memory_new(file->begin[size], sizeof *file->pieces);
    deal_split(deal, bounds, fill, owned->pieces);
    for (int i = 0; i <= size; i++) {
        offsets[i] = owned->begin[i] * (int64_t)sizeof(struct piece);
        from[i] = file->begin[i] * (int64_t)sizeof(struct piece);
    }
    comm_exchange(rows->comm, file->pieces, from, owned->pieces, offsets);
    side_layout(deal, owned);
    side_layout(deal, file);
    memory_free(from);
    memory_free(offsets);
    memory_free(numbers);
    memory_free(fill);
}

static void side_free(struct side *side)
{
    memory_free(side->begin);
    memory_free(side->bytes);
    memory_free(side->pieces);
    memory_free(side->buffer);
}

static void deal_end(struct deal *deal)
{
    side_free(&deal->owned);
    side_free(&deal->file);
    *deal = (struct deal){0};
}

/* Where the rows of a piece lie in the window [record][rows handled here] of the file. */
static char *place(const struct deal *deal, const struct piece *piece, int64_t record, char *window)
{
    return window + (record * (deal->end - deal->begin) + piece->row - deal->begin) * deal->row_bytes;
}

/* Copies the rows of all other ranks' pieces of a side between their places and the message buffer. */
static void side_copy(struct deal *deal, bool owned, bool out, void *const *rows, char *window)
{
    struct side *side = owned ? &deal->owned : &deal->file;
    const int size = comm_size(deal->rows->comm), rank = comm_rank(deal->rows->comm);
    for (int i = 0; i < size; i++) {
        char *message = side->buffer + side->bytes[i];
        for (int64_t record = 0; record < deal->n_records && i != rank; record++)
            for (int64_t k = side->begin[i]; k < side->begin[i + 1]; k++) {
                const struct piece *piece = &side->pieces[k];
                const size_t bytes = (size_t)(piece->count * deal->row_bytes);
                char *there = owned ? NULL : place(deal, piece, record, window);
                if (owned)
                    copy_owned(deal->rows, piece, deal->row_bytes, rows ? rows[record] : NULL, message, out);
                else
                    memcpy(out ? message : there, out ? there : message, bytes);
                message += bytes;
            }
    }
}

/* Rows that this rank both owns and handles are copied without a message. */
static void copy_own(struct deal *deal, bool to_file, void *const *rows, char *window)
{
    const int rank = comm_rank(deal->rows->comm);
    for (int64_t record = 0; record < deal->n_records; record++)
        for (int64_t k = deal->owned.begin[rank]; k < deal->owned.begin[rank + 1]; k++) {
            const struct piece *piece = &deal->owned.pieces[k];
            copy_owned(deal->rows, piece, deal->row_bytes, rows ? rows[record] : NULL,
                       place(deal, piece, record, window), to_file);
        }
}

/* Collective. Copies owned rows into the windows of the ranks that handle them (to_file), or back. */
static void deal_rows(struct deal *deal, bool to_file, void *const *rows, char *window)
{
    struct side *from = to_file ? &deal->owned : &deal->file, *to = to_file ? &deal->file : &deal->owned;
    copy_own(deal, to_file, rows, window);
    side_copy(deal, to_file, true, rows, window);
    comm_exchange(deal->rows->comm, to->buffer, to->bytes, from->buffer, from->bytes);
    side_copy(deal, !to_file, false, rows, window);
}

/* Passes over a dataset: all records of one chunk, consecutive chunks of rows. */
struct pass {
    int64_t record, n_records;
    int64_t *bounds;  /* [ranks + 1]: rows of the file for each rank */
    int64_t handlers; /* ranks that handle rows, at most: they are spread evenly over all */
    char *window;
    int64_t chunk, chunks_a_pass, chunks;
};

/* The number of handlers among the ranks before each rank. */
static int64_t handler_of(const struct pass *pass, const struct rows *rows, int64_t rank)
{
    const int size = comm_size(rows->comm);
    return (rank * pass->handlers + size - 1) / size;
}

/* most: ranks that may handle rows; 0: all. */
static void pass_begin(struct pass *pass, const struct rows *rows, const struct h5_data *data,
                       int64_t records, int64_t most)
{
    const int size = comm_size(rows->comm), rank = comm_rank(rows->comm);
    const int64_t deep = data->has_record ? data->chunk_records : 1;
    *pass = (struct pass){.chunks = h5_chunks(data), .handlers = most > 0 && most < size ? most : size};
    const int64_t chunk_rows = data->chunk_rows[0] * (data->row_axes == 2 ? data->chunk_rows[1] : 1);
    const int64_t chunk_bytes = chunk_rows * deep * h5_row_bytes(data);
    const int64_t a_rank = chunk_bytes < IO_WINDOW_BYTES ? IO_WINDOW_BYTES / chunk_bytes : 1;
    pass->chunks_a_pass = a_rank * pass->handlers;
    pass->bounds = memory_new(size + 1, sizeof *pass->bounds);
    int64_t here = handler_of(pass, rows, rank + 1) - handler_of(pass, rows, rank);
    here *=
        pass->chunks < pass->chunks_a_pass ? (pass->chunks + pass->handlers - 1) / pass->handlers : a_rank;
    pass->window = memory_new(here * chunk_bytes, 1);
    pass->n_records = deep < records ? deep : records;
}

/* The bounds of the current pass; false after the last. */
static bool pass_here(struct pass *pass, const struct rows *rows, const struct h5_data *data, int64_t records)
{
    if (pass->chunk >= pass->chunks) {
        pass->chunk = 0;
        pass->record += pass->n_records;
    }
    if (pass->record >= records || pass->chunks == 0) return false;
    if (pass->n_records > records - pass->record) pass->n_records = records - pass->record;
    const int size = comm_size(rows->comm);
    int64_t n = pass->chunks - pass->chunk;
    if (n > pass->chunks_a_pass) n = pass->chunks_a_pass;
    for (int i = 0; i <= size; i++)
        pass->bounds[i] =
            h5_chunk_begin(data, pass->chunk + cut_begin(n, pass->handlers, handler_of(pass, rows, i)));
    pass->chunk += n;
    return true;
}

static void pass_end(struct pass *pass)
{
    memory_free(pass->bounds);
    memory_free(pass->window);
}

void rows_write(const struct rows *rows, struct h5 *file, const struct h5_data *data, void *const *owned)
{
    const int64_t records = data->has_record ? data->records : 1;
    struct h5_data new = *data;
    uint64_t digest = digest_of(rows, data, records, owned);
    comm_sum_u64(rows->comm, &digest, 1);
    h5_new(file, &new);
    struct pass pass;
    pass_begin(&pass, rows, &new, records, new.together ? io_used()->writers : 1);
    while (pass_here(&pass, rows, &new, records)) {
        struct deal deal;
        deal_begin(&deal, rows, pass.bounds, h5_row_bytes(data), pass.n_records);
        deal_rows(&deal, true, owned ? owned + pass.record : NULL, pass.window);
        h5_write(file, &new, pass.record, pass.n_records, deal.begin, deal.end, pass.window);
        deal_end(&deal);
    }
    pass_end(&pass);
    h5_end(file, &new, digest);
}

void rows_read(const struct rows *rows, struct h5 *file, struct h5_data *data, int64_t n, void *const *owned,
               uint64_t *digest)
{
    /* Rank 0 decides on the shape; on a rank that finds another one the file is damaged. */
    const bool found = h5_find(file, data);
    int64_t sound = found && h5_rows(data) == rows->n_global && (!data->has_record || data->records >= n);
    if (found && !sound) h5_problem(file, "%s has another shape than the configuration's", data->name);
    comm_min_i64(rows->comm, &sound, 1);
    struct pass pass;
    if (sound) {
        pass_begin(&pass, rows, data, n, 0);
        while (pass_here(&pass, rows, data, n)) {
            struct deal deal;
            deal_begin(&deal, rows, pass.bounds, h5_row_bytes(data), pass.n_records);
            h5_read(file, data, pass.record, pass.n_records, deal.begin, deal.end, pass.window);
            deal_rows(&deal, false, owned ? owned + pass.record : NULL, pass.window);
            deal_end(&deal);
        }
        pass_end(&pass);
        uint64_t sum = digest_of(rows, data, n, owned);
        comm_sum_u64(rows->comm, &sum, 1);
        *digest += sum;
    }
    if (found) h5_leave(data);
}
