#include "schedule.h"

#include <assert.h>
#include <smpi/smpi.h>
#include <stdlib.h>
#include <string.h>

#include "rates.h"

enum { ACTIVE = 8, COMMS = 16, ROOM = 16, SMALL = 64 << 10, EAGER = (32 << 10) / 8 };

/* Steps of one round run together; the next round begins when all are complete and received sums are added.
 */
struct step {
    int round, peer;
    bool send, combine;
    int64_t n; /* doubles */
};

struct schedule {
    MPI_Comm comm;
    int rank, size, tag;
    struct step *step;
    int n, room, rounds;  /* steps, room for them, rounds that were planned */
    int begin, end;       /* steps of the round under way */
    MPI_Request *request; /* of these */
};

struct sent sent;
static struct schedule *active[ACTIVE];
static double *nowhere; /* what messages are sent from and land in: room for the longest */
static int64_t nowhere_room;

/* All ranks of a communicator start its collectives in the same order: a number of its own for each. */
static int next_tag(MPI_Comm comm)
{
    static struct {
        MPI_Comm comm;
        int tag;
    } seen[COMMS];
    int i = 0;
    while (seen[i].comm && seen[i].comm != comm) {
        i++;
        assert(i < COMMS);
    }
    seen[i].comm = comm;
    return seen[i].tag = (seen[i].tag + 1) % 10000;
}

static struct schedule *schedule_new(MPI_Comm comm)
{
    struct schedule *s = calloc(1, sizeof *s);
    s->comm = comm;
    MPI_Comm_rank(comm, &s->rank);
    MPI_Comm_size(comm, &s->size);
    s->tag = next_tag(comm);
    return s;
}

static void step_add(struct schedule *s, int peer, bool send, bool combine, int64_t n)
{
    if (n == 0) return;
    if (s->n == s->room) s->step = realloc(s->step, sizeof *s->step * (size_t)(s->room += ROOM + s->room));
    s->step[s->n++] = (struct step){s->rounds, peer, send, combine, n};
}

static void send_to(struct schedule *s, int peer, int64_t n)
{
    step_add(s, peer, true, false, n);
}

static void receive_from(struct schedule *s, int peer, int64_t n, bool combine)
{
    step_add(s, peer, false, combine, n);
}

static void round_end(struct schedule *s)
{
    s->rounds++;
}

static void round_begin(struct schedule *s)
{
    s->begin = s->end;
    while (s->end < s->n && s->step[s->end].round == s->step[s->begin].round) s->end++;
    for (int i = s->begin; i < s->end; i++) {
        const struct step *step = &s->step[i];
        MPI_Request *request = &s->request[i - s->begin];
        if (step->send) {
            MPI_Isend(nowhere, (int)step->n, MPI_DOUBLE, step->peer, s->tag, s->comm, request);
            sent.messages++;
            sent.bytes += step->n * (int64_t)sizeof(double);
        } else
            MPI_Irecv(nowhere, (int)step->n, MPI_DOUBLE, step->peer, s->tag, s->comm, request);
    }
}

static struct schedule *schedule_start(struct schedule *s)
{
    charge_pay();
    s->request = calloc((size_t)s->n + 1, sizeof(MPI_Request));
    for (int i = 0; i < s->n; i++) /* what was too short stays for the messages under way */
        if (s->step[i].n > nowhere_room) {
            nowhere_room = 2 * s->step[i].n;
            nowhere = SMPI_SHARED_MALLOC((size_t)nowhere_room * sizeof *nowhere);
        }
    int i = 0;
    while (active[i]) {
        i++;
        assert(i < ACTIVE);
    }
    active[i] = s;
    round_begin(s);
    return s;
}

static bool complete(const struct schedule *s)
{
    return s->begin == s->n;
}

/* Goes to the next round if the last is over. */
static void advance(struct schedule *s)
{
    int done = 0;
    if (complete(s)) return;
    MPI_Testall(s->end - s->begin, s->request, &done, MPI_STATUSES_IGNORE);
    if (!done) return;
    for (int i = s->begin; i < s->end; i++) {
        if (!s->step[i].send && s->step[i].n >= EAGER) charge(rates.rendezvous);
        if (s->step[i].combine) charge((double)s->step[i].n * rates.combine);
    }
    charge_pay();
    round_begin(s);
}

static void advance_all(void)
{
    for (int i = 0; i < ACTIVE; i++)
        if (active[i]) advance(active[i]);
}

bool schedule_test(struct schedule *s)
{
    charge_pay();
    advance_all();
    return complete(s);
}

/* Sleeps until a message of any schedule has come or gone. */
static void wait_any(void)
{
    MPI_Request list[256];
    struct schedule *owner[256];
    int place[256], n = 0, which;
    for (int i = 0; i < ACTIVE; i++)
        for (int j = 0; active[i] && j < active[i]->end - active[i]->begin; j++) {
            if (active[i]->request[j] == MPI_REQUEST_NULL) continue;
            assert(n < 256);
            list[n] = active[i]->request[j], owner[n] = active[i], place[n] = j, n++;
        }
    if (n == 0) return;
    MPI_Waitany(n, list, &which, MPI_STATUS_IGNORE);
    owner[which]->request[place[which]] = MPI_REQUEST_NULL;
}

void schedule_wait(struct schedule *s)
{
    charge_pay();
    for (advance_all(); !complete(s); advance_all()) wait_any();
    for (int i = 0; i < ACTIVE; i++)
        if (active[i] == s) active[i] = NULL;
    free(s->request);
    free(s->step);
    free(s);
}

struct schedule *schedule_tree(MPI_Comm comm, int64_t n)
{
    struct schedule *s = schedule_new(comm);
    int bit = 1;
    for (; bit < s->size && !(s->rank & bit); bit *= 2)
        if (s->rank + bit < s->size) {
            receive_from(s, s->rank + bit, n, true);
            round_end(s);
        }
    if (s->rank > 0) send_to(s, s->rank - bit, n);
    int top = 1; /* twice the highest bit of the rank: the first child's distance on the way down */
    while (top <= s->rank) top *= 2;
    if (s->rank > 0) receive_from(s, s->rank - top / 2, n, false);
    round_end(s);
    for (bit = top; s->rank + bit < s->size; bit *= 2) send_to(s, s->rank + bit, n);
    round_end(s);
    return schedule_start(s);
}

/* The ranks beyond a power of two hand their part to a neighbour; the rest are renumbered. */
struct folding {
    int power, extra, number; /* number: -1 for a rank that handed its part on */
};

static struct folding fold(const struct schedule *s)
{
    struct folding f = {.power = 1};
    while (2 * f.power <= s->size) f.power *= 2;
    f.extra = s->size - f.power;
    f.number = s->rank >= 2 * f.extra ? s->rank - f.extra : s->rank % 2 ? s->rank / 2 : -1;
    return f;
}

static int unfold(const struct folding *f, int number)
{
    return number < f->extra ? 2 * number + 1 : number + f->extra;
}

static struct folding fold_in(struct schedule *s, int64_t n)
{
    struct folding f = fold(s);
    if (s->rank < 2 * f.extra) {
        if (f.number < 0)
            send_to(s, s->rank + 1, n);
        else
            receive_from(s, s->rank - 1, n, true);
    }
    round_end(s);
    return f;
}

static void fold_out(struct schedule *s, const struct folding *f, int64_t n)
{
    if (s->rank < 2 * f->extra) {
        if (f->number < 0)
            receive_from(s, s->rank + 1, n, false);
        else
            send_to(s, s->rank - 1, n);
    }
    round_end(s);
}

static void swap_with(struct schedule *s, int peer, int64_t n, bool combine)
{
    receive_from(s, peer, n, combine);
    send_to(s, peer, n);
    round_end(s);
}

static int64_t at_least_one(int64_t n)
{
    return n > 0 ? n : 1;
}

static void halve(struct schedule *s, const struct folding *f, int64_t n)
{
    for (int bit = f->power / 2; bit >= 1 && f->number >= 0; bit /= 2) {
        n = at_least_one(n / 2);
        swap_with(s, unfold(f, f->number ^ bit), n, true);
    }
}

struct schedule *schedule_halving(MPI_Comm comm, int64_t n)
{
    struct schedule *s = schedule_new(comm);
    const struct folding f = fold_in(s, n);
    halve(s, &f, n);
    for (int bit = 1; bit < f.power && f.number >= 0; bit *= 2)
        swap_with(s, unfold(&f, f.number ^ bit), at_least_one(n / f.power * bit), false);
    fold_out(s, &f, n);
    return schedule_start(s);
}

static int64_t before(const struct schedule *s, int back)
{
    return (s->rank - back % s->size + s->size) % s->size;
}

struct schedule *schedule_reduce_scatter(MPI_Comm comm, const int *counts)
{
    struct schedule *s = schedule_new(comm);
    const int right = (s->rank + 1) % s->size, left = (int)before(s, 1);
    int64_t n = 0;
    for (int i = 0; i < s->size; i++) n += counts[i];
    if (n * (int64_t)sizeof(double) <= SMALL) {
        const struct folding f = fold_in(s, n);
        halve(s, &f, n);
        fold_out(s, &f, n / s->size);
    } else
        for (int k = 1; k < s->size; k++) {
            receive_from(s, left, counts[before(s, k + 1)], true);
            send_to(s, right, counts[before(s, k)]);
            round_end(s);
        }
    return schedule_start(s);
}

struct schedule *schedule_gather(MPI_Comm comm, const int64_t *counts)
{
    struct schedule *s = schedule_new(comm);
    int64_t n = 0;
    for (int i = 0; i < s->size; i++) n += counts[i];
    if (n * (int64_t)sizeof(double) <= SMALL)
        for (int bit = 1; bit < s->size; bit *= 2) { /* Bruck: twice as many blocks each round */
            const int64_t blocks = bit < s->size - bit ? bit : s->size - bit;
            receive_from(s, (s->rank + bit) % s->size, at_least_one(n / s->size * blocks), false);
            send_to(s, (int)before(s, bit), at_least_one(n / s->size * blocks));
            round_end(s);
        }
    else
        for (int k = 0; k < s->size - 1; k++) {
            receive_from(s, (int)before(s, 1), counts[before(s, k + 1)], false);
            send_to(s, (s->rank + 1) % s->size, counts[before(s, k)]);
            round_end(s);
        }
    return schedule_start(s);
}
