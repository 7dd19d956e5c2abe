"""The old name of metazoa.reading, kept for scripts of version 0.1: `from metazoa_analysis.run import Run`, `data`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from metazoa.reading import archive, data, run  # noqa: E402

for module in (archive, data, run):
    sys.modules[f"{__name__}.{module.__name__.split('.')[-1]}"] = module
