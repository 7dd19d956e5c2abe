/*
 * Rates: what the simulated machine needs for its work, read from a table of "key value" lines (# begins a
 * comment). Rates of a core come from build/sim/measure on a real one, those of nodes and network from what
 * is published of a machine. Seconds that the stand-ins of the kernels owe are gathered and paid to the
 * simulator in one piece before anything that looks at the clock or communicates.
 */
#ifndef METAZOA_SIM_RATES_H
#define METAZOA_SIM_RATES_H

#include <stdint.h>

/* Seconds of a small product: call + FLOP / rate. */
struct narrow {
    double call, rate;
};

struct core_rates {
    double wide_forward, wide_backward, wide_gradient; /* FLOP/s of products that go to BLAS */
    struct narrow first_forward, first_gradient; /* narrow products of layer 0, whose input is sample-major */
    struct narrow later_forward, later_backward, later_gradient; /* of the other layers */
    double sweep_fixed,
        sweep_step;      /* s a particle of 27 weights: task step and all else; a self-training step */
    double sweep_stream; /* bytes/s by which a sweep beyond the cache is slower than one inside it */
    double exact;        /* s a value added by exact_add */
    double hidden;       /* s a hidden value and sample: activation, slope, backward multiplication */
    double collect;      /* s a value of a sum over ranks: clearing, and double to float */
    double loss;         /* s an output and sample */
    double gather;       /* s a byte of samples brought from memory in random order */
    double combine;      /* s a value that MPI adds while it reduces */
    double cache;        /* bytes that a core keeps close */
    double core_memory, node_memory; /* bytes/s read and written: by one core alone, by all of a node */
    double node_cores, node_bytes;   /* cores of a node, and its memory (for sim/study.py) */
    double shared_latency, shared_rate,
        shared_total;             /* messages inside a node: s, bytes/s of a pair, of all */
    double net_latency, net_rate; /* between nodes: s, bytes/s of a node each way */
    double message_cpu;           /* s that sender and receiver each spend on a message */
    double rendezvous;            /* s more for the receiver of one above 32 KiB, which it fetches */
};

extern struct core_rates rates;

/* Local. Reads the tables of a core and of a machine; a missing or unknown key ends the program.
 * ranks_per_node share the node's memory. */
void rates_read(const char *core, const char *machine, int ranks_per_node);

/* Local. The memory rate of a rank when all of its node stream. */
double rates_share(void);

/* What the stand-ins must know of the run. */
struct setting {
    double resident; /* bytes of effective weights and gradients held here */
    int64_t chunks;  /* canonical chunks of a batch: how the sums of gradients are told from the others */
};
extern struct setting setting;

/* Local. Owes so many seconds of computing; pays what is owed. */
void charge(double seconds);
void charge_pay(void);

/* Local. Seconds: simulated; on a real machine the processor's time when one rank is alone, else the wall's.
 */
double batch_clock(int ranks);

/* Collective. Initial weights, where they matter. */
struct organism;
void draw_weights(struct organism *organism);

#endif
