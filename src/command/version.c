/* --version. The build's facts (VERSION, REVISION, BUILD_FLAGS) come from the Makefile into this file alone.
 */

#include "command.h"
#include "metazoa/hdf5/h5.h"

/* OpenBLAS describes itself; with another BLAS the function is not there. */
extern char *openblas_get_config(void) __attribute__((weak));

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "GCC " __VERSION__
#endif

const char *version_text(void)
{
    return VERSION " (" REVISION ")";
}

void version_print(FILE *out)
{
    fprintf(out, "metazoa   %s\n", version_text());
    fprintf(out, "compiler  %s, %s\n", COMPILER, BUILD_FLAGS);
    fprintf(out, "MPI       %s\n", comm_library());
    fprintf(out, "HDF5      %s\n", h5_library());
    fprintf(out, "BLAS      %s\n", openblas_get_config ? openblas_get_config() : "not OpenBLAS");
    fprintf(out, "libyaml   %s\n", config_library());
}
