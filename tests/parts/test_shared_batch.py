"""Parts of a batch that several processes share: here all of them run in this one, one after the other."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.parts.shared_batch import Share, normalised_together, own, sharing, total, weighed, whole, whole_count

COUNTS = (3, 2, 4)


class Meeting:
    """Sums over threads, each of which stands for a process."""

    def __init__(self, size: int) -> None:
        self.barrier, self.given = threading.Barrier(size), [torch.zeros(0)] * size

    def add(self, rank: int) -> Callable[[Tensor], Tensor]:
        def summed(tensor: Tensor) -> Tensor:
            self.given[rank] = tensor.clone()
            self.barrier.wait()
            tensor.copy_(torch.stack(self.given).sum(0).to(tensor.dtype))
            self.barrier.wait()
            return tensor

        return summed


def by_all(work: Callable[[int], Any]) -> list[Any]:
    """What each process makes of its share of a batch of nine samples."""
    meeting, results, begin, threads = Meeting(len(COUNTS)), [None] * len(COUNTS), 0, []
    for rank, size in enumerate(COUNTS):
        share = Share(begin, begin + size, sum(COUNTS), size / sum(COUNTS), meeting.add(rank))
        begin += size

        def run(rank: int = rank, share: Share = share) -> None:
            with sharing(share):
                results[rank] = work(rank)

        threads.append(threading.Thread(target=run))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


BATCH = torch.randn(9, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_alone_nothing_is_gathered():
    assert whole(BATCH) is BATCH
    assert total(BATCH) is BATCH
    assert own(BATCH) is BATCH
    assert weighed(BATCH) is BATCH
    assert whole_count(7) == 7


def test_each_process_sees_the_whole_batch_in_its_order():
    for found in by_all(lambda rank: (whole(own(BATCH)), whole_count(len(own(BATCH))))):
        assert torch.equal(found[0], BATCH)
        assert found[1] == 9


def test_several_draws_of_each_sample_stay_draw_by_draw():
    draws = torch.stack([BATCH, 2 * BATCH])
    for found in by_all(lambda rank: whole(torch.cat([own(BATCH), 2 * own(BATCH)]))):
        assert torch.equal(found.view(2, 9, 4), draws)


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.int64, torch.bfloat16])
def test_values_of_every_type_come_through(kind):
    values = (BATCH > 0).to(kind)
    for found in by_all(lambda rank: whole(own(values))):
        assert found.dtype == kind
        assert torch.equal(found, values)


def spread(x: Tensor) -> Tensor:
    """Something of the whole batch that no sample decides alone."""
    return (x - x.mean(0)).pow(4).mean().sqrt() + x.var(0).log().sum()


def test_the_gradients_of_all_processes_are_those_of_the_whole_batch():
    x = BATCH.clone().requires_grad_()
    (expected,) = torch.autograd.grad(spread(x), x)

    def gradient(rank: int) -> Tensor:
        here = own(BATCH).clone().requires_grad_()
        return torch.autograd.grad(weighed(spread(whole(here))), here)[0]

    torch.testing.assert_close(torch.cat(by_all(gradient)), expected)


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("affine", [True, False])
def test_normalised_together_values_running_means_and_gradients_are_those_of_the_whole_batch(momentum, affine):
    def layer() -> nn.BatchNorm1d:
        made = nn.BatchNorm1d(4, momentum=momentum, affine=affine).double()
        if affine:
            nn.init.constant_(made.weight, 1.5)
        return made

    alone, x = layer(), BATCH.clone().requires_grad_()
    value = alone(x)
    (expected,) = torch.autograd.grad(value.pow(3).mean(), x)

    def one(rank: int) -> Any:
        here, own_layer = own(BATCH).clone().requires_grad_(), layer()
        with normalised_together(own_layer):
            made = own_layer(here)
        assert "forward" not in vars(own_layer)
        return made, torch.autograd.grad(weighed(made.pow(3).mean()), here)[0], own_layer

    found = by_all(one)
    torch.testing.assert_close(torch.cat([made for made, _, _ in found]), value)
    torch.testing.assert_close(torch.cat([slope for _, slope, _ in found]), expected)
    for _, _, own_layer in found:
        torch.testing.assert_close(own_layer.running_mean, alone.running_mean)
        torch.testing.assert_close(own_layer.running_var, alone.running_var)
        assert own_layer.num_batches_tracked == 1


def test_pictures_are_normalised_over_their_pixels_too():
    pictures = torch.randn(9, 4, 3, 2, generator=torch.Generator().manual_seed(2))
    expected = nn.BatchNorm2d(4)(pictures)

    def one(rank: int) -> Tensor:
        layer = nn.BatchNorm2d(4)
        with normalised_together(layer):
            return layer(own(pictures))

    torch.testing.assert_close(torch.cat(by_all(one)), expected)


def test_at_rest_batch_normalisation_takes_its_running_means():
    layer = nn.BatchNorm1d(4).double().eval()

    def one(rank: int) -> Tensor:
        with normalised_together(layer):
            return layer(own(BATCH))

    (first, *_) = [one(0)]
    torch.testing.assert_close(first, layer(BATCH))
