#include "schedule.h"

#include <smpi/smpi.h>
#include <stdbool.h>

#include "rates.h"

enum { SMALL = 64 << 10 };

struct sent sent;

struct ring {
    MPI_Comm comm;
    int rank, size;
};

static struct ring ring_of(MPI_Comm comm)
{
    struct ring r = {.comm = comm};
    MPI_Comm_rank(comm, &r.rank);
    MPI_Comm_size(comm, &r.size);
    return r;
}

/* Once its address is in use it stays for the messages under way. */
void *schedule_nowhere(int64_t bytes)
{
    static void *nowhere;
    static int64_t room;
    if (bytes > room) {
        room = 2 * bytes;
        nowhere = SMPI_SHARED_MALLOC((size_t)room);
    }
    return nowhere;
}

/* A round: doubles go to one rank and come from another (-1: no rank), and are added to what is here. */
static void round_of(const struct ring *r, int to, int64_t n_out, int from, int64_t n_in, bool add)
{
    enum { TAG = 1 << 20 };
    MPI_Request request[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    if (from >= 0 && n_in > 0) MPI_Irecv(NULL, (int)n_in, MPI_DOUBLE, from, TAG, r->comm, &request[0]);
    if (to >= 0 && n_out > 0) MPI_Isend(NULL, (int)n_out, MPI_DOUBLE, to, TAG, r->comm, &request[1]);
    charge_pay();
    MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
    if (add && from >= 0) charge((double)n_in * rates.combine);
}

static int back(const struct ring *r, int steps)
{
    return (r->rank - steps % r->size + r->size) % r->size;
}

static int64_t at_least_one(int64_t n)
{
    return n > 0 ? n : 1;
}

/* By halving. The ranks beyond a power of two hand their part to a neighbour first, and get their block last. */
static void halve(const struct ring *r, int64_t n)
{
    int power = 1;
    while (2 * power <= r->size) power *= 2;
    const int extra = r->size - power;
    const bool paired = r->rank < 2 * extra, gives = paired && r->rank % 2 == 0;
    const int number = !paired ? r->rank - extra : gives ? -1 : r->rank / 2;
    if (paired) round_of(r, gives ? r->rank + 1 : -1, n, gives ? -1 : r->rank - 1, n, true);
    int64_t part = n;
    for (int bit = power / 2; bit >= 1 && number >= 0; bit /= 2) {
        const int other = number ^ bit, peer = other < extra ? 2 * other + 1 : other + extra;
        part = at_least_one(part / 2);
        round_of(r, peer, part, peer, part, true);
    }
    if (paired)
        round_of(r, gives ? -1 : r->rank - 1, n / r->size, gives ? r->rank + 1 : -1, n / r->size, false);
}

void schedule_reduce_scatter(MPI_Comm comm, const int *counts)
{
    const struct ring r = ring_of(comm);
    int64_t n = 0;
    for (int i = 0; i < r.size; i++) n += counts[i];
    if (n * (int64_t)sizeof(double) <= SMALL)
        halve(&r, n);
    else
        for (int k = 1; k < r.size; k++)
            round_of(&r, (r.rank + 1) % r.size, counts[back(&r, k)], back(&r, 1), counts[back(&r, k + 1)],
                     true);
}

void schedule_gather(MPI_Comm comm, const int64_t *counts)
{
    const struct ring r = ring_of(comm);
    int64_t n = 0;
    for (int i = 0; i < r.size; i++) n += counts[i];
    if (n * (int64_t)sizeof(double) <= SMALL)
        for (int bit = 1; bit < r.size; bit *= 2) { /* Bruck: twice as many blocks each round */
            const int64_t blocks = bit < r.size - bit ? bit : r.size - bit,
                          part = at_least_one(n / r.size * blocks);
            round_of(&r, back(&r, bit), part, (r.rank + bit) % r.size, part, false);
        }
    else
        for (int k = 0; k < r.size - 1; k++)
            round_of(&r, (r.rank + 1) % r.size, counts[back(&r, k)], back(&r, 1), counts[back(&r, k + 1)],
                     false);
}
