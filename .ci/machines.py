"""Run the tests that compute as other processors would: fewer instructions, fewer and more threads; print a table.

Sums end in other last digits where a processor adds them in another order. ATEN_CPU_CAPABILITY limits the instructions
of PyTorch's own kernels and of its compiler, ONEDNN_MAX_CPU_ISA those of oneDNN (convolutions, bfloat16), and
MKL_ENABLE_INSTRUCTIONS those of MKL (products of matrices). Only tests that compute are run: what reads files, writes
pages or explains errors is the same everywhere.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MACHINES = {
    "default": {"ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "MKL_CBWR": "COMPATIBLE"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "avx512": {"ONEDNN_MAX_CPU_ISA": "DEFAULT"},
}
"""What stands for a processor, by its ATEN_CPU_CAPABILITY, from the oldest to the newest."""
OTHERWISE = "otherwise"
"""The pretend processor of `tests/devices/otherwise.py`, with one thread."""
THREADS = (1, 2, 4)
COMPUTING = (
    *("tests/parts", "tests/training", "tests/measures", "tests/uses", "tests/doctor", "tests/experiments"),
    *("tests/test_autoencoder.py", "tests/test_autoencoder_joints.py", "tests/test_classifier.py"),
    *("tests/test_passes.py", "tests/test_pca.py", "tests/test_run.py", "tests/test_samplers.py"),
    *("tests/test_start.py", "tests/test_store.py", "tests/test_varieties.py"),
)
"""The tests whose numbers come from a model, a sum or a product."""


def main(tests: list[str]) -> int:
    """Run each machine with each number of threads, one after the other; 1 where a test failed anywhere."""
    found: dict[tuple[str, int], str] = {}
    failures: list[str] = []
    for name in (*MACHINES, OTHERWISE):
        for threads in THREADS if name in MACHINES else (1,):
            if name in (*present(), OTHERWISE):
                found[name, threads], failed = run(name, threads, tests or list(COMPUTING))
                failures += failed
            else:
                found[name, threads] = "not on this processor"
            print(f"{name}, {threads} threads: {found[name, threads]}", flush=True)
    print("\nthreads  " + "".join(f"{name:<24}" for name in (*MACHINES, OTHERWISE)))
    for threads in THREADS:
        print(f"{threads:<9}" + "".join(f"{found.get((name, threads), ''):<24}" for name in (*MACHINES, OTHERWISE)))
    print(*failures, sep="\n")
    return bool(failures)


def present() -> list[str]:
    """The capabilities that this processor has: its own and all below it, on x86; elsewhere the plain one alone."""
    import torch  # noqa: PLC0415 not needed to say what is wrong with the words

    own = torch.backends.cpu.get_cpu_capability().lower()
    names = list(MACHINES)
    return names[: names.index(own) + 1] if own in names else names[:1]


def run(name: str, threads: int, tests: list[str]) -> tuple[str, list[str]]:
    """How one run of the tests ended, and which failed."""
    limits = MACHINES[name] | {"ATEN_CPU_CAPABILITY": name} if name in MACHINES else {}
    extra = [] if name in MACHINES else ["--otherwise"]
    workers = max(1, (os.cpu_count() or 1) // threads)
    words = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-n", str(workers), "--dist", "worksteal", *extra, *tests]
    environment = os.environ | limits | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(  # noqa: S603 words of our own
        words, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    last = (done.stdout.strip().splitlines() or [done.stderr.strip() or "nothing was run"])[-1]
    counts = re.findall(r"\d+ (?:passed|failed|errors?)", last)
    if done.returncode and not failed:
        failed = [f"{name}, {threads} threads: {last}"]
    return ", ".join(counts) or last, [f"{name}, {threads} threads: {line}" for line in failed]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
