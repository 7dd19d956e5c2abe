/* metazoa bench: measures the machine and the program, and how near the program comes to what the processor
 * allows. */
#include "bench.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/base/timer.h"

void bench_add(struct bench *bench, const char *name, const char *unit, double value, double operations,
               double bound)
{
    assert(bench->n < BENCH_FIGURES);
    struct figure *figure = &bench->figure[bench->n++];
    *figure = (struct figure){.value = value, .operations = operations, .bound = bound};
    snprintf(figure->name, sizeof figure->name, "%s", name);
    snprintf(figure->unit, sizeof figure->unit, "%s", unit);
}

double bench_time(void (*work)(void *context), void *context, int rounds, int calls)
{
    double least = INFINITY;
    work(context);
    for (int i = 0; i < rounds; i++) {
        double start = timer_now();
        for (int j = 0; j < calls; j++) work(context);
        least = fmin(least, (timer_now() - start) / calls);
    }
    return least;
}

/* How near a figure is to its bound, as a share: bound / value for a time, value / bound for a rate. */
static double share(const struct figure *figure)
{
    bool time = strstr(figure->unit, "FLOP/s") == NULL;
    return time ? figure->bound / figure->value : figure->value / figure->bound;
}

/* Collective. Minimum, median and maximum over the ranks of a number of each figure. */
static void spread(const struct bench *bench, double own, double out[3])
{
    int size = comm_size(bench->world), rank = comm_rank(bench->world);
    double *all = memory_new(size, sizeof *all);
    all[rank] = own;
    comm_sum_double(bench->world, all, size);
    spread_sort(size, all);
    for (int i = 0; i < 3; i++) out[i] = spread_quantile(size, all, 0.5 * i);
    memory_free(all);
}

/* Collective. The same for a figure and for its share of the bound. */
static void figure_spread(const struct bench *bench, const struct figure *figure, double value[3],
                          double part[3])
{
    spread(bench, figure->value, value);
    spread(bench, figure->bound > 0 ? share(figure) : 0, part);
}

static void print_text(const struct bench *bench)
{
    bool print = comm_rank(bench->world) == 0, several = comm_size(bench->world) > 1;
    if (print && several)
        printf("%d ranks: minimum / median / maximum over the ranks\n", comm_size(bench->world));
    for (int i = 0; i < bench->n; i++) {
        const struct figure *figure = &bench->figure[i];
        double value[3], part[3];
        figure_spread(bench, figure, value, part);
        if (!print) continue;
        if (several)
            printf("%-46s %10.4g /%10.4g /%10.4g %-9s", figure->name, value[0], value[1], value[2],
                   figure->unit);
        else
            printf("%-46s %10.4g %-9s", figure->name, value[1], figure->unit);
        if (figure->operations > 0) printf(" %8.4g FLOP", figure->operations);
        if (figure->bound > 0) printf("  %3.0f %% of its bound", 100 * part[1]);
        printf("\n");
    }
}

static json_t *figure_json(const struct figure *figure, const double value[3], const double part[3])
{
    json_t *object = json_object();
    json_put(object, "name", json_words(figure->name));
    json_put(object, "unit", json_words(figure->unit));
    json_put(object, "min", json_finite(value[0]));
    json_put(object, "median", json_finite(value[1]));
    json_put(object, "max", json_finite(value[2]));
    if (figure->operations > 0) json_put(object, "flop", json_finite(figure->operations));
    if (figure->bound > 0) json_put(object, "share", json_finite(part[1]));
    return object;
}

static void print_json(const struct bench *bench)
{
    json_t *object = json_object(), *figures = json_array();
    json_put(object, "version", json_words(version_text()));
    json_put(object, "ranks", json_integer(comm_size(bench->world)));
    for (int i = 0; i < bench->n; i++) {
        double value[3], part[3];
        figure_spread(bench, &bench->figure[i], value, part);
        json_add(figures, figure_json(&bench->figure[i], value, part));
    }
    json_put(object, "figures", figures);
    char *text = json_print(object, 1);
    if (comm_rank(bench->world) == 0) puts(text);
    memory_free(text);
}

enum exit_code command_bench(struct comm *world, int argc, char **argv)
{
    struct options options;
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct bench *bench = memory_new(1, sizeof *bench);
    bench->world = world;
    bench->folder = options_text(&options, "--folder") ? options_text(&options, "--folder") : ".";
    bench_machine(bench);
    bench_particles(bench);
    bench_organism(bench);
    bench_collectives(bench);
    bench_files(bench);
    if (options_given(&options, "--json"))
        print_json(bench);
    else
        print_text(bench);
    memory_free(bench);
    options_free(&options);
    return EXIT_DONE;
}
