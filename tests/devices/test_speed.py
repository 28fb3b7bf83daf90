"""The benchmark of a GPU runs on any device in its quick form, and says which goals it has met."""

import torch
from benchmarks.speed import accelerator

FOUND = torch.accelerator.current_accelerator()


def test_it_compares_the_loops_and_names_the_goals(capsys):
    accelerator.main(["--quick", "--networks", "deep,vae,conv"])
    said = capsys.readouterr().out
    assert FOUND is not None
    for name in ("deep", "vae", "conv"):
        for loop in ("plain captured", "isthmus float32", "isthmus bfloat16", "textbook"):
            assert any(line.startswith(name) and loop in line for line in said.splitlines())
        for goal in ("float32 / plain captured", "bfloat16 / float32"):
            assert f"    {name} 64: {goal}: " in said
    assert "goals are met" in said or "Missed: " in said
