"""Exporting a run: each part is recorded, checked on real samples, and only then written."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from isthmus.errors import DataError, UseError, nearest
from isthmus.exporting.checks import Case, check, compare, samples_of
from isthmus.exporting.examples import examples
from isthmus.exporting.facts import facts_of
from isthmus.exporting.parts import PARTS, Part, exportable
from isthmus.model.store import make_folder
from isthmus.run import Run
from isthmus.storage.files import json_text, whole_file
from isthmus.uses.arguments import takes_run

Format = Literal["onnx", "torch-export", "safetensors+json"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class Export:
    """The files of an export.

    folder: where they are. files: their names, in the order in which they were written.
    parts: the facts of each part by its name, as in the JSON file next to it; empty for safetensors+json.
    """

    folder: Path
    files: tuple[str, ...]
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The folder, the names of the files, and the facts of each part."""
        return {"folder": str(self.folder), "files": list(self.files), "parts": self.parts}


@takes_run
def export(
    run: Run,
    target: str | Path,
    part: Part | Sequence[Part] = "model",
    *,
    format: Format = "onnx",
    opset: int | None = None,
    draws: bool = False,
    int8: bool = False,
    by: Any = "auto",
    example: bool = False,
    overwrite: bool = False,
) -> Export:
    """Export parts of a run into a folder, for programs without Isthmus, and return what was written.

        ist.export(run, "exported")                                   # exported/model.onnx
        ist.export(run, "exported", ["encoder", "score"], example=True, overwrite=True)

    Each part takes raw samples and makes results in raw units: the scaling is inside. The batch may have any size. Each
    is run on real samples of the run's data before it is written, and must agree with the run to 1e-5 of the data's
    range. The file next to it, encoder.json for example, has the types, shapes and names of its inputs and outputs.

    part: "encoder", raw samples to codes; "decoder", codes to samples; "model", samples to reconstructions;
        "score", samples to anomaly scores (`ist.detect`); or several of them.
    format: "onnx"; "torch-export", for `torch.export.load`; or "safetensors+json", weights and blueprint of the whole
        model, for `ist.load` or any reader of safetensors.
    opset: of the ONNX file; None is 18.
    draws: whether encoder and model take noise as an input, with which a VAE's code is drawn around its mean.
    int8: whether ONNX computes products and convolutions with bytes, a quarter of the size. The difference that this
        makes is in the facts (`checked`), and nothing is refused for it.
    by: which score, as for `ist.detect`.
    example: whether to add programs in Python, C++ and JavaScript, and four samples for them.
    overwrite: whether to write into a folder that exists, over files of the same names.

    Raises:
        UseError: there is no such part, format or opset; the model can't have this part; or the exported part differs
            from the run's. Nothing is written then.
        DataError: the folder exists; or the run's data can't be opened again.
        MissingPackageError: a package for ONNX isn't installed.
        IsthmusError: the folder can't be written to.
    """
    parts = [part] if isinstance(part, str) else list(dict.fromkeys(part))
    folder = _folder(target)
    _check(parts, format, opset, draws=draws, int8=int8, example=example)
    if folder.exists() and not overwrite:
        raise DataError(f"{folder} is there already. Choose another folder, or pass overwrite=True.")
    if format == "safetensors+json":
        return _weights(run, folder, overwrite=overwrite)
    samples, facts, files = samples_of(run), {}, {}
    for name in parts:
        case = Case.of(exportable(run, name, draws=draws, by=by), samples)
        content, facts[name] = _FORMATS[format](run, case, opset, int8)
        files[f"{name}.{'onnx' if format == 'onnx' else 'pt2'}"] = content
        files[f"{name}.json"] = json_text(facts[name]).encode()
        if example:
            files |= examples(case)
    _write(folder, files)
    return Export(folder, tuple(files), facts)


def _onnx(run: Run, case: Case, opset: int | None, int8: bool) -> tuple[bytes, dict[str, Any]]:
    """The ONNX file of a part, and its facts."""
    from isthmus.exporting.int8 import SAMPLES, to_int8  # noqa: PLC0415 PyTorch's exporter takes a second
    from isthmus.exporting.onnx_file import OPSET, describe, to_onnx  # noqa: PLC0415
    from isthmus.exporting.recording import recorded  # noqa: PLC0415
    from isthmus.exporting.runtime import onnx_program  # noqa: PLC0415

    part, opset = case.part, OPSET if opset is None else opset
    proto = to_onnx(recorded(part, case.given), part, opset)
    found = compare(case, onnx_program(part, describe(proto, {}), opset))
    check(part, found)
    if int8:
        proto = to_int8(proto, part, part.given(run.open().train.some(SAMPLES)))
        found = compare(case, onnx_program(part, describe(proto, {}), opset))
    facts = facts_of(run, part, found, format="onnx", opset=opset, int8=int8)
    return describe(proto, facts), facts


def _torch_export(run: Run, case: Case, opset: int | None, int8: bool) -> tuple[bytes, dict[str, Any]]:
    """The .pt2 file of a part, and its facts."""
    from isthmus.exporting.recording import recorded  # noqa: PLC0415
    from isthmus.exporting.torch_program import to_torch, torch_program  # noqa: PLC0415

    content = to_torch(recorded(case.part, case.given), case.part)
    found = compare(case, torch_program(content))
    check(case.part, found)
    return content, facts_of(run, case.part, found, format="torch-export")


_FORMATS: dict[str, Callable[..., tuple[bytes, dict[str, Any]]]] = {"onnx": _onnx, "torch-export": _torch_export}


def _weights(run: Run, folder: Path, *, overwrite: bool) -> Export:
    """Weights and blueprint, and what `ist.load` reads besides: a run's folder without what continues its training."""
    replace(run, folder=None, pca=None, filling=None).save(folder, overwrite=overwrite)
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    return Export(folder, tuple(names))


def _check(parts: list[Any], format: Any, opset: Any, *, draws: bool, int8: bool, example: bool) -> None:
    """Raise UseError unless these options go together; MissingPackageError if a package isn't installed."""
    if not parts:
        raise UseError(f"There is no part to export. {nearest('', PARTS)}")
    for name in parts:
        if name not in PARTS:
            raise UseError(f"There is no part {name!r:.80}. {nearest(str(name), PARTS)}")
    if format not in FORMATS:
        raise UseError(f"There is no format {format!r:.80}. {nearest(str(format), FORMATS)}")
    given = {"opset": opset is not None, "int8": int8, "example": example, "draws": draws}
    allowed = {"onnx": set(given), "torch-export": {"draws"}, "safetensors+json": set()}[format]
    if others := [name for name, there in given.items() if there and name not in allowed]:
        raise UseError(f"The format {format} takes no {others[0]}. Leave it out, or choose format='onnx'.")
    if format == "safetensors+json" and parts != ["model"]:
        raise UseError(f"The format {format} holds the whole model, not only its {parts[0]}. Choose part='model'.")
    if format == "onnx":
        from isthmus.exporting.int8 import check_int8  # noqa: PLC0415
        from isthmus.exporting.onnx_file import OPSET, check_opset, needs_onnx  # noqa: PLC0415

        needs_onnx()
        check_opset(OPSET if opset is None else opset)
        if int8:
            check_int8(OPSET if opset is None else opset)


def _folder(target: Any) -> Path:
    if not isinstance(target, str | os.PathLike):
        raise UseError(f"Got a target of type {type(target).__name__}: expected the path of a folder.")
    return Path(target).expanduser()


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files, each whole; if one can't be written, none of a new folder stays."""
    new = not folder.exists()
    written: list[Path] = []
    make_folder(folder)
    try:
        for name, content in files.items():
            with whole_file(folder / name) as beside:
                beside.write_bytes(content)
            written.append(folder / name)
    except BaseException:
        if new:
            for path in written:
                path.unlink(missing_ok=True)
            folder.rmdir()
        raise
