"""What pyproject.toml cannot say: pip does not know Debian's h5py by this name, so where it is there it is not asked for."""

from importlib.util import find_spec

from setuptools import setup

# One line: launch.sh reads it, too.
dependencies = ["h5py>=3.7", "matplotlib>=3.6", "numpy>=1.24", "pandas>=1.5", "PyYAML>=6.0", "scipy>=1.10"]

setup(install_requires=[need for need in dependencies if not (need.startswith("h5py") and find_spec("h5py"))])
