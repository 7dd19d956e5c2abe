#include "convention.h"

#include <math.h>
#include <string.h>

/* Numbers of an attribute, at most `most`; -1: there is none of this name; -2: it is no list of numbers.
 * type (may be NULL): whether they are floats, and their bytes. */
static int numbers(hid_t data, const char *name, int most, double *values, bool *is_float, size_t *bytes)
{
    if (H5Aexists(data, name) <= 0) return -1;
    hid_t id = H5Aopen(data, name, H5P_DEFAULT), type = H5Aget_type(id), space = H5Aget_space(id);
    const H5T_class_t class = H5Tget_class(type);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    bool good = (class == H5T_FLOAT || class == H5T_INTEGER) && 1 <= n && n <= most &&
                H5Aread(id, H5T_NATIVE_DOUBLE, values) >= 0;
    if (is_float) *is_float = class == H5T_FLOAT;
    if (bytes) *bytes = H5Tget_size(type);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(id);
    return good ? (int)n : -2;
}

/* Whether the text attribute _Unsigned says "true". */
static bool says_unsigned(hid_t data)
{
    if (H5Aexists(data, "_Unsigned") <= 0) return false;
    hid_t id = H5Aopen(data, "_Unsigned", H5P_DEFAULT), type = H5Aget_type(id), space = H5Aget_space(id);
    char text[8] = "", *long_text = NULL;
    if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1)
        ;
    else if (H5Tis_variable_str(type) > 0) {
        if (H5Aread(id, type, &long_text) >= 0 && long_text) strncpy(text, long_text, sizeof text - 1);
        H5free_memory(long_text);
    } else {
        hid_t memory = H5Tcopy(type);
        H5Tset_size(memory, sizeof text);
        H5Tset_strpad(memory, H5T_STR_NULLTERM);
        if (H5Aread(id, memory, text) < 0) *text = 0;
        H5Tclose(memory);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(id);
    return strcmp(text, "true") == 0 || strcmp(text, "True") == 0;
}

/* A number of an attribute, read as what elements of the dataset mean. */
static double as_element(const struct convention *convention, double value)
{
    return convention->wrap > 0 && value < 0 ? value + convention->wrap : value;
}

/* The integers of a type; steps is 0 for other types. */
struct integers {
    double least, steps; /* the smallest of them, and how many there are */
};

static struct integers integers_of(const struct convention *convention, hid_t data)
{
    hid_t type = H5Dget_type(data);
    const double steps = H5Tget_class(type) == H5T_INTEGER ? ldexp(1, 8 * (int)H5Tget_size(type)) : 0;
    const bool below_zero = steps > 0 && H5Tget_sign(type) == H5T_SGN_2 && !(convention->wrap > 0);
    H5Tclose(type);
    return (struct integers){below_zero ? -steps / 2 : 0, steps};
}

/* The same bits as an element: -1 is 255 among unsigned bytes, as for whoever writes files without netCDF. */
static double into(struct integers integers, double value)
{
    if (value < integers.least) return value + integers.steps;
    return integers.steps > 0 && value >= integers.least + integers.steps ? value - integers.steps : value;
}

/* How far apart a number of an attribute and an element may be that stand for the same one: either may have
 * been rounded, elements to their own type, attributes to single precision. Integers are exact. */
static void read_nearness(struct convention *convention, hid_t data)
{
    hid_t type = H5Dget_type(data);
    size_t sign, exponent, exponent_bits, mantissa, bits = 0;
    if (H5Tget_class(type) == H5T_FLOAT &&
        H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &bits) >= 0) {
        const int digits = bits < 23 ? (int)bits : 23, bias = bits < 23 ? (int)H5Tget_ebias(type) : 127;
        convention->near = ldexp(1, -1 - digits);
        convention->step = ldexp(1, -bias - digits);
    }
    H5Tclose(type);
}

/* scale_factor and add_offset. The first of them with floats decides the arithmetic, as NumPy has it: float32
 * stays float32; integers of up to 16 bits become float32 by a float32, all others float64. */
static const char *read_scale(struct convention *convention, hid_t data, bool is_float, size_t bytes)
{
    static const char *const names[2] = {"scale_factor", "add_offset"};
    double value[2] = {1, 0};
    bool decided = is_float;
    convention->single = is_float && bytes <= 4;
    for (int i = 0; i < 2; i++) {
        bool float_attribute;
        size_t attribute_bytes;
        const int n = numbers(data, names[i], 1, &value[i], &float_attribute, &attribute_bytes);
        if (n == -1) continue;
        if (n != 1 || !isfinite(value[i]) || (i == 0 && value[i] == 0)) return names[i];
        convention->scaled = true;
        if (!decided && float_attribute) {
            convention->single = attribute_bytes <= 4 && bytes <= 2;
            decided = true;
        }
    }
    convention->scale = value[0];
    convention->offset = value[1];
    return NULL;
}

static const char *read_missing(struct convention *convention, hid_t data, bool *has_fill)
{
    const struct integers integers = integers_of(convention, data);
    static const char *const names[2] = {"_FillValue", "missing_value"};
    for (int i = 0; i < 2; i++) {
        double *at = convention->missing + convention->n_missing;
        const int n = numbers(data, names[i], FOREIGN_MISSING - convention->n_missing, at, NULL, NULL);
        if (n == -2) return names[i];
        if (i == 0) *has_fill = n > 0;
        for (int k = 0; k < n; k++) at[k] = into(integers, at[k]);
        convention->n_missing += n > 0 ? n : 0;
    }
    return NULL;
}

static const char *read_range(struct convention *convention, hid_t data)
{
    double range[2] = {-HUGE_VAL, HUGE_VAL};
    int n = numbers(data, "valid_range", 2, range, NULL, NULL);
    const bool whole = n == 2;
    if (n != -1 && !whole) return "valid_range";
    n = whole ? -1 : numbers(data, "valid_min", 1, &range[0], NULL, NULL);
    if (n == -2) return "valid_min";
    const bool low = whole || n == 1;
    n = whole ? -1 : numbers(data, "valid_max", 1, &range[1], NULL, NULL);
    if (n == -2) return "valid_max";
    const bool high = whole || n == 1;
    convention->low = low ? as_element(convention, range[0]) : -HUGE_VAL;
    convention->high = high ? as_element(convention, range[1]) : HUGE_VAL;
    return NULL;
}

/* What netCDF fills in for a type that has no fill value of its own; types of one byte have none. */
static bool type_fill(bool is_float, bool is_signed, size_t bytes, double *fill)
{
    static const double signed_fill[3] = {-32767, -2147483647, -0x1p63 + 2},
                        unsigned_fill[3] = {65535, 4294967295, 0x1p64 - 2};
    const int size = bytes == 2 ? 0 : bytes == 4 ? 1 : 2;
    *fill = is_float ? 0x1.ep+122 : is_signed ? signed_fill[size] : unsigned_fill[size];
    return bytes > 1;
}

/* The fill value that whoever made the dataset has set. netCDF sets one for all types and does not count it
 * for those of one byte; what writes its files without its library may set none. An attribute _FillValue (named)
 * stands for the type's; what the dataset fills in may be another value. */
static void read_fill(struct convention *convention, hid_t data, bool netcdf, bool named)
{
    hid_t list = H5Dget_create_plist(data), type = H5Dget_type(data);
    const bool is_float = H5Tget_class(type) == H5T_FLOAT;
    H5D_fill_value_t defined;
    double fill = 0, by_type;
    const bool has_fill = H5Pfill_value_defined(list, &defined) >= 0 &&
                          defined == H5D_FILL_VALUE_USER_DEFINED &&
                          H5Pget_fill_value(list, H5T_NATIVE_DOUBLE, &fill) >= 0;
    const bool counts = type_fill(is_float, H5Tget_sign(type) == H5T_SGN_2, H5Tget_size(type), &by_type);
    if (netcdf && counts && !named && convention->n_missing < FOREIGN_MISSING)
        convention->missing[convention->n_missing++] = as_element(convention, has_fill ? fill : by_type);
    if (has_fill && (named || !netcdf)) {
        convention->fill = as_element(convention, fill);
        convention->filled = convention->fill != 0 && !convention_missing(convention, convention->fill);
    }
    H5Tclose(type);
    H5Pclose(list);
}

/* Whether netCDF-4 has written the file of a dataset. Older releases say so of a variable alone. */
static bool of_netcdf(hid_t data)
{
    hid_t file = H5Iget_file_id(data);
    const bool yes = H5Aexists_by_name(file, "/", "_NCProperties", H5P_DEFAULT) > 0 ||
                     H5Aexists(data, "_Netcdf4Coordinates") > 0 || H5Aexists(data, "_Netcdf4Dimid") > 0;
    H5Fclose(file);
    return yes;
}

bool convention_read(struct convention *convention, hid_t data, const char **wrong)
{
    *convention = (struct convention){.scale = 1};
    hid_t type = H5Dget_type(data);
    const bool is_float = H5Tget_class(type) == H5T_FLOAT;
    const size_t bytes = H5Tget_size(type);
    if (H5Tget_class(type) == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2 && says_unsigned(data))
        convention->wrap = ldexp(1, 8 * (int)bytes);
    H5Tclose(type);
    bool has_fill = false;
    read_nearness(convention, data);
    *wrong = read_scale(convention, data, is_float, bytes);
    if (!*wrong) *wrong = read_missing(convention, data, &has_fill);
    if (!*wrong) *wrong = read_range(convention, data);
    if (!*wrong) read_fill(convention, data, of_netcdf(data), has_fill);
    return !*wrong;
}

bool convention_plain(const struct convention *convention)
{
    return !convention->scaled && !(convention->wrap > 0) && convention->n_missing == 0 &&
           !convention->filled && isinf(convention->low) && isinf(convention->high);
}

bool convention_same(const struct convention *a, const struct convention *b)
{
    bool same = a->scaled == b->scaled && a->n_missing == b->n_missing && a->filled == b->filled;
    const double of_a[] = {a->scale, a->offset, a->wrap, a->low, a->high, a->fill},
                 of_b[] = {b->scale, b->offset, b->wrap, b->low, b->high, b->fill};
    for (size_t i = 0; i < sizeof of_a / sizeof *of_a; i++) same = same && of_a[i] == of_b[i];
    for (int i = 0; same && i < a->n_missing; i++) same = convention_missing(b, a->missing[i]);
    return same;
}

/* Whether an element stands for the number of an attribute. */
static bool is_near(const struct convention *convention, double stored, double number)
{
    const double step = fabs(number) > convention->step ? convention->step : 0;
    return stored == number || (isnan(stored) && isnan(number)) ||
           (isfinite(number) && fabs(stored - number) <= convention->near * fabs(number) + step);
}

bool convention_missing(const struct convention *convention, double stored)
{
    for (int i = 0; i < convention->n_missing; i++)
        if (is_near(convention, stored, convention->missing[i])) return true;
    return (stored < convention->low && !is_near(convention, stored, convention->low)) ||
           (stored > convention->high && !is_near(convention, stored, convention->high));
}

/* Two steps, each rounded by itself: a fused multiply-add would round once. */
static void __attribute__((noinline)) multiply(double *values, int64_t n, double by, bool single)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = single ? (double)((float)values[i] * (float)by) : values[i] * by;
}

static void __attribute__((noinline)) add(double *values, int64_t n, double what, bool single)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = single ? (double)((float)values[i] + (float)what) : values[i] + what;
}

void convention_apply(const struct convention *convention, double *values, int64_t n)
{
    if (!convention->scaled) return;
    multiply(values, n, convention->scale, convention->single);
    add(values, n, convention->offset, convention->single);
}
