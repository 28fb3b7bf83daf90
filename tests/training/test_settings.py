"""Settings are checked in words, and schedules follow their formulas."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import BlueprintError, TrainingError
from isthmus.training.settings import Settings, find_batch_size, find_device, learning_rate_at, learning_rate_factor

SCHEDULES = ["constant", "cosine", "linear", "exponential", "step"]


@pytest.mark.parametrize("short", ["bf16", "bfloat16"])
def test_precision_has_a_short_name(short: str) -> None:
    assert Settings.from_json({"precision": short}).precision == "bfloat16"


def test_settings_survive_json() -> None:
    settings = Settings(epochs=3, clip=1.0, patience=4, precision="bfloat16", compile=True)
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
        ({"optimiser": "adm"}, "'adam'"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": -1}, "above 0"),
        ({"batch_size": "many"}, "batch_size"),
        ({"precision": "float16"}, "bfloat16"),
    ],
)
def test_wrong_setting_is_said_in_one_line(wrong: dict, words: str) -> None:
    with pytest.raises(BlueprintError, match=words) as caught:
        Settings(**wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(a=st.floats(0, 1), b=st.floats(0, 1))
def test_schedules_start_at_one_and_never_rise(schedule: str, a: float, b: float) -> None:
    assert learning_rate_factor(schedule, 0.0) == 1.0
    low, high = sorted((a, b))
    assert 0 <= learning_rate_factor(schedule, high) <= learning_rate_factor(schedule, low) <= 1


def test_cosine_is_half_way_down_in_the_middle() -> None:
    assert learning_rate_factor("cosine", 0.5) == pytest.approx(0.5)
    assert learning_rate_factor("exponential", 0.5) == pytest.approx(math.sqrt(0.01))


def test_warm_up_grows_in_a_straight_line_to_the_rate() -> None:
    settings = Settings(epochs=10, learning_rate=0.1, warmup=2)
    rates = [learning_rate_at(settings, step, steps_per_epoch=5) for step in range(12)]
    assert rates[:10] == pytest.approx([0.01 * (step + 1) for step in range(10)])
    assert rates[10:] == [0.1, 0.1]


@pytest.mark.parametrize(("samples", "size"), [(1, 16), (1437, 16), (8000, 64), (16384, 256), (60000, 256)])
def test_automatic_batch_leaves_some_sixty_four_steps_an_epoch(samples: int, size: int) -> None:
    assert find_batch_size(Settings(), samples) == size
    assert find_batch_size(Settings(batch_size=7), samples) == 7


def test_device_is_found_or_named() -> None:
    assert find_device("cpu") == torch.device("cpu")
    assert find_device("auto") == (torch.accelerator.current_accelerator() or torch.device("cpu"))
    with pytest.raises(TrainingError, match="no device 'gpu'"):
        find_device("gpu")
