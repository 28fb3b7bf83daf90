"""SAELens: its folders of sparse autoencoders, `cfg.json` and `sae_weights.safetensors`, loaded and written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from isthmus.errors import RunError, UseError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.model.store import make_folder
from isthmus.parts import ActivationL1, BatchTopK, CodeKind, Dictionary, Gated, JumpRelu, Mse, Plain, TopK
from isthmus.parts.codes.batch_top_k import Threshold
from isthmus.parts.codes.gated import Magnitudes
from isthmus.parts.codes.jump_relu import Thresholds
from isthmus.run import Run
from isthmus.storage.files import write_json, write_whole
from isthmus.training import Settings

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
LEAST = 1e-30
"""A threshold of 0, whose logarithm is finite."""
UNIT = 1e-3
"""How far the norms of directions may be from 1 and still count as 1."""


def load_saelens(folder: str | Path) -> Run:
    """The sparse autoencoder in a folder of SAELens, as a run in memory, which takes raw activations.

        run = ist.load_saelens("blocks.8.hook_resid_pre")
        codes = run.encode(activations)
        run.save("runs/resid-8")

    Architectures: "standard", "topk", "jumprelu", "gated", and "batchtopk" and "matryoshka_batchtopk", which SAELens
    writes as "jumprelu" after training. Norms that activations are multiplied by (`rescale_acts_by_decoder_norm`)
    become a part of the weights.

    Raises:
        RunError: a file is missing or damaged, or it needs what Isthmus doesn't have.
    """
    folder = Path(folder)
    said, tensors = _read(folder)
    name = _architecture(said)
    if said.get("normalize_activations", "none") not in ("none", "expected_average_only_in"):
        raise RunError(
            f"{folder} normalises each activation ({said['normalize_activations']}), which can't be loaded: expected "
            "'none' or 'expected_average_only_in'. Fold the normalisation into the weights with SAELens first."
        )
    try:
        return _loaded(folder, said, name, {key: value.float() for key, value in tensors.items()})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise RunError(
            f"{folder} is no {name} autoencoder of SAELens, or a damaged one ({type(error).__name__}: {error}). "
            f"Expected W_enc, W_dec, their biases and what the architecture needs in {WEIGHTS}."
        ) from error


def save_saelens(run: Run, folder: str | Path, **metadata: Any) -> Path:
    """Write a dictionary as SAELens' `cfg.json` and `sae_weights.safetensors`, and return the folder.

        ist.save_saelens(run, "sae", model_name="gpt2-small", hook_name="blocks.8.hook_resid_pre")

    The scaling becomes a part of the weights, so SAELens takes raw activations. If it is one number, as with
    scaling="rms", the directions keep norm 1, and codes are in the raw units. `BatchTopK` is written as "jumprelu"
    with its threshold, as SAELens does.

    metadata: what `cfg.json` says about the activations.

    Raises:
        UseError: the model is no dictionary with a code that SAELens has, or its scaling isn't affine.
        IsthmusError: the folder can't be written to.
    """
    model = run.model
    tensors = _folded(model)
    said, own = _said(model, tensors)
    said |= {
        "d_in": tensors["W_enc"].shape[0],
        "d_sae": tensors["W_enc"].shape[1],
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": _centred(model),
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": metadata,
    }
    folder = make_folder(folder)
    whole = {name: value.contiguous() for name, value in (tensors | own).items()}
    write_whole(folder / WEIGHTS, lambda beside: save_file(whole, beside))
    write_json(folder / CONFIG, said)
    return folder


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise RunError(
            f"{folder} has no {Path(str(error.filename or WEIGHTS)).name}: expected the folder of an autoencoder of "
            f"SAELens, with {CONFIG} and {WEIGHTS}. Give that one."
        ) from error
    except (OSError, ValueError, SafetensorError) as error:
        raise RunError(f"The files of SAELens in {folder} are damaged ({error}). Download them again.") from error
    if not isinstance(said, dict):
        raise RunError(f"{folder / CONFIG} is no configuration of SAELens: expected an object. Download it again.")
    return said, tensors


def _architecture(said: Mapping[str, Any]) -> str:
    """Its name; older versions gave top-k as an activation function."""
    function = said.get("activation_fn", said.get("activation_fn_str", "relu"))
    name = said.get("architecture", "standard")
    return "topk" if name == "standard" and function == "topk" else str(name)


def _code(name: str, said: Mapping[str, Any], size: int) -> CodeKind:
    k = said.get("k") or (said.get("activation_fn_kwargs") or {}).get("k")
    match name:
        case "standard":
            return Plain(size=size, activation="relu")
        case "topk":
            return TopK(size=size, k=int(cast(float, k)), rectified=True)
        case "batchtopk" | "matryoshka_batchtopk":
            return BatchTopK(size=size, k=max(1, round(cast(float, k))))
        case "jumprelu":
            return JumpRelu(size=size)
        case "gated":
            return Gated(size=size)
    raise RunError(
        f"SAELens' architecture {name!r} can't be loaded. Known: standard, topk, batchtopk, matryoshka_batchtopk, "
        "jumprelu, gated."
    )


def _loaded(folder: Path, said: Mapping[str, Any], name: str, tensors: dict[str, Tensor]) -> Run:
    down, up = tensors["W_enc"], tensors["W_dec"]
    bias = tensors["b_gate"] if name == "gated" else tensors["b_enc"]
    if said.get("rescale_acts_by_decoder_norm"):
        norms = up.norm(dim=1)
        down, up, bias = down * norms, up / norms[:, None], bias * norms
    unit = bool((up.norm(dim=1) - 1).abs().max() < UNIT)
    code = _code(name, said, down.shape[1])
    penalties = (ActivationL1(weight="auto"),) if name == "standard" else ()
    centred = bool(said.get("apply_b_dec_to_input", True))
    blueprint = Blueprint(
        network=Dictionary(unit=unit, centred=centred),
        code=code,
        distance=Mse(link="identity"),
        penalties=penalties,
    )
    model = blueprint.build((down.shape[0],), remarks=False).eval()
    encoder, decoder = _layers(model)
    with torch.no_grad():
        for own, value in (
            (encoder.weight, down.T),
            (encoder.bias, bias),
            (decoder.weight, up.T),
            (decoder.bias, tensors["b_dec"]),
        ):
            own.copy_(value)
        _put(model.code_module, tensors)
    description = {"shape": [down.shape[0]], "source": str(folder), "scaling": model.scaling.to_json()}
    return Run(model=model, settings=Settings(), description=description)


def _put(module: nn.Module | None, tensors: Mapping[str, Tensor]) -> None:
    """Put the code's own weights."""
    if isinstance(module, Thresholds):
        module.log_threshold.copy_(tensors["threshold"].clamp(min=LEAST).log())
    elif isinstance(module, Threshold):
        module.threshold.copy_(tensors["topk_threshold"])
        module.batches.fill_(1)
    elif isinstance(module, Magnitudes):
        module.log_scale.copy_(tensors["r_mag"])
        module.bias.copy_(tensors["b_mag"] - tensors["r_mag"].exp() * tensors["b_gate"])


def _layers(model: Autoencoder) -> tuple[nn.Linear, nn.Linear]:
    return cast(nn.Linear, model.encoder.code), cast(nn.Linear, model.decoder.output)


def _centred(model: Autoencoder) -> bool:
    return cast(Dictionary, cast(Blueprint, model.blueprint).network).centred


@torch.no_grad()
def _folded(model: Autoencoder) -> dict[str, Tensor]:
    """W_enc, W_dec, b_enc and b_dec for raw activations, float32."""
    network = None if model.blueprint is None else model.blueprint.network
    if not isinstance(network, Dictionary) or model.input_shape != model.shape or model.corruption.damages:
        raise UseError(
            "SAELens has dictionaries only: one linear layer on each side, with one input. Give a run of a recipe "
            "such as 'topk', 'batch-topk' or 'jumprelu', without a corruption."
        )
    scaling = model.scaling
    if scaling.curve is not None or any(scaling.levels) or model.conditioning.classes or model.conditioning.mask:
        raise UseError("This model bends its columns, or has categories, labels or holes, which SAELens has not.")
    encoder, decoder = _layers(model)
    shift, scale = (
        torch.broadcast_to(value.cpu().double(), model.shape).flatten()
        for value in (scaling.exact_shift(), scaling.scale)
    )
    down = encoder.weight.double().cpu().T / scale[:, None]
    up = decoder.weight.double().cpu().T * scale
    bias, centre = encoder.bias.double().cpu(), decoder.bias.double().cpu() * scale + shift
    if not network.centred:
        bias = bias - shift @ down
    if scaling.scale.numel() == 1:  # then codes can be in raw units, and directions keep their norm
        down, bias, up = down * scale[0], bias * scale[0], up / scale[0]
    named = {"W_enc": down, "W_dec": up, "b_enc": bias, "b_dec": centre}
    return {name: value.float() for name, value in named.items()}


@torch.no_grad()
def _said(model: Autoencoder, tensors: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What the configuration says of the code, and the code's own weights."""
    code, module, size = model.code, model.code_module, tensors["W_enc"].shape[1]
    scale = float(model.scaling.scale) if model.scaling.scale.numel() == 1 else 1.0
    if isinstance(code, TopK) and code.rectified:
        return {"architecture": "topk", "k": code.count(size), "rescale_acts_by_decoder_norm": False}, {}
    if isinstance(module, Threshold):
        return {"architecture": "jumprelu"}, {"threshold": (module.threshold.cpu() * scale).expand(size).clone()}
    if isinstance(module, Thresholds):
        return {"architecture": "jumprelu"}, {"threshold": module.log_threshold.exp().cpu() * scale}
    if isinstance(module, Magnitudes):
        gate = tensors.pop("b_enc")
        r = module.log_scale.cpu()
        assert isinstance(code, Gated)
        assert code.threshold != "auto"
        return {"architecture": "gated"}, {
            "b_gate": gate - code.threshold * scale,
            "r_mag": r,
            "b_mag": module.bias.cpu() * scale + r.exp() * gate,
        }
    if isinstance(code, Plain) and code.activation == "relu":
        return {"architecture": "standard"}, {}
    raise UseError(f"SAELens has no code {code}. Use 'topk', 'batch-topk', 'jumprelu' or 'gated'.")
