/* Datasets in our layout that others may have written: whether their values are what they seem to be. */
#include <fenv.h>
#include <float.h>
#include <math.h>

#include "convention.h"
#include "h5_private.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"
#include "stored.h"

/* Attributes that change values are refused, those that call values missing are asked. */
static bool meaning_get(struct h5 *file, const struct h5_data *data, struct convention *convention)
{
    const char *wrong = NULL;
    if (!convention_read(convention, data->id, &wrong))
        return h5_problem(file, "%s: its attribute %s is not what it must be, numbers", data->name, wrong);
    if (convention->scaled || convention->wrap > 0)
        return h5_problem(file,
                          "%s: its attributes (scale_factor, add_offset, _Unsigned) give its values another "
                          "meaning: store what is meant, without them",
                          data->name);
    return true;
}

/* Values of rows [begin, end), as they are stored: rounded to float32 they could not be told from missing
 * ones. */
static bool values_sound(struct h5 *file, const struct h5_data *data, const struct convention *convention,
                         int64_t begin, int64_t end, const double *values)
{
    const int64_t width = data->has_width ? data->width : 1;
    for (int64_t i = 0; i < (end - begin) * width; i++) {
        const bool missing = convention_missing(convention, values[i]) ||
                             (convention->filled && values[i] == convention->fill);
        const bool fits = fabs(values[i]) <= (double)FLT_MAX;
        if (fits && !missing) continue;
        return h5_problem(file, "%s: row %lld, column %lld: %s", data->name, (long long)(begin + i / width),
                          (long long)(i % width),
                          fits ? "the value is missing, by its attributes or its fill value"
                               : "expected a finite float32, found nan or inf");
    }
    return true;
}

static bool means_numbers(struct h5 *file, const struct h5_data *data)
{
    char reason[LINKS_REASON];
    struct convention convention;
    if (!stored_whole(data->id, file->path, -1, reason))
        return h5_problem(file, "%s: %s", data->name, reason);
    if (!meaning_get(file, data, &convention)) return false;
    struct h5_data wide = *data;
    wide.type = H5_F64;
    for (int64_t chunk = 0; chunk < h5_chunks(data) && h5_rows(data) > 0 && !*file->problem;) {
        const int64_t begin = h5_chunk_begin(data, chunk), end = h5_window_end(data, &chunk, 1);
        double *values = memory_new((end - begin) * h5_row_bytes(&wide), 1);
        if (h5_read(file, &wide, 0, 1, begin, end, values))
            values_sound(file, data, &convention, begin, end, values);
        memory_free(values);
        guard_alive();
    }
    return !*file->problem;
}

/* Subnormal numbers, which count as zero elsewhere, are told from zeros here: one of them may be a fill
 * value. */
bool h5_means_numbers(struct h5 *file, const struct h5_data *data)
{
    fenv_t before;
    fegetenv(&before);
    fesetenv(FE_DFL_ENV);
    const bool good = means_numbers(file, data);
    fesetenv(&before);
    return good;
}
