#include "median.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"

static json_t *median(size_t n, json_t *const *values);

static json_t *median_number(size_t n, json_t *const *values)
{
    double *known = memory_new((int64_t)n, sizeof *known);
    int64_t count = 0;
    bool whole = true;
    for (size_t i = 0; i < n; i++) {
        if (json_is_number(values[i])) known[count++] = json_number_value(values[i]);
        whole = whole && json_is_integer(values[i]);
    }
    spread_sort(count, known);
    const double middle = spread_quantile(count, known, 0.5);
    memory_free(known);
    return whole && middle == floor(middle) ? json_integer((json_int_t)middle) : json_finite(middle);
}

static json_t *median_object(size_t n, json_t *const *values)
{
    json_t *object = json_object(), **inner = memory_new((int64_t)n, sizeof *inner), *ignored;
    const char *name;
    json_object_foreach(values[0], name, ignored)
    {
        size_t found = 0;
        for (size_t i = 0; i < n; i++)
            if ((inner[found] = json_object_get(values[i], name))) found++;
        json_t *middle = strcmp(name, "seed") == 0 ? NULL : median(found, inner);
        if (middle) json_put(object, name, middle);
    }
    memory_free(inner);
    return object;
}

static json_t *median_array(size_t n, json_t *const *values)
{
    json_t *array = json_array(), **inner = memory_new((int64_t)n, sizeof *inner);
    for (size_t k = 0; k < json_array_size(values[0]); k++) {
        size_t found = 0;
        for (size_t i = 0; i < n; i++)
            if ((inner[found] = json_array_get(values[i], k))) found++;
        json_t *middle = median(found, inner);
        json_add(array, middle ? middle : json_null());
    }
    memory_free(inner);
    return array;
}

/* Of n values of the same kind; NULL: they are texts that differ. */
static json_t *median(size_t n, json_t *const *values)
{
    if (json_is_object(values[0])) return median_object(n, values);
    if (json_is_array(values[0])) return median_array(n, values);
    for (size_t i = 0; i < n; i++)
        if (json_is_number(values[i])) return median_number(n, values);
    for (size_t i = 1; i < n; i++)
        if (!json_equal(values[0], values[i])) return NULL;
    return json_incref(values[0]);
}

json_t *median_of(json_t *results)
{
    const size_t n = json_array_size(results);
    json_t **values = memory_new((int64_t)n, sizeof *values);
    for (size_t i = 0; i < n; i++) values[i] = json_array_get(results, i);
    json_t *middle = median(n, values);
    memory_free(values);
    return middle;
}
