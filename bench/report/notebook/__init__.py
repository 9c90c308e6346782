"""What `notebooks/comparison.ipynb` calls: one function for each of its cells. The notebook itself holds no logic.

Engines are those of a configuration; where there is none, simulated ones, and then every section says so. The run is
held by `chatprobe bench`, in a process of its own, so that the notebook's own work delays no chat.
"""

from bench.report.notebook.engines import Engines, engines
from bench.report.notebook.holding import hold, opened, plan
from bench.report.notebook.programs import NotebookError
from bench.report.notebook.showing import charts, environment, findings, metrics

__all__ = ["Engines", "NotebookError", "charts", "engines", "environment", "findings", "hold", "metrics", "opened", "plan"]
