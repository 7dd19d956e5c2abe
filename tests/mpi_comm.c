/* Collectives: known answers, whole and cut into pieces; memory that the ranks of a node share. */
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/comm.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/nodes.h"
#include "metazoa/parallel/shared.h"

static struct comm *world;
static int rank, size;
static int64_t failed = 0;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "rank %d: %s:%d: not %s\n", rank, __FILE__, __LINE__, #condition);               \
            failed++;                                                                                        \
        }                                                                                                    \
    } while (0)

enum { N = 61 };

static void reductions(void)
{
    double sum[N], least[N], greatest[N];
    uint64_t words[N];
    int64_t low[N], high[N];
    for (int i = 0; i < N; i++) {
        sum[i] = i + 100 * rank;
        least[i] = greatest[i] = i * (rank + 1);
        words[i] = UINT64_MAX - (uint64_t)(i * rank);
        low[i] = high[i] = (int64_t)i << 40 | (i % 2 ? rank : size - rank);
    }
    comm_sum_double(world, sum, N);
    comm_sum_u64(world, words, N);
    comm_min_i64(world, low, N);
    comm_max_i64(world, high, N);
    comm_min_double(world, least, N);
    comm_max_double(world, greatest, N);
    const int pairs = size * (size - 1) / 2;
    for (int i = 0; i < N; i++) {
        CHECK(sum[i] == i * size + 100 * pairs);
        CHECK(words[i] == 0 - (uint64_t)size - (uint64_t)(i * pairs));
        CHECK(low[i] == ((int64_t)i << 40 | (i % 2 ? 0 : 1)));
        CHECK(high[i] == ((int64_t)i << 40 | (i % 2 ? size - 1 : size)));
        CHECK(least[i] == i && greatest[i] == i * size);
    }
}

/* Sums in the background, of any length, several at a time, and not waited for in the order of their start. */
static void background(void)
{
    enum { SUMS = 3 };
    double values[SUMS][N];
    float to[SUMS][N + 1];
    struct comm_request request[SUMS] = {{0}};
    for (int n = 0; n <= N; n++) {
        for (int k = 0; k < SUMS; k++) {
            for (int i = 0; i < n; i++) values[k][i] = (i + k) * (rank + 1) + 0x1p-40 * (rank == size - 1);
            to[k][n] = -1;
            comm_sum_start(world, values[k], to[k], n, &request[k]);
        }
        comm_progress();
        for (int j = 0; j < SUMS; j++) {
            const int k = (j + rank + n) % SUMS; /* each rank in another order */
            comm_wait(&request[k]);
            comm_wait(&request[k]); /* nothing is running */
            for (int i = 0; i < n; i++)
                CHECK(to[k][i] == (float)((i + k) * (size * (size + 1) / 2) + 0x1p-40));
        }
    }
}

/* The lowest rank with the worst code speaks for all; ranks without problems learn of them; none: none. */
static void problems(void)
{
    struct problems none = {0}, some = {0};
    CHECK(comm_share(world, &none) && none.n == 0);
    CHECK(comm_agree(world, &none) == EXIT_DONE);
    const int worst = size > 2 ? 1 : 0;
    if (rank == 0) problems_add(&some, EXIT_USAGE, "of rank %d", rank);
    if (rank >= worst && rank < size - (size > 2))
        for (int i = 0; i < 3; i++) problems_add(&some, EXIT_INPUT, "%d of rank %d %%", i, rank);
    CHECK(!comm_share(world, &some));
    CHECK(some.code == EXIT_INPUT && some.n == (worst == 0 ? 4 : 3));
    char text[64];
    snprintf(text, sizeof text, "2 of rank %d %%", worst);
    CHECK(strcmp(some.text[some.n - 1], text) == 0);
    if (rank > 0) problems_free(&some); /* all would print the same */
    CHECK(comm_agree(world, &some) == EXIT_INPUT && some.n == 0 && !some.text);
}

/* Rank i has items [offsets[i], offsets[i + 1]): an uneven cut that begins beyond 0, the last part empty. */
static void parts(void)
{
    int64_t *offsets = memory_new(size + 1, sizeof *offsets);
    for (int i = 0; i <= size; i++)
        offsets[i] = 3 + (i == size && size > 1 ? offsets[i - 1] - 3 : cut_begin(N, size, i));
    const int64_t begin = offsets[rank], end = offsets[rank + 1], last = offsets[size];
    double send[N + 3], receive[N] = {0};
    int32_t all[N + 3][3];
    memset(all, 0, sizeof all);
    for (int64_t i = 0; i < last; i++) send[i] = (double)(i + rank);
    for (int64_t i = begin; i < end; i++) all[i][0] = all[i][2] = (int32_t)(7 * i);
    comm_reduce_scatter(world, receive, send, offsets);
    comm_gather_all(world, all, sizeof all[0], offsets);
    for (int64_t i = begin; i < end; i++)
        CHECK(receive[i - begin] == (double)(i * size + size * (size - 1) / 2));
    for (int64_t i = 3; i < last; i++) CHECK(all[i][0] == 7 * i && all[i][1] == 0 && all[i][2] == 7 * i);
    memory_free(offsets);
}

/* Rank i sends 5 i + j bytes to rank j; every byte tells sender and receiver. */
static void exchange(void)
{
    int64_t *out = memory_new(size + 1, sizeof *out), *in = memory_new(size + 1, sizeof *in);
    for (int j = 0; j < size; j++) {
        out[j + 1] = out[j] + 5 * rank + j;
        in[j + 1] = in[j] + 5 * j + rank;
    }
    uint8_t *send = memory_new(out[size], 1), *receive = memory_new(in[size], 1), text[N];
    for (int j = 0; j < size; j++) memset(send + out[j], 16 * rank + j, (size_t)(out[j + 1] - out[j]));
    comm_exchange(world, receive, in, send, out);
    for (int j = 0; j < size; j++)
        for (int64_t k = in[j]; k < in[j + 1]; k++) CHECK(receive[k] == 16 * j + rank);
    for (int i = 0; i < N; i++) text[i] = (uint8_t)(rank == size - 1 ? 3 * i : 0);
    comm_broadcast(world, text, N, size - 1);
    for (int i = 0; i < N; i++) CHECK(text[i] == (uint8_t)(3 * i));
    memory_free(receive);
    memory_free(send);
    memory_free(in);
    memory_free(out);
}

/* Memory that is shared by all, by every other rank, by nobody. All ranks of this test are on one node. */
static void share(int64_t keys, int64_t least)
{
    const int64_t key[2] = {1 << 30, keys > 1 ? rank % keys : 0}, before = memory_held();
    const int mates = keys > 1 ? (int)((size - rank % keys + keys - 1) / keys) : size;
    const int64_t bytes = 1000003;
    struct shared shared;
    shared_new(&shared, world, bytes, key, least);
    uint8_t *data = shared.data;
    CHECK(shared.bytes == bytes && (uintptr_t)data % 64 == 0);
    CHECK(shared.size == (least == 0 ? mates : 1) && shared.rank == (least == 0 && keys > 1 ? rank / keys
                                                                     : least == 0           ? rank
                                                                                            : 0));
    CHECK((shared.window != NULL) == (shared.size > 1));
    const int64_t held = memory_held() - before, own = (bytes + shared.size - 1) / shared.size;
    CHECK(held >= own && held < own + 512);
    for (int64_t i = 0; i < bytes; i++) CHECK(data[i] == 0);
    shared_ready(&shared);
    for (int64_t i = shared.rank; i < bytes; i += shared.size) data[i] = (uint8_t)(i % 251 + key[1]);
    shared_ready(&shared);
    for (int64_t i = 0; i < bytes; i++) CHECK(data[i] == (uint8_t)(i % 251 + key[1]));
    shared_free(&shared);
    CHECK(!shared.data && memory_held() == before);
    shared_free(&shared);
}

/* Parts follow each other, differ by one item at most, and are as many as are needed; where they begin is
 * part of every result. */
static void cuts(void)
{
    static const int64_t known[] = {0, 2, 5, 7, 10};
    for (int i = 0; i <= 4; i++) CHECK(cut_begin(10, 4, i) == known[i]);
    for (int64_t n = 0; n < 40; n++)
        for (int64_t k = 1; k < 12; k++) {
            const int64_t needed = cut_parts(n, k);
            CHECK(cut_begin(n, k, 0) == 0 && cut_begin(n, k, k) == n);
            CHECK(needed * k >= n && (needed == 1 || (needed - 1) * k < n));
            for (int64_t i = 0; i < k; i++) {
                const int64_t begin = cut_begin(n, k, i), end = cut_begin(n, k, i + 1);
                CHECK(end - begin == n / k || end - begin == n / k + 1);
                for (int64_t item = begin; item < end; item++) CHECK(cut_find(n, k, item) == i);
            }
        }
}

/* Numbers that are slow on some processors are none: both as results and as operands. */
static void subnormal(void)
{
    volatile float small = 1e-20f, tiny = 1e-40f;
    CHECK(small * small * 1e30f == 0);
    CHECK(tiny * 1e30f == 0);
}

/* Whatever a loaded library has set before (main does). */
static void rounding(void)
{
    volatile double one = 1, little = 0x1p-60;
    CHECK(one + little == 1 && fegetround() == FE_TONEAREST);
}

int main(int argc, char **argv)
{
    fesetround(FE_UPWARD);
    world = comm_start(&argc, &argv);
    rank = comm_rank(world);
    size = comm_size(world);
    static const int64_t limits[] = {0, 1, 7, 60, 61};
    for (int i = 0; i < 5; i++) {
        comm_limit(limits[i]);
        reductions();
        background();
        parts();
        exchange();
    }
    comm_limit(0);
    problems();
    cuts();
    subnormal();
    rounding();
    const struct nodes nodes = nodes_of(world);
    CHECK(nodes.count == 1 && nodes.here == size && nodes.least == size && nodes.most == size);
    share(1, 0);
    share(2, 0);
    share(size, 0);
    share(1, INT64_MAX);
    share(1, (int64_t)1000003 * size + size);
    CHECK(shared_pays(1 << 20, 1024, 1 << 30) && !shared_pays(1 << 20, 1023, 1 << 30));
    CHECK(!shared_pays(INT64_MAX, 1, 0) && shared_pays(INT64_MAX, 2, INT64_MAX) && !shared_pays(0, 2, 0));
    comm_max_i64(world, &failed, 1);
    comm_finish(world);
    return failed > 0;
}
