"""No import and no call changes what belongs to the whole process."""

import os
import random
import subprocess
import sys
import warnings

from isthmus.undisturbed import undisturbed

SCRIPT = """
import importlib, locale, os, pkgutil, random, signal, sys, warnings
import matplotlib, numpy, scipy.special, sklearn, torch, typer  # what these do to themselves when loaded is theirs

random.seed(1), numpy.random.seed(1), torch.manual_seed(1)

def state():
    libraries = torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv, torch.backends.cuda.matmul
    return {
        "random": random.getstate(), "numpy random": numpy.random.get_state()[1].tolist(),
        "torch random": torch.get_rng_state().tolist(), "threads": torch.get_num_threads(),
        "precision": torch.get_float32_matmul_precision(), "products": [each.fp32_precision for each in libraries],
        "deterministic": torch.are_deterministic_algorithms_enabled(), "gradients": torch.is_grad_enabled(),
        "type": torch.get_default_dtype(), "device": torch.get_default_device(), "environment": dict(os.environ),
        "warnings": list(warnings.filters), "show": warnings.showwarning, "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL), "numpy errors": numpy.geterr(), "excepthook": sys.excepthook,
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "recursion": sys.getrecursionlimit(), "matplotlib": dict.copy(matplotlib.rcParams),
    }

def check(what):
    now = state()
    changed = [name for name in before if before[name] != now[name]]
    assert not changed, (what, changed)

before = state()
import isthmus
for module in pkgutil.walk_packages(isthmus.__path__, "isthmus."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        check(module.name)
from isthmus.training import precision
precision._amd_with_avx512 = lambda: True
data = isthmus.open_data(numpy.random.default_rng(0).random((64, 6)))
check("open_data")
for settings in ({}, {"precision": "bfloat16"}, {"compile": True, "optimiser": "sgd"}):
    assert "torch._dynamo" not in sys.modules, "an ordinary training does not load the compiler"
    plan = isthmus.recipe("vanilla" if settings.get("compile") else "deep", code=2)  # the least to compile
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = isthmus.fit(plan.build(data), data, epochs=1, batch_size=32, **settings)
    check(f"fit {settings}")
isthmus.diagnose(run), run.evaluation(), isthmus.detect(run, data.test), run.encode(data.test)
check("uses")
"""


def test_no_import_and_no_fit_changes_global_state_and_an_ordinary_one_does_not_load_the_compiler(tmp_path):
    made = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=dict(os.environ),
        timeout=300,
    )
    assert made.returncode == 0, made.stderr[-2000:]


def test_what_was_changed_within_is_put_back_even_after_an_error():
    before = random.getstate(), sys.getrecursionlimit(), dict(os.environ), list(warnings.filters)
    try:
        with undisturbed():
            random.random()
            sys.setrecursionlimit(12345)
            os.environ["ISTHMUS_NEW"] = "1"
            os.environ["PATH"] = ""
            warnings.simplefilter("always")
            raise KeyError
    except KeyError:
        pass
    assert (random.getstate(), sys.getrecursionlimit(), dict(os.environ), list(warnings.filters)) == before


HEAVY = {"matplotlib", "pandas", "scipy", "sklearn", "sympy", "torch._dynamo"}
"""Modules that take a good part of a second each, and that ordinary work doesn't need."""


def test_training_and_using_a_run_load_no_heavy_module(tmp_path):
    script = f"""
import sys, numpy, isthmus
from isthmus.cli.main import app

def check(what):
    loaded = {HEAVY} & set(sys.modules)
    assert not loaded, (what, loaded)

numpy.save("rows.npy", numpy.random.default_rng(0).random((64, 6)))
data = isthmus.open_data("rows.npy", kind="table")
for options in ({{"start": "pca"}}, {{}}):
    model = isthmus.recipe("deep", code=2, **options).build(data, remarks=False)
    isthmus.fit(model, data, epochs=1, progress=False, out="run", overwrite=True)
    check(("fit", options))
words = ["encode run rows.npy codes.npy", "reconstruct run rows.npy rebuilt.npy", "evaluate run rows.npy"]
for words in (*words, "detect run rows.npy", "info run"):
    try:
        app(words.split())
    except SystemExit as end:
        assert not end.code, words
    check(words)
"""
    words = [sys.executable, "-W", "ignore", "-c", script]
    made = subprocess.run(words, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
