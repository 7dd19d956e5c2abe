/* probe substitution: the organism, literally, beside a conventional network of its particles' responses. */
#include <math.h>
#include <stdio.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/measure/literal.h"
#include "metazoa/measure/whole.h"
#include "sheet.h"

enum {
    BINS_A_DECADE = 5,
    LOWEST = -15,
    HIGHEST = 5,
    BINS = (HIGHEST - LOWEST) * BINS_A_DECADE,
    QUANTILES = 9
};

/* Shares of the sorted differences in bins of log10, and quantiles. */
static void put_distribution(struct sheet *sheet, int64_t n, const double *sorted)
{
    static const double at[QUANTILES] = {0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1};
    const int64_t quantiles = QUANTILES, edges = BINS + 1, bins = BINS;
    double value[QUANTILES], edge[BINS + 1], mean = 0;
    int64_t count[BINS] = {0}, equal = 0;
    for (int i = 0; i < QUANTILES; i++) value[i] = spread_quantile(n, sorted, at[i]);
    for (int i = 0; i <= BINS; i++) edge[i] = LOWEST + i / (double)BINS_A_DECADE;
    for (int64_t i = 0; i < n; i++) {
        mean += sorted[i] / (double)n;
        equal += sorted[i] == 0;
        const double bin = floor((log10(sorted[i]) - LOWEST) * BINS_A_DECADE);
        if (bin >= 0 && bin < BINS) count[(int)bin]++;
    }
    sheet_group(sheet, "/distribution", "of all differences");
    sheet_put(sheet, "/distribution/quantile", H5_F64, 1, &quantiles, at, "1", "share of the differences");
    sheet_put(sheet, "/distribution/value", H5_F64, 1, &quantiles, value, "1",
              "which are at most this large");
    sheet_put(sheet, "/distribution/log10_edges", H5_F64, 1, &edges, edge, "1",
              "edges of the bins, log10 of the difference");
    sheet_put(sheet, "/distribution/count", H5_I64, 1, &bins, count, "1", "differences in each bin");
    sheet_integer(sheet, "differences", n);
    sheet_number(sheet, "mean", mean);
    sheet_number(sheet, "median", value[4]);
    sheet_number(sheet, "quantile_0.95", value[6]);
    sheet_number(sheet, "largest", value[QUANTILES - 1]);
    sheet_number(sheet, "share_equal", (double)equal / (double)n);
}

static bool take_effective(const void *context, int l, int64_t position, int64_t id, void *row)
{
    const struct layer *layer = &((const struct organism *)context)->layer[l];
    (void)id;
    *(float *)row = layer_effective(layer)[position];
    return true;
}

/* The conventional network's weights, layer by layer. */
static void put_effective(struct sheet *sheet, const struct organism *organism)
{
    struct whole whole;
    whole_collect(&whole, organism, sizeof(float), take_effective, organism);
    sheet_group(sheet, "/layers", "the conventional network");
    for (int l = 0; l < organism->shape.layers; l++) {
        const int64_t size[2] = {organism->shape.cells[l + 1], shape_edges(&organism->shape, l)};
        char name[64];
        snprintf(name, sizeof name, "/layers/%d", l);
        sheet_group(sheet, name, "a layer");
        snprintf(name, sizeof name, "/layers/%d/effective", l);
        sheet_put(sheet, name, H5_F32, 2, size,
                  (const float *)whole.rows + organism_particle_id(&organism->shape, l, 0, 0), "1",
                  "responses of the particles to (0, 0, 0, 0, 1), by cell and edge");
    }
    whole_free(&whole);
}

struct substitution_options {
    int64_t samples; /* 0: all */
};

static const struct probe_option probe_rows[] = {
    {.name = "--samples",
     PROBE_OPTION_INTEGER(substitution_options, samples, 1, INT64_C(1) << 40),
     .help = "take the first N test samples, not all"},
    {.name = NULL},
};

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct substitution_options *spec = options;
    const struct dataset *data = &subject->task.test;
    const int64_t samples =
        spec->samples > 0 && spec->samples < data->samples ? spec->samples : data->samples;
    const int64_t outputs = subject->task.outputs, n = samples * outputs, size[2] = {samples, outputs};
    float *organism = memory_new(n, sizeof *organism), *conventional = memory_new(n, sizeof *conventional);
    double *difference = memory_new(n, sizeof *difference), *relative = memory_new(n, sizeof *relative),
           magnitude = 0;
    literal_outputs(&subject->organism, data, samples, organism);
    organism_outputs(&subject->organism, data, 0, samples, conventional);
    for (int64_t i = 0; i < n; i++) {
        difference[i] = fabs((double)organism[i] - (double)conventional[i]);
        relative[i] = organism[i] == conventional[i] ? 0 : difference[i] / fabs((double)organism[i]);
        magnitude += fabs((double)organism[i]) / (double)n;
    }
    struct sheet sheet;
    sheet_open(&sheet, subject);
    sheet_integer(&sheet, "samples", samples);
    sheet_put(&sheet, "/difference", H5_F64, 2, size, difference, "1",
              "absolute difference of an output, by sample and output, between the conventional network and "
              "the organism "
              "evaluated particle by particle");
    sheet_put(&sheet, "/output", H5_F32, 2, size, organism, "1",
              "outputs of the organism, particle by particle");
    put_effective(&sheet, &subject->organism);
    sheet_number(&sheet, "output_mean_magnitude", magnitude);
    spread_sort(n, relative);
    sheet_number(&sheet, "median_relative", spread_quantile(n, relative, 0.5));
    spread_sort(n, difference);
    put_distribution(&sheet, n, difference);
    sheet_close(&sheet);
    memory_free(organism), memory_free(conventional), memory_free(difference), memory_free(relative);
    return EXIT_DONE;
}

const struct probe probe_substitution = {
    .kind = "substitution",
    .help = "the organism beside a conventional network of its particles' responses",
    .flat = true,
    .test_data = true,
    .bytes = sizeof(struct substitution_options),
    .options = probe_rows,
    .run = run,
};
