/* --version. The build's facts (VERSION, REVISION, BUILD_FLAGS) come from the Makefile into this file alone.
 */

#include "command.h"
#include "metazoa/base/processor.h"
#include "metazoa/hdf5/h5.h"
#include "metazoa/particle/vector.h"

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
    fprintf(out, "arithmetic %d, vectors of %d floats\n", ARITHMETIC, VECTOR);
    fprintf(out, "libyaml   %s\n", config_library());
}
