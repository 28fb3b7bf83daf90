"""The process in which one tool trains one workload, kept alive between its turns. Started by the harness."""

import importlib
import json
import os
import sys
from importlib.metadata import version

from benchmarks.digits import load_digits
from benchmarks.speed.gate import Finished, Gate
from benchmarks.speed.tools import TOOLS, Settings
from benchmarks.speed.workloads import WORKLOADS


def main() -> None:
    """Arguments: tool, workload, settings as JSON. What the tool prints goes to standard error."""
    reports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, workload, settings = sys.argv[1], WORKLOADS[sys.argv[2]], Settings(**json.loads(sys.argv[3]))
    tool = TOOLS[name]
    gate = Gate(sys.stdin, reports)
    module = importlib.import_module(f"benchmarks.speed.tools.{tool.module}")
    pictures, data = load_digits(settings.count)
    versions = {package: version(package) for package in tool.packages}
    gate.report(event="hello", versions={"python": sys.version.split()[0], **versions}, data=data)
    try:
        module.train(workload, settings, pictures, gate, **tool.options)
    except Finished:
        os._exit(0)  # nobody waits for what the tool would still tidy up


if __name__ == "__main__":
    main()
