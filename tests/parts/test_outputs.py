"""What the decoder's output means."""

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Bce, Conv, Grey, Hide, Identity, Mse, Output, PredictsResidual, PredictsSample, Shrink
from isthmus.parts.forward_pass import Corrupted


def test_a_sample_is_the_output_as_it_is():
    output = torch.rand(3, 2, 4)
    assert PredictsSample().complete(output, Corrupted(torch.rand(3, 2, 4)), Identity()) is output


def test_a_residual_is_added_to_the_input_laid_out_as_the_clean_sample_is():
    small, output = torch.rand(2, 1, 3, 3), torch.rand(2, 1, 6, 6)
    found = PredictsResidual().complete(output, Corrupted(small), Shrink())
    torch.testing.assert_close(found, output + Shrink().as_clean(small, (1, 6, 6)))


def test_draws_of_one_samples_code_share_its_input():
    values, output = torch.rand(2, 1, 4), torch.rand(6, 1, 4)
    found = PredictsResidual().complete(output, Corrupted(values), Identity())
    torch.testing.assert_close(found, output + torch.cat([values] * 3))


def test_what_is_observed_stays_as_it_is():
    values, observed = torch.rand(2, 1, 4), torch.tensor([[[True, False, True, False]]]).expand(2, 1, 4)
    output = torch.rand(2, 1, 4)
    found = PredictsResidual().complete(output, Corrupted(values.where(observed, 0), observed), Hide())
    torch.testing.assert_close(found, torch.where(observed, values, output))


def test_the_encoder_of_an_aligned_network_gets_its_input_enlarged():
    small = torch.rand(2, 1, 3, 3)
    assert PredictsSample().laid_out(small, (1, 6, 6), Shrink()) is small
    aligned = PredictsSample(aligned=True).laid_out(small, (1, 6, 6), Shrink())
    torch.testing.assert_close(aligned, Shrink().as_clean(small, (1, 6, 6)))
    built = ist.recipe("upscale", channels=(4, 4)).build((1, 8, 8), remarks=False)
    assert built.predicts == PredictsResidual(aligned=True)


def test_a_kind_is_named_by_a_word():
    assert Output.model_validate("residual") == PredictsResidual()
    assert ist.recipe("deep", predicts="residual").predicts == PredictsResidual()
    assert not ist.recipe("deep", predicts="residual").predicts.decodes


def test_an_output_that_cannot_be_added_to_the_input_is_refused():
    with pytest.raises(BlueprintError, match=r"predicts='residual' needs a decoder whose output is the sample itself"):
        ist.Blueprint(network=Conv(channels=(4,)), distance=Bce(), predicts=PredictsResidual()).build(
            (1, 8, 8), remarks=False
        )
    PredictsResidual().check((3, 8, 8), Grey(), Mse(link="identity"))
