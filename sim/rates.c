#include "rates.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/error.h"

struct core_rates rates;
struct setting setting;

static int ranks_on_node = 1;

static const struct key {
    const char *name;
    size_t at;
} keys[] = {
#define KEY(name)                                                                                            \
    {                                                                                                        \
#name, offsetof(struct core_rates, name)                                                             \
    }
#define NARROW(name)                                                                                         \
    {#name "_call", offsetof(struct core_rates, name.call)},                                                 \
    {                                                                                                        \
#name "_rate", offsetof(struct core_rates, name.rate)                                                \
    }
    KEY(wide_forward),
    KEY(wide_backward),
    KEY(wide_gradient),
    NARROW(first_forward),
    NARROW(first_gradient),
    NARROW(later_forward),
    NARROW(later_backward),
    NARROW(later_gradient),
    KEY(sweep_fixed),
    KEY(sweep_step),
    KEY(sweep_stream),
    KEY(exact),
    KEY(hidden),
    KEY(collect),
    KEY(loss),
    KEY(gather),
    KEY(combine),
    KEY(cache),
    KEY(core_memory),
    KEY(node_memory),
    KEY(node_cores),
    KEY(node_bytes),
    KEY(shared_latency),
    KEY(shared_rate),
    KEY(shared_total),
    KEY(net_latency),
    KEY(net_rate),
    KEY(message_cpu),
    KEY(rendezvous)};

enum { KEYS = sizeof keys / sizeof *keys };

static double *place(const struct key *key)
{
    return (double *)(void *)((char *)&rates + key->at);
}

static void read_table(const char *path)
{
    char line[256], name[64];
    double value;
    FILE *file = fopen(path, "r");
    if (!file) fatal("%s: cannot be read", path);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "#")] = 0;
        int found = sscanf(line, "%63s %lf", name, &value), k = 0;
        if (found <= 0) continue;
        while (k < KEYS && strcmp(keys[k].name, name) != 0) k++;
        if (found != 2 || k == KEYS) fatal("%s: no rate: %s", path, line);
        *place(&keys[k]) = value;
    }
    fclose(file);
}

void rates_read(const char *core, const char *machine, int ranks_per_node)
{
    for (int k = 0; k < KEYS; k++) *place(&keys[k]) = NAN;
    read_table(core);
    read_table(machine);
    for (int k = 0; k < KEYS; k++)
        if (isnan(*place(&keys[k]))) fatal("%s, %s: %s is missing", core, machine, keys[k].name);
    ranks_on_node = ranks_per_node;
}

double rates_share(void)
{
    return fmin(rates.core_memory, rates.node_memory / ranks_on_node);
}
