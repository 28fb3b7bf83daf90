"""Isthmus: autoencoders of every kind, from one composition of parts.

    import isthmus as ist

    data = ist.open_data("digits")
    model = ist.recipe("deep", code=32).build(data)
    run = ist.fit(model, data, epochs=20, out="runs/digits")
    run.report()

Names are imported when they are first used, so that `isthmus --help` needn't wait for PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isthmus.codec import Compressed, Decompressor, codec_info, compress, decompress
    from isthmus.data import Data, Samples, Scaling, open_data, open_writer, read_samples, stream_samples, write_samples
    from isthmus.data.listing import formats
    from isthmus.doctor import Finding, diagnose
    from isthmus.drawing.live import LossCurve
    from isthmus.ensembles import Ensemble, ensemble
    from isthmus.errors import IsthmusError, Remark
    from isthmus.experiments import compare, pretrain, sweep, tune
    from isthmus.exporting import Export, export
    from isthmus.fitting import fit, resume
    from isthmus.guidance import Advice, recommend
    from isthmus.inspection import Inspection, inspect
    from isthmus.model.autoencoder import Autoencoder
    from isthmus.model.blueprint import Blueprint
    from isthmus.model.recipes import RECIPES, recipe, recipes
    from isthmus.parts.forward_pass import Pass
    from isthmus.run import Run, from_pretrained, load
    from isthmus.saelens import load_saelens, save_saelens
    from isthmus.training import Callback
    from isthmus.uses.activations import activations
    from isthmus.uses.blend import Blend, blend
    from isthmus.uses.detect import Detection, detect
    from isthmus.uses.detector import Detector, detector
    from isthmus.uses.disentangle import disentangle
    from isthmus.uses.drift import drift
    from isthmus.uses.drift_result import Drift
    from isthmus.uses.explain import explain
    from isthmus.uses.explanations import Explanation, Explanations
    from isthmus.uses.judge import judge
    from isthmus.uses.latents import Latents, latents
    from isthmus.uses.map import CodeMap, map_codes
    from isthmus.uses.restore import restoration, restore
    from isthmus.uses.restore_files import restore_files
    from isthmus.uses.sample import sample
    from isthmus.uses.search import Matches, search
    from isthmus.uses.traverse import Traverse, traverse
    from isthmus.version import VERSION as __version__  # noqa: N811  # the name that Python expects

_HOMES = {
    "Advice": "guidance",
    "Autoencoder": "model.autoencoder",
    "Blend": "uses.blend",
    "Blueprint": "model.blueprint",
    "Callback": "training",
    "CodeMap": "uses.map",
    "Compressed": "codec",
    "Data": "data",
    "Decompressor": "codec",
    "Detection": "uses.detect",
    "Detector": "uses.detector",
    "Drift": "uses.drift_result",
    "Ensemble": "ensembles",
    "Explanation": "uses.explanations",
    "Explanations": "uses.explanations",
    "Export": "exporting",
    "Finding": "doctor",
    "Inspection": "inspection",
    "IsthmusError": "errors",
    "Latents": "uses.latents",
    "LossCurve": "drawing.live",
    "Matches": "uses.search",
    "Pass": "parts.forward_pass",
    "RECIPES": "model.recipes",
    "Remark": "errors",
    "Run": "run",
    "Samples": "data",
    "Scaling": "data",
    "Traverse": "uses.traverse",
    "activations": "uses.activations",
    "blend": "uses.blend",
    "codec_info": "codec",
    "compare": "experiments",
    "compress": "codec",
    "decompress": "codec",
    "detect": "uses.detect",
    "detector": "uses.detector",
    "diagnose": "doctor",
    "disentangle": "uses.disentangle",
    "drift": "uses.drift",
    "ensemble": "ensembles",
    "explain": "uses.explain",
    "export": "exporting",
    "fit": "fitting",
    "formats": "data.listing",
    "from_pretrained": "run",
    "inspect": "inspection",
    "judge": "uses.judge",
    "latents": "uses.latents",
    "load": "run",
    "load_saelens": "saelens",
    "map_codes": "uses.map",
    "open_data": "data",
    "open_writer": "data",
    "pretrain": "experiments",
    "read_samples": "data",
    "recipe": "model.recipes",
    "recipes": "model.recipes",
    "recommend": "guidance",
    "restoration": "uses.restore",
    "restore": "uses.restore",
    "restore_files": "uses.restore_files",
    "resume": "fitting",
    "sample": "uses.sample",
    "search": "uses.search",
    "save_saelens": "saelens",
    "stream_samples": "data",
    "sweep": "experiments",
    "traverse": "uses.traverse",
    "tune": "experiments",
    "write_samples": "data",
}

_ENGINES = ("dask", "ray", "spark")

_MODULES = (
    "data",
    "doctor",
    "drawing",
    "errors",
    "experiments",
    "measures",
    "parts",
    "pyod",
    "samplers",
    "sklearn",
    "trackers",
    "training",
)

__all__ = [
    "RECIPES",
    "Advice",
    "Autoencoder",
    "Blend",
    "Blueprint",
    "Callback",
    "CodeMap",
    "Compressed",
    "Data",
    "Decompressor",
    "Detection",
    "Detector",
    "Drift",
    "Ensemble",
    "Explanation",
    "Explanations",
    "Export",
    "Finding",
    "Inspection",
    "IsthmusError",
    "Latents",
    "LossCurve",
    "Matches",
    "Pass",
    "Remark",
    "Run",
    "Samples",
    "Scaling",
    "Traverse",
    "__version__",
    "activations",
    "blend",
    "codec_info",
    "compare",
    "compress",
    "decompress",
    "detect",
    "detector",
    "diagnose",
    "disentangle",
    "drift",
    "ensemble",
    "explain",
    "export",
    "fit",
    "formats",
    "from_pretrained",
    "inspect",
    "judge",
    "latents",
    "load",
    "load_saelens",
    "map_codes",
    "open_data",
    "open_writer",
    "pretrain",
    "read_samples",
    "recipe",
    "recipes",
    "recommend",
    "restoration",
    "restore",
    "restore_files",
    "resume",
    "sample",
    "save_saelens",
    "search",
    "stream_samples",
    "sweep",
    "traverse",
    "tune",
    "write_samples",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("isthmus.version").VERSION
    if name in _MODULES:  # imported when they are first used, too
        return importlib.import_module(f"isthmus.{name}")
    if name in _ENGINES:
        return importlib.import_module(f"isthmus.engines.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'isthmus' has no attribute {name!r}")
    return getattr(importlib.import_module(f"isthmus.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
