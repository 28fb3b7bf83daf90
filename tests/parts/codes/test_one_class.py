"""One-class codes: the centre follows in the pretraining and stays then, and nothing collapses."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import UseError
from isthmus.parts import Dense, OneClass
from isthmus.parts.codes.one_class import AWAY, Centre


def codes(count: int = 500) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2, 0.5]) + 4


def after(epochs: float, count: int) -> torch.Tensor:
    return torch.full((count,), epochs)


def test_the_centre_and_the_spread_are_the_mean_of_the_codes_and_their_mean_squared_distance():
    z, code = codes(), OneClass(pretraining=1)
    module = code.module((3,), torch.Generator())
    for rows in z.split(50):
        code.during(after(0.5, 50), rows, None, module)
    assert isinstance(module, Centre)
    torch.testing.assert_close(module.mean, z.mean(0), rtol=1e-5, atol=1e-5)
    assert float(module.spread) == pytest.approx(float((z - z.mean(0)).square().sum(1).mean()), rel=0.05)
    assert float(module.squares(z).mean()) == pytest.approx(1, rel=0.05)


def test_after_the_pretraining_the_centre_stays_and_the_loss_is_the_distance():
    z, code = codes(), OneClass(pretraining=1, reconstruction=0.25)
    module = code.module((3,), torch.Generator())
    before = code.during(after(0.0, 500), z, None, module)
    assert before.loss is not None
    assert before.weight is not None
    assert torch.equal(before.loss, torch.zeros(500))
    assert torch.equal(before.weight, torch.ones(500))
    kept = {name: value.clone() for name, value in module.state_dict().items()}
    now = code.during(after(1.0, 500), z + 1, None, module)
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in kept.items())
    away = (z + 1 - kept["mean"]).square().sum(1) / kept["spread"]
    assert now.loss is not None
    assert now.weight is not None
    torch.testing.assert_close(now.loss, away)
    assert torch.equal(now.weight, torch.full((500,), 0.25))
    module.eval()
    measured = code(z + 1, None, module)
    assert measured.loss is not None
    torch.testing.assert_close(measured.loss, away)
    assert torch.equal(measured.z, z + 1)


def test_a_share_of_the_samples_lies_outside_the_soft_boundary():
    z, code = codes(), OneClass(pretraining=0, outside=0.2)
    module = code.module((3,), torch.Generator())
    for _ in range(30):
        code.during(after(3.0, 500), z, None, module)
    found = code.during(None, z, None, module.eval())
    assert isinstance(module, Centre)
    away = module.squares(z)
    assert float((away > module.radius).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert found.loss is not None
    torch.testing.assert_close(found.loss, module.radius + (away - module.radius).clamp(min=0) / 0.2)


def test_the_centre_is_kept_away_from_0_which_an_encoder_without_biases_can_make():
    module = Centre(4)
    z = torch.randn(1000, 4, generator=torch.Generator().manual_seed(1))
    module.learn(z - z.mean(0) + torch.tensor([0.0, 1e-4, -1e-4, 3.0]), torch.ones(()))
    least = AWAY * float((module.spread / 4).sqrt())
    assert module.centre.abs()[:3].tolist() == pytest.approx([least] * 3)
    assert float(module.centre[2]) < 0 < float(module.centre[1])
    assert float(module.centre[3]) == pytest.approx(3, rel=1e-3)


def test_an_encoder_without_biases_maps_0_to_0_and_its_network_has_the_json_of_earlier_versions():
    network = Dense(widths=(5,), activation="leaky-relu", encoder_bias=False)
    model = ist.Blueprint(network=network, code=OneClass(size=2)).build((4,), remarks=False)
    assert not [name for name, _ in model.encoder.named_parameters() if name.endswith("bias")]
    assert torch.equal(model.encoder(torch.zeros(1, 4)), torch.zeros(1, 2))
    assert "encoder_bias" not in Dense().to_json()
    assert network.to_json()["encoder_bias"] is False


def test_anomalies_lie_further_from_the_centre_and_usual_codes_stay_different():
    draw = np.random.default_rng(0)
    plane = draw.normal(size=(2, 6))
    usual = (draw.normal(size=(400, 2)) @ plane).astype(np.float32)
    data = ist.open_data(usual, kind="table")
    model = ist.recipe("one-class", code=4, widths=(16,), pretraining=5).build(data, remarks=False)
    run = ist.fit(model, data, epochs=25, batch_size=40, learning_rate=0.01, compile=False, progress=False)
    detector = ist.detector(run)
    assert detector.by == "centre"
    odd = ((3 + draw.normal(size=(50, 2))) @ plane).astype(np.float32)
    scores, others = detector.scores(run.read(odd)), detector.scores(data.test)
    assert float(scores.median()) > 3 * float(others.median())
    assert run.history[-1]["validation_loss"] < run.history[0]["validation_loss"]
    assert float(run.encode(data.train).var(0).max()) > 0
    plain = ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)
    with pytest.raises(UseError, match="needs a one-class code"):
        ist.detector(plain, "centre")
