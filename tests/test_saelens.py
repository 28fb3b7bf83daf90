"""SAELens' folders: what is written is loaded again with the same codes, and its formulas give them, too."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import isthmus as ist
from isthmus.parts import ActivationL1, Dictionary, Mse, Plain, TopK

STANDARD = ist.Blueprint(
    network=Dictionary(),
    code=Plain(size=12, activation="relu"),
    distance=Mse(link="identity"),
    penalties=(ActivationL1(),),
)
RECIPES: dict[str, dict[str, Any]] = {
    "topk": {"k": 3},
    "batch-topk": {"k": 3},
    "matryoshka": {"k": 3},
    "jumprelu": {"threshold": 0.4},
    "gated": {},
    "standard": {},
}
ROWS = np.random.default_rng(0).normal(2, 3, size=(200, 6)).astype(np.float32)


def trained(name, **options):
    scaling = options.pop("scaling", "rms")
    data = ist.open_data(ROWS, scaling=scaling)
    blueprint = STANDARD if name == "standard" else ist.recipe(name, code=12, **RECIPES[name])
    return ist.fit(blueprint.with_options(**options).build(data, remarks=False), data, epochs=2, progress=False)


def by_formula(folder, x):
    """SAELens' codes and reconstructions, from its files."""
    said, w = json.loads((folder / "cfg.json").read_text()), load_file(folder / "sae_weights.safetensors")
    given = x - w["b_dec"] if said["apply_b_dec_to_input"] else x
    if said["architecture"] == "gated":
        pi = given @ w["W_enc"] + w["b_gate"]
        z = (pi > 0) * torch.relu(given @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"])
    else:
        z = given @ w["W_enc"] + w["b_enc"]
        if said["architecture"] == "topk":
            kept = z.topk(said["k"])
            z = torch.zeros_like(z).scatter(1, kept.indices, kept.values.relu())
        elif said["architecture"] == "jumprelu":
            z = z.relu() * (z > w["threshold"])
        else:
            z = z.relu()
    return z, z @ w["W_dec"] + w["b_dec"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_folder_gives_the_same_codes_and_reconstructions_again(name, tmp_path):
    run, x = trained(name), torch.from_numpy(ROWS)
    folder = ist.save_saelens(run, tmp_path / "sae", hook_name="blocks.0")
    again = ist.load_saelens(folder)
    scale = float(run.model.scaling.scale)
    near: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(again.encode(x), run.encode(x) * scale, **near)
    torch.testing.assert_close(again.reconstruct(x), run.reconstruct(x), **near)
    z, made = by_formula(folder, x)
    torch.testing.assert_close(z, run.encode(x) * scale, **near)
    torch.testing.assert_close(made, run.reconstruct(x), **near)
    said, weights = json.loads((folder / "cfg.json").read_text()), load_file(folder / "sae_weights.safetensors")
    assert (said["d_in"], said["d_sae"], said["metadata"]) == (6, 12, {"hook_name": "blocks.0"})
    assert (weights["W_enc"].shape, weights["W_dec"].shape) == ((6, 12), (12, 6))
    torch.testing.assert_close(weights["W_dec"].norm(dim=1), torch.ones(12))
    twice = ist.save_saelens(again, tmp_path / "twice")
    for key, value in load_file(twice / "sae_weights.safetensors").items():
        torch.testing.assert_close(value, weights[key], **near)


@pytest.mark.parametrize("centred", [True, False])
def test_a_scaling_of_each_column_becomes_a_part_of_the_weights(centred, tmp_path):
    run, x = trained("jumprelu", scaling="standardise", centred=centred), torch.from_numpy(ROWS)
    z, made = by_formula(ist.save_saelens(run, tmp_path), x)
    torch.testing.assert_close(z, run.encode(x), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(made, run.reconstruct(x), rtol=1e-4, atol=1e-4)


def test_norms_that_rescale_activations_become_a_part_of_the_weights(tmp_path):
    generator = torch.Generator().manual_seed(1)
    sizes = {"W_enc": (6, 12), "W_dec": (12, 6), "b_enc": (12,), "b_dec": (6,)}
    w = {name: torch.randn(size, generator=generator) for name, size in sizes.items()}
    save_file(w, tmp_path / "sae_weights.safetensors")
    said = {"architecture": "topk", "k": 3, "rescale_acts_by_decoder_norm": True, "d_in": 6, "d_sae": 12}
    (tmp_path / "cfg.json").write_text(json.dumps(said))
    run, x = ist.load_saelens(tmp_path), torch.from_numpy(ROWS)
    norms = w["W_dec"].norm(dim=1)
    kept = (((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]) * norms).topk(3)
    z = torch.zeros(len(x), 12).scatter(1, kept.indices, kept.values.relu())
    torch.testing.assert_close(run.encode(x), z, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(run.reconstruct(x), (z / norms) @ w["W_dec"] + w["b_dec"], rtol=1e-4, atol=1e-4)
    again = ist.load(run.save(tmp_path / "run"))
    torch.testing.assert_close(again.encode(x), z, rtol=1e-4, atol=1e-4)


def test_older_configurations_name_top_k_as_an_activation_function(tmp_path):
    run = trained("topk")
    said = json.loads((ist.save_saelens(run, tmp_path) / "cfg.json").read_text())
    del said["architecture"], said["k"]
    (tmp_path / "cfg.json").write_text(
        json.dumps(said | {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}})
    )
    code = ist.load_saelens(tmp_path).model.code
    assert isinstance(code, TopK)
    assert (code.k, code.rectified) == (3, True)


def test_what_can_not_be_loaded_or_written_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(ist.IsthmusError, match=r"has no cfg\.json"):
        ist.load_saelens(tmp_path)
    folder = ist.save_saelens(trained("topk"), tmp_path / "sae")
    said = json.loads((folder / "cfg.json").read_text())
    for changed, words in (
        ({"architecture": "temporal"}, "'temporal' can't be loaded"),
        ({"normalize_activations": "layer_norm"}, "normalises each activation"),
        ({"architecture": "gated"}, "no gated autoencoder"),
    ):
        (folder / "cfg.json").write_text(json.dumps(said | changed))
        with pytest.raises(ist.IsthmusError, match=words):
            ist.load_saelens(folder)
    (folder / "sae_weights.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ist.IsthmusError, match="damaged"):
        ist.load_saelens(folder)
    data = ist.open_data(ROWS)
    deep = ist.fit(ist.recipe("deep", code=2).build(data), data, epochs=1, progress=False)
    with pytest.raises(ist.IsthmusError, match="dictionaries only"):
        ist.save_saelens(deep, tmp_path / "deep")
