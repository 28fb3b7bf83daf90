"""Codes of dictionaries: which latent dimensions are active, against NumPy, and the papers' gradients."""

from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import BatchTopK, Gated, JumpRelu, TopK

SEEDED = torch.Generator().manual_seed(0)


def features(count=7, size=11):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(3))


def module_of(code, size=11) -> Any:
    made = code.module((size,), SEEDED)
    assert made is not None
    return made


def test_a_rectified_top_k_keeps_the_largest_positive_features():
    given = features()
    kept = TopK(size=11, k=4, rectified=True)(given).z.numpy()
    for row, made in zip(given.numpy(), kept, strict=True):
        expected = np.zeros_like(row)
        for place in np.argsort(-row)[:4]:
            expected[place] = max(0.0, row[place])
        np.testing.assert_array_equal(made, expected)


def test_a_batch_top_k_keeps_the_largest_of_all_samples_together():
    code = BatchTopK(size=11, k=3)
    given = features()
    z = code(given, None, module_of(code)).z.numpy()
    least = np.sort(given.numpy().ravel())[-3 * 7]
    np.testing.assert_array_equal(z, np.where(given.numpy() >= max(least, 0), given.numpy().clip(0), 0))
    assert (z != 0).sum() == 3 * 7
    assert len(set((z != 0).sum(1).tolist())) > 1, "samples have different numbers of active units"


def test_after_training_a_sample_does_not_depend_on_its_batch():
    code = BatchTopK(size=11, k=3)
    module = module_of(code)
    code(features(), None, module)
    module.eval()
    whole = code(features(), None, module).z
    torch.testing.assert_close(torch.cat([code(row[None], None, module).z for row in features()]), whole)


def test_the_threshold_is_the_mean_of_the_smallest_kept_feature_at_first_and_then_decays():
    code = BatchTopK(size=11, k=3, decay=0.6)
    module, found = module_of(code), []
    for seed in range(4):
        given = torch.randn(7, 11, generator=torch.Generator().manual_seed(seed))
        z = code(given, None, module).z
        found.append(float(z[z > 0].min()))
        if seed < 2:
            assert float(module.threshold) == pytest.approx(np.mean(found), rel=1e-6)
    expected = np.mean(found[:2])
    for least in found[2:]:
        expected += 0.4 * (least - expected)
    assert float(module.threshold) == pytest.approx(expected, rel=1e-6)
    assert float(module.batches) == 4


def test_a_batch_without_positive_features_leaves_the_threshold():
    code = BatchTopK(size=11, k=3)
    module = module_of(code)
    code(features(), None, module)
    before = float(module.threshold)
    assert not code(-features().abs(), None, module).z.any()
    assert (float(module.threshold), float(module.batches)) == (before, 1)


@pytest.mark.parametrize("code", [TopK(size=11, k=12), BatchTopK(size=11, k=12)])
def test_more_units_than_the_code_has_are_refused(code):
    with pytest.raises(BlueprintError, match="k=12 is larger than the code"):
        code.check((11,))


def test_a_jump_relu_keeps_what_exceeds_its_threshold():
    code = JumpRelu(size=11, threshold=0.3)
    given = features()
    made = code(given, None, module_of(code))
    torch.testing.assert_close(made.z, torch.where(given > 0.3, given, 0.0))
    torch.testing.assert_close(made.gates, given - 0.3)
    evaluated = code(given, None, module_of(code).eval())
    torch.testing.assert_close(evaluated.z, made.z)


def test_the_gradients_of_a_jump_relu_are_the_papers():
    code = JumpRelu(size=11, threshold=0.3, bandwidth=0.8)
    module = module_of(code)
    given = features().requires_grad_()
    slope = torch.randn(7, 11, generator=torch.Generator().manual_seed(5))
    by_features, by_log = torch.autograd.grad(
        (code(given, None, module).z * slope).sum(), [given, module.log_threshold]
    )
    theta, f = 0.3, given.detach()
    inside = ((f - theta).abs() / 0.8 < 0.5).float()
    by_theta = (-(theta / 0.8) * inside * slope).sum(0)
    torch.testing.assert_close(by_log, by_theta * theta)  # of a logarithm
    torch.testing.assert_close(by_features, (f > theta) * slope)


def test_a_gated_code_is_the_papers():
    code = Gated(size=11)
    module = module_of(code)
    generator = torch.Generator().manual_seed(6)
    weight, beta, r, own = (torch.randn(size, generator=generator) for size in ((11, 5), (11,), (11,), (11,)))
    x = torch.randn(7, 5, generator=generator)
    with torch.no_grad():
        module.log_scale.copy_(r)
        module.bias.copy_(own - r.exp() * beta)
    pi = x @ weight.T + beta
    expected = (pi > 0) * torch.relu(x @ (r.exp()[:, None] * weight).T + own)
    torch.testing.assert_close(code(pi, None, module).z, expected)


def test_the_gates_of_a_recipe_begin_at_the_size_from_which_an_activation_pays():
    scale = 0.5
    rows = scale * torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    data = ist.open_data(rows, scaling="none", validation=0, test=0)
    model = ist.recipe("gated", code=24).build(data, remarks=False)
    code: Any = model.code
    theta = code.threshold
    assert theta == pytest.approx(1.5 * scale, rel=0.1)
    out = model(data.train.batch(torch.arange(200)))
    torch.testing.assert_close(out.code.gates, out.layers["encoder.code"] - theta)
    torch.testing.assert_close(out.code.z, out.layers["encoder.code"] * (out.layers["encoder.code"] > theta))
    penalty = model.objective.penalties[0]
    assert penalty.weight * 6 == pytest.approx(2 * theta, rel=0.01), "and the penalty's price is twice that"
    assert "threshold" not in Gated(size=11).to_json(), "older models keep their fingerprint"
