"""Mapping: each way, the way back, how the map is judged, the page, every kind of data, wrong use."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus as ist
from isthmus.data import Samples
from isthmus.errors import DataError, UseError
from isthmus.measures.maps import MapQuality
from isthmus.pca import principal_components
from isthmus.shown import png_of
from isthmus.uses.map import behind_words, quality_words, section
from isthmus.uses.projections import project

CODES = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))


def test_what_cannot_be_mapped_is_refused_with_what_to_do_instead():
    with pytest.raises(UseError, match=r"has 6 latent dimensions, .* Choose way=tsne"):
        project(CODES, "code")
    with pytest.raises(DataError, match="3 samples with finite codes, too few"):
        project(CODES[:3])
    with pytest.raises(DataError, match="Did you mean 'tsne'"):
        project(CODES, "tsen")  # pyright: ignore[reportArgumentType]


def test_a_map_by_tsne_tells_labels_better_than_the_data_s_own_principal_plane(vae):
    found = ist.map_codes(vae, way="tsne")
    assert (found.quality.knn_accuracy or 0) > (found.beside.knn_accuracy or 1) + 0.1
    assert found.quality.trustworthiness > found.beside.trustworthiness
    assert found.plane is not None
    assert 0.2 < float(found.plane.shown.float().mean()) < 1  # places far from all samples are left empty


def test_the_rival_is_pca_of_the_data(vae):
    found = ist.map_codes(vae, way="pca", across=0)
    digits = vae.data.test.tensor().float().flatten(1) / 255
    from sklearn.manifold import trustworthiness

    plane = principal_components(Samples(digits), torch.Tensor.float, 2).encode(digits)
    assert found.beside.trustworthiness == pytest.approx(trustworthiness(digits, plane, n_neighbors=10), abs=1e-4)
    assert found.plane is None


def test_the_plane_is_what_the_decoder_makes_of_its_places(barely):
    run = barely("deep", ist.open_data("digits"), code=2)
    found = ist.map_codes(run, across=5)
    codes = run.encode(run.data.test)
    low, high = codes.amin(0), codes.amax(0)
    step = (high - low) / 5
    corner = low + step * torch.tensor([1.5, 0.5])  # the second of the lowest row
    assert found.plane is not None
    assert torch.allclose(found.plane.samples[1], run.decode(corner)[0], atol=1e-3)
    assert found.plane.extent == pytest.approx([float(end[i]) for i in (0, 1) for end in (low, high)])


def test_tables_series_and_codes_of_one_number_are_mapped_and_drawn(barely, tmp_path):
    table = pd.DataFrame({"a": np.arange(60.0), "b": -np.arange(60.0), "kind": list("uvw") * 20})
    waves = np.sin(np.linspace(0, 9, 40) + np.random.default_rng(0).uniform(0, 9, 60)[:, None]).astype(np.float32)
    runs = {
        "table": barely("table", ist.open_data(table, categorical="auto", test=0.3), code=2),
        "series": barely("series", ist.open_data(waves, kind="series", test=0.3), code=2),
        "pictures": barely("deep", ist.open_data("digits"), code=1),
    }
    for kind, run in runs.items():
        found = ist.map_codes(run, across=4)
        assert found.look.kind == kind
        assert found.draw().get_size_inches()[0] > 7
        found.write_page(tmp_path / f"{kind}.html")
        assert found.plane is not None
        assert (found.plane.across, found.plane.down) == (4, 1 if kind == "pictures" else 4)
    assert '"kind"' in (tmp_path / "table.html").read_text()


def test_a_quantised_code_is_mapped_without_a_plane_and_says_why(barely):
    found = ist.map_codes(barely("fsq", ist.open_data("digits"), code=8), way="pca")
    assert found.plane is None
    assert "quantised" in found.why_no_plane
    assert found.to_json()["plane"] == found.why_no_plane


def test_a_model_that_is_told_labels_decodes_each_place_with_that_of_the_nearest_sample(barely):
    run = barely("cvae", ist.open_data("digits"), code=2)
    found = ist.map_codes(run, across=3)
    assert found.plane is not None
    points = found.projection.points
    low, high = points.amin(0), points.amax(0)
    place = low + (high - low) / 3 * 0.5
    near = int((points - place).norm(dim=1).argmin())
    assert torch.allclose(found.plane.samples[0], run.decode(place, run.data.test.labels[[near]])[0], atol=1e-3)


def test_the_page_stands_by_itself_and_names_cannot_end_its_script(vae, tmp_path):
    samples = vae.data.test.take(range(40))
    named = Samples(
        samples.values, samples.labels, samples.label_names, tuple(f"</script>{i}" for i in range(40)), "pictures"
    )
    found = ist.map_codes(vae, named, way="pca")
    found.write_page(tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text()
    assert not re.search(r"(src|href)=|https?://|@import|fetch\(", page.replace('"url":"data:', ""))
    assert page.count("</script>") == 1
    data = json.loads(re.search(r"const data = (.*);\n", page)[1])  # pyright: ignore[reportOptionalSubscript]
    assert data["called"][3] == "</script>3"
    assert len(data["points"]) == len(data["labels"]) == 40
    assert data["sprites"]["url"].startswith("data:image/png;base64,")
    assert data["plane"]["extent"] == pytest.approx(list(found.plane.extent)) if found.plane else False


def test_all_is_json_and_the_report_shows_it(vae):
    found = json.loads(json.dumps(ist.map_codes(vae, way="pca").to_json()))
    assert len(found["points"]) == len(found["labels"]) == 180
    shown = section(vae)
    assert shown is not None
    assert "trustworthiness" in shown.words[0]


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (
            (0.9, 0.517),
            (0.8, 0.572),
            "in k-NN accuracy (0.572 against 0.517); this map is better in trustworthiness (0.900 against 0.800). Try",
        ),
        ((0.7, None), (0.8, None), "PCA's plane is better in trustworthiness (0.800 against 0.700). Try"),
        (
            (0.7, 0.5),
            (0.8, 0.6),
            "in trustworthiness (0.800 against 0.700) and k-NN accuracy (0.600 against 0.500).",
        ),
        ((0.9, 0.8), (0.8, 0.7), ""),
        ((0.795, None), (0.8, None), ""),
    ],
)
def test_map_that_is_worse_than_the_plane_of_pca_says_in_what(vae, ours, theirs, words):
    found = ist.map_codes(vae, way="pca", across=0, most=20)
    found = replace(found, quality=MapQuality(*ours), beside=MapQuality(*theirs))
    said = behind_words(found)
    assert words in said
    assert bool(words) == bool(said)
    assert quality_words(found).endswith(said)


def test_the_map_is_coloured_by_errors_columns_and_given_numbers(mixed):
    mixed, _ = mixed
    part, count = "train", len(mixed.open().train)
    found = ist.map_codes(mixed, way="pca", across=0, part=part, values={"mine": range(count)})
    names = [one.name for one in found.colourings]
    assert names[:2] == ["error", "mine"]
    assert set(names[2:]) == set(mixed.open().columns)
    for name in names[:2] + names[-2:]:
        assert png_of(found.draw(by=name))
    with pytest.raises(UseError, match="no such numbers"):
        found.draw(by="eror")
    with pytest.raises(DataError, match=r"shape \(2,\): expected"):
        ist.map_codes(mixed, way="pca", across=0, part=part, values={"mine": [1.0, 2.0]})
