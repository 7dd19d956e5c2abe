/*
 * Sums in the background, by halving. The size of a group is a product of primes f_0 f_1 ..., smallest first,
 * and a rank's number has a digit for each of them. In stage k the ranks that differ in digit k alone
 * exchange parts: each keeps the sum of its own part, one f_k-th of what it had before. On the way back, from
 * the last stage to the first, complete parts travel as floats.
 *
 * Neighbours in a group are near each other (comm_start, parallel/grid.h), so the largest messages stay
 * inside a node, and what leaves it is one sum of its ranks, of which each sends a part.
 */
#include <assert.h>
#include <limits.h>
#include <mpi.h>

#include "add.h"
#include "metazoa/parallel/comm_mpi.h"
#include "metazoa/parallel/cut.h"

enum { STAGES = 31, SUMS = 8 };

struct stage {
    int factor, stride; /* ranks that exchange, and the distance between neighbours of them */
    int64_t begin, end; /* what this rank holds before it */
};

struct sum {
    struct comm *comm; /* NULL: this slot is free */
    double *values;
    float *to;
    int tag;
    int stages, at, round; /* round 1 .. factor - 1 of stage `at` */
    bool back;
    struct stage stage[STAGES];
    MPI_Request receive, send;
};

static struct sum sums[SUMS];

static int digit_of(const struct sum *sum, const struct stage *stage)
{
    return comm_rank(sum->comm) / stage->stride % stage->factor;
}

/* Where the part of that digit begins, in what was held before the stage. */
static int64_t part_begin(const struct stage *stage, int digit)
{
    return stage->begin + cut_begin(stage->end - stage->begin, stage->factor, digit);
}

static void plan(struct sum *sum, int64_t n)
{
    int64_t begin = 0, end = n;
    int rest = comm_size(sum->comm), stride = 1;
    for (int factor = 2; rest > 1; factor += rest % factor != 0) {
        if (factor > rest / factor && rest % factor != 0) factor = rest; /* what is left is prime */
        if (rest % factor != 0) continue;
        struct stage *stage = &sum->stage[sum->stages++];
        *stage = (struct stage){factor, stride, begin, end};
        begin = part_begin(stage, digit_of(sum, stage));
        end = part_begin(stage, digit_of(sum, stage) + 1);
        rest /= factor;
        stride *= factor;
    }
}

/* Starts the messages of a round: to the rank whose digit is `round` higher, from the one where it is lower.
 */
static void post(struct sum *sum)
{
    const struct stage *stage = &sum->stage[sum->at];
    const int mine = digit_of(sum, stage), rank = comm_rank(sum->comm);
    const int to = (mine + sum->round) % stage->factor,
              from = (mine - sum->round + stage->factor) % stage->factor;
    const int out = sum->back ? mine : to, in = sum->back ? from : mine; /* the parts that travel */
    const int64_t out_at = part_begin(stage, out), in_at = part_begin(stage, in);
    const int64_t n_out = part_begin(stage, out + 1) - out_at, n_in = part_begin(stage, in + 1) - in_at;
    const MPI_Datatype type = sum->back ? MPI_FLOAT : MPI_DOUBLE;
    void *landing = sum->back ? sum->to + in_at : sum->to; /* on the way there all of `to` is room for it */
    const void *leaving = sum->back ? (void *)(sum->to + out_at) : (void *)(sum->values + out_at);
    if (n_in > 0)
        MPI_Irecv(landing, (int)n_in, type, rank + (from - mine) * stage->stride, sum->tag,
                  comm_mpi(sum->comm), &sum->receive);
    if (n_out > 0)
        MPI_Isend(leaving, (int)n_out, type, rank + (to - mine) * stage->stride, sum->tag,
                  comm_mpi(sum->comm), &sum->send);
}

static bool complete(const struct sum *sum)
{
    return sum->back && sum->at < 0;
}

static void turn_back(struct sum *sum)
{
    const struct stage *last = &sum->stage[sum->stages - 1];
    const int64_t begin = part_begin(last, digit_of(sum, last)),
                  end = part_begin(last, digit_of(sum, last) + 1);
    round_values(sum->to + begin, sum->values + begin, end - begin);
    sum->back = true;
    sum->at = sum->stages - 1;
}

/* After a round: its sum, and what comes next. */
static void go_on(struct sum *sum)
{
    const struct stage *stage = &sum->stage[sum->at];
    if (!sum->back) {
        const int64_t begin = part_begin(stage, digit_of(sum, stage));
        add_values(sum->values + begin, (const double *)(const void *)sum->to,
                   part_begin(stage, digit_of(sum, stage) + 1) - begin);
    }
    if (++sum->round == stage->factor) {
        sum->round = 1;
        sum->at += sum->back ? -1 : 1;
        if (sum->at == sum->stages) turn_back(sum);
    }
    if (!complete(sum)) post(sum);
}

/* Whether a message has come or gone. */
static bool over(MPI_Request *request)
{
    int done = 1;
    if (*request != MPI_REQUEST_NULL) MPI_Test(request, &done, MPI_STATUS_IGNORE);
    return done;
}

void comm_progress(void)
{
    for (int i = 0; i < SUMS; i++)
        while (sums[i].comm && !complete(&sums[i]) && over(&sums[i].receive) && over(&sums[i].send))
            go_on(&sums[i]);
}

/* Sleeps until a message of any sum has come or gone: another rank may wait for a sum that began later here.
 */
static void sleep_until_any(void)
{
    MPI_Request list[2 * SUMS], *owner[2 * SUMS];
    int n = 0, which;
    for (int i = 0; i < SUMS; i++) {
        MPI_Request *both[2] = {&sums[i].receive, &sums[i].send};
        for (int j = 0; j < 2 && sums[i].comm; j++)
            if (*both[j] != MPI_REQUEST_NULL) list[n] = *both[j], owner[n++] = both[j];
    }
    if (n == 0) return;
    MPI_Waitany(n, list, &which, MPI_STATUS_IGNORE);
    *owner[which] = MPI_REQUEST_NULL;
}

void comm_sum_start(struct comm *comm, double *values, float *to, int64_t n, struct comm_request *request)
{
    assert(!request->handle);
    if (n == 0) return;
    if (comm_size(comm) == 1 || n > comm_most()) { /* what MPI cannot count is summed at once */
        comm_sum_double(comm, values, n);
        round_values(to, values, n);
        return;
    }
    int slot = 0;
    while (sums[slot].comm) {
        slot++;
        assert(slot < SUMS);
    }
    struct sum *sum = &sums[slot];
    *sum = (struct sum){.comm = comm,
                        .values = values,
                        .to = to,
                        .tag = comm_tag(comm),
                        .round = 1,
                        .receive = MPI_REQUEST_NULL,
                        .send = MPI_REQUEST_NULL};
    plan(sum, n);
    request->handle = sum;
    post(sum);
}

void comm_wait(struct comm_request *request)
{
    struct sum *sum = request->handle;
    if (!sum) return;
    for (comm_progress(); !complete(sum); comm_progress()) sleep_until_any();
    sum->comm = NULL;
    request->handle = NULL;
}
