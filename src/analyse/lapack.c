/*
 * LAPACK is loaded when it is needed, and not linked: some of its builds start a thread for each core as soon
 * as they are loaded, also in a program that only trains.
 */
#include "lapack.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basis.h"
#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"

enum { OPENBLAS_BYTES = 129 << 20 };

/* DSYEV; the last two arguments are the lengths of the first two, as Fortran passes them. */
typedef void dsyev(const char *jobz, const char *uplo, const int32_t *n, double *a, const int32_t *lda,
                   double *w, double *work, const int32_t *lwork, int32_t *info, size_t, size_t);

static char lapack_reason[200] = ""; /* why the first library cannot be loaded */

static dsyev *load(void)
{
    static const char *const names[] = {"liblapack.so.3", "liblapack.so", "libopenblas.so.0",
                                        "libopenblas.so"};
    /* A rank is a core, and with another number of threads results have other bits. */
    static const char *const threads[] = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
                                          "BLIS_NUM_THREADS"};
    static dsyev *found;
    const char *own = getenv("METAZOA_LAPACK");
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) setenv(threads[i], "1", 1);
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
        void *library = dlopen(own && *own ? own : names[i], RTLD_NOW | RTLD_LOCAL);
        void *symbol = library ? dlsym(library, "dsyev_") : NULL;
        if (i == 0 && !symbol) snprintf(lapack_reason, sizeof lapack_reason, "%s", dlerror());
        memcpy(&found, &symbol, sizeof found);
    }
    return found;
}

/* OpenBLAS takes so much at its first call, and tries for ever if it cannot have it. */
static bool room_for_openblas(struct problems *problems)
{
    void *room = malloc(OPENBLAS_BYTES);
    free(room);
    if (!room)
        problems_add(problems, EXIT_FAILED, "out of memory: %d MiB for LAPACK could not be had",
                     OPENBLAS_BYTES >> 20);
    return room != NULL;
}

bool lapack_found(struct problems *problems)
{
    if (load()) return room_for_openblas(problems);
    problems_add(
        problems, EXIT_FAILED,
        "LAPACK is needed for principal components, and liblapack.so.3 cannot be loaded (%s): install it "
        "(Debian: liblapack3), or set METAZOA_LAPACK to the path of a library that has dsyev_",
        lapack_reason);
    return false;
}

void lapack_eigen(int n, double *matrix, double *values)
{
    const int32_t size = n, room = 64 * n;
    int32_t info = 0;
    double *work = memory_new(room, sizeof *work);
    load()("V", "U", &size, matrix, &size, values, work, &room, &info, 1, 1);
    if (info != 0) fatal("LAPACK finds no eigenvectors (dsyev: %d)", (int)info);
    memory_free(work);
}
