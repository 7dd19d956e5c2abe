# For Spack 1.0 or later (package API v2):
#   spack repo add docs/packaging/spack/spack_repo/metazoa && spack install metazoa
# Until there is a release to download, say where a copy of the repository lies:
#   spack install metazoa@main && spack develop --path /path/to/metazoa metazoa@main
from spack_repo.builtin.build_systems.makefile import MakefilePackage

from spack.package import *


class Metazoa(MakefilePackage):
    """Organism networks of self-replicating particles, trained on clusters with MPI and parallel HDF5."""

    # Replace by the address of your copy: spack needs one to know the version.
    git = "file:///path/to/metazoa"
    license("BSD-3-Clause")

    version("main", branch="main")

    variant(
        "analysis",
        default=True,
        description="Python packages of the figures, principal components and report",
    )

    depends_on("c", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:")
    depends_on("hdf5@1.10: +mpi")
    depends_on("libyaml")
    depends_on("jansson")
    depends_on("zlib-api")
    depends_on("random123", type="build")
    depends_on("cmocka", type="test")
    with when("+analysis"):
        depends_on("python@3.9:", type="run")
        depends_on("py-h5py", type="run")
        depends_on("py-numpy", type="run")
        depends_on("py-scipy", type="run")
        depends_on("py-pandas", type="run")
        depends_on("py-pyyaml", type="run")
        depends_on("py-matplotlib", type="run")
        depends_on("py-scikit-learn", type="run")

    @property
    def settings(self):
        spec = self.spec
        hdf5 = spec["hdf5"]
        return [
            f"CC={spec['mpi'].mpicc}",
            # Spack's compiler wrapper adds the target's own -march.
            "ARCH=",
            f"HDF5_CFLAGS={hdf5.headers.include_flags}",
            f"HDF5={hdf5.libs.ld_flags}",
            f"CFLAGS=-I{spec['random123'].prefix.include}",
            f"PREFIX={self.prefix}",
        ]

    def build(self, spec, prefix):
        make(*self.settings)

    def install(self, spec, prefix):
        make("install", *self.settings)

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_version(self):
        Executable(self.prefix.bin.metazoa)("--version")
