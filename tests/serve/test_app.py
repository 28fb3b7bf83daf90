"""The endpoints: their results are the run's own, and each mistake has one message."""

import asyncio
import io
import re
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import ipc
from starlette.testclient import TestClient

import isthmus as ist
from isthmus.errors import DataError
from isthmus.serve import Limits, make_app

from .conftest import HERE, PATIENT, frame

ARROW, NPY, PNG = "application/vnd.apache.arrow.stream", "application/x-npy", "image/png"
USES = ("encode", "reconstruct", "detect", "restore")


def stream(table, **options):
    memory = io.BytesIO()
    with ipc.new_stream(memory, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return memory.getvalue()


def as_npy(array):
    memory = io.BytesIO()
    np.save(memory, array)
    return memory.getvalue()


def as_png(picture):
    memory = io.BytesIO()
    Image.fromarray(picture).save(memory, "PNG")
    return memory.getvalue()


def sent(client, use, content, type, accept="*/*"):
    return client.post(f"/v1/{use}", content=content, headers={"content-type": type, "accept": accept})


def detail(answer, status):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    return answer.json()["detail"]


def served(run, limits=PATIENT, **words):
    return TestClient(make_app(run, limits=limits, **words), base_url=HERE, raise_server_exceptions=False)


def test_codes_are_those_of_the_run(client, run, rows):
    codes = client.post("/v1/encode", json={"rows": rows}).json()["codes"]
    np.testing.assert_allclose(codes, run.encode(frame(8, seed=1)).to_numpy(), rtol=1e-5, atol=1e-5)


def test_rows_by_name_and_in_order_are_the_same(client, rows):
    listed = [list(row.values()) for row in rows]
    by_name, in_order = (client.post("/v1/encode", json={"rows": given}).json() for given in (rows, listed))
    assert by_name == in_order


def test_a_reconstruction_has_the_columns_of_the_table(client, rows):
    made = client.post("/v1/reconstruct", json={"rows": rows}).json()["rows"]
    assert [list(row) for row in made] == [["a", "b", "colour", "when"]] * len(rows)
    assert {row["colour"] for row in made} <= {"red", "blue"}


def test_missing_cells_are_null_and_restoring_fills_them_and_keeps_the_others(client, rows):
    assert rows[3]["b"] is None
    made = client.post("/v1/restore", json={"rows": rows}).json()["rows"]
    assert made[3]["b"] is not None
    assert [row["a"] for row in made] == [row["a"] for row in rows]


def test_scores_are_those_of_the_detector_and_explained_on_request(client, run, rows):
    odd = [{**rows[0], "a": 50.0}, *rows]
    found = client.post("/v1/detect", params={"explain": "anomalous"}, json={"rows": odd}).json()
    detector = ist.detector(run)
    expected = detector.scores(run.read(frame(8, seed=1))).numpy()
    np.testing.assert_allclose(found["scores"][1:], expected, rtol=1e-5)
    assert found["threshold"] == detector.threshold
    assert found["anomalous"][0]
    assert found["explanations"][0]["reasons"][0]["column"] == "a"


def test_an_arrow_stream_is_answered_by_one_unless_another_type_is_wanted(client, rows):
    table = pa.Table.from_pandas(frame(8, seed=1), preserve_index=False)
    answer = sent(client, "reconstruct", stream(table), ARROW)
    assert answer.headers["content-type"] == ARROW
    assert ipc.open_stream(answer.content).read_all().column_names == ["a", "b", "colour", "when"]
    as_json = sent(client, "encode", stream(table, compression="zstd"), ARROW, accept="application/json").json()
    codes = client.post("/v1/encode", json={"rows": rows}).json()["codes"]
    np.testing.assert_allclose(as_json["codes"], codes, rtol=1e-5, atol=1e-5)
    as_array = np.load(io.BytesIO(sent(client, "encode", stream(table), ARROW, accept=NPY).content), allow_pickle=False)
    np.testing.assert_allclose(as_array, codes, rtol=1e-5, atol=1e-5)


def test_the_same_seed_draws_the_same_samples(client):
    draws = [client.post("/v1/sample", json={"count": 3, "way": "gaussian", "seed": 4}).json() for _ in range(2)]
    assert draws[0] == draws[1]
    assert len(draws[0]["rows"]) == 3


def test_a_model_without_a_prior_says_how_else_to_draw(client):
    assert "Choose way='mixture'" in detail(client.post("/v1/sample", json={}), 409)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"colour": "pink"},
            "Row 1, column 'colour': 'pink': the model does not know this category; it knows 'blue', 'red'.",
        ),
        ({"a": "2"}, "Row 1, column 'a': '2': expected a number or null."),
        ({"a": 10**400}, "Row 1, column 'a'"),
        ({"a": [1]}, "Row 1, column 'a': [1]: expected a number or null."),
        ({"colr": 1}, "Row 1 has the unknown column 'colr'. Did you mean 'colour'?"),
        ({"when": "yesterday"}, "Row 1, column 'when': 'yesterday': expected a date"),
    ],
)
def test_a_wrong_cell_or_column_is_named(client, rows, change, message):
    assert message in detail(client.post("/v1/encode", json={"rows": [rows[0], {**rows[1], **change}]}), 422)


def test_a_column_that_is_left_out_is_named(client, rows):
    few = {name: value for name, value in rows[0].items() if name != "b"}
    assert "Row 0 lacks the column 'b'" in detail(client.post("/v1/encode", json={"rows": [few]}), 422)
    assert "Row 0 has 1 values: expected 4" in detail(client.post("/v1/encode", json={"rows": [[1]]}), 422)


def test_unknown_columns_and_categories_of_an_arrow_stream_are_named(client):
    table = frame(3)
    more = pa.Table.from_pandas(table.assign(colr=1), preserve_index=False)
    assert "unknown column 'colr'" in detail(sent(client, "encode", stream(more), ARROW), 422)
    pink = pa.Table.from_pandas(table.assign(colour="pink"), preserve_index=False)
    assert "'pink': the model does not know" in detail(sent(client, "encode", stream(pink), ARROW), 422)


@pytest.mark.parametrize(
    ("content", "type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"rows": [{"a": NaN}]}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"rows": 1}', "application/json", 422),
        (b'{"rows": []}', "application/json", 422),
        (b'{"samples": [1]}', "application/json", 422),
        (b"", "application/json", 400),
        (b"a,b", "text/csv", 415),
        (b"nonsense", ARROW, 400),
        (b"nonsense", NPY, 400),
    ],
)
def test_a_body_that_is_no_samples_has_one_message(client, content, type, status):
    detail(sent(client, "encode", content, type), status)


def test_pickled_objects_are_never_read(client):
    memory = io.BytesIO()
    np.save(memory, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "Python objects" in detail(sent(client, "encode", memory.getvalue(), NPY), 400)


def test_an_unknown_parameter_or_accepted_type_is_named(client, rows):
    assert "'explian'" in detail(client.post("/v1/detect?explian=all", json={"rows": rows}), 422)
    assert "explain='some'" in detail(client.post("/v1/detect?explain=some", json={"rows": rows}), 422)
    assert "way: Input should be" in detail(client.post("/v1/sample", json={"way": "x"}), 422)
    assert "offered as application/json" in detail(
        client.post("/v1/encode", json={"rows": rows}, headers={"accept": "text/html"}), 406
    )


def test_a_column_of_nulls_that_claims_many_rows_is_refused_unread(client):
    table = pa.table({"a": pa.nulls(10**9)})
    assert "more than 10,000 rows" in detail(sent(client, "encode", stream(table), ARROW), 422)


def test_a_stream_that_unpacks_to_gigabytes_is_refused_unread(client):
    table = pa.table({"a": np.zeros(9000)})
    packed = bytearray(stream(table, compression="lz4"))
    place = packed.index(struct.pack("<q", 8 * 9000))  # the size that the buffer unpacks to
    packed[place : place + 8] = struct.pack("<q", 2**40)
    assert "unpacks to more than" in detail(sent(client, "encode", bytes(packed), ARROW), 413)


def test_more_rows_than_allowed_are_refused(run, rows):
    with served(run, limits=Limits(max_rows=4)) as client:
        assert "has 8 samples: expected at most 4" in detail(client.post("/v1/encode", json={"rows": rows}), 422)
        assert "expected at most 4" in detail(client.post("/v1/sample", json={"count": 5}), 422)


def test_a_body_of_two_gigabytes_is_refused_before_it_is_read(client):
    def body():
        raise AssertionError("the body was read")
        yield b""

    answer = client.post(
        "/v1/encode", content=body(), headers={"content-type": "application/json", "content-length": str(2 * 10**9)}
    )
    assert "larger than 67,108,864 bytes" in detail(answer, 413)
    assert answer.headers["connection"] == "close"


def test_a_body_of_unknown_length_is_refused_when_it_becomes_too_large(run):
    taken = []

    async def ask():
        app = make_app(run, limits=Limits(max_bytes=1000))
        answered = []

        async def receive():
            taken.append(1)
            return {"type": "http.request", "body": b" " * 300, "more_body": True}

        async def send(message):
            answered.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/v1/encode",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
        }
        await app(scope, receive, send)
        return answered[0]["status"]

    assert asyncio.run(ask()) == 413
    assert len(taken) == 4


def test_a_body_that_does_not_arrive_is_given_up(run):
    async def ask():
        app = make_app(run, limits=Limits(seconds=0.01))

        async def body():
            yield b"{"
            await asyncio.sleep(60)

        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.post("/v1/encode", content=body(), headers={"content-type": "application/json"})

    assert "did not arrive within 0.01 seconds" in detail(asyncio.run(ask()), 408)


def test_without_its_token_a_request_is_refused_but_health_is_answered(run, rows):
    token = "a-token-of-the-test"
    with served(run, token=token) as client:
        for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": token}):
            assert "token is missing or wrong" in detail(client.get("/v1/info", headers=header), 401)
        assert client.get("/v1/info", headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert client.get("/health").json() == {"status": "ok"}


def test_a_token_that_is_easily_guessed_is_refused(run):
    with pytest.raises(DataError, match="expected 16 or more"):
        make_app(run, token="secret")


def test_a_web_page_can_not_reach_the_server_by_a_name_of_its_own(client):
    assert "'evil.example' is not served" in detail(client.get("/v1/info", headers={"host": "evil.example"}), 421)


def test_requests_at_once_get_the_answers_that_they_get_alone(client, rows):
    alone = [client.post("/v1/reconstruct", json={"rows": [row]}).json()["rows"][0] for row in rows]
    with ThreadPoolExecutor(8) as threads:
        made = list(
            threads.map(lambda row: client.post("/v1/reconstruct", json={"rows": [row]}).json()["rows"][0], rows)
        )
    for one, other in zip(alone, made, strict=True):
        assert one["colour"] == other["colour"]
        np.testing.assert_allclose([one["a"], one["b"]], [other["a"], other["b"]], rtol=1e-4, atol=1e-5)


def test_the_page_of_the_endpoints_needs_no_other_server(client):
    page = client.get("/docs").text
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert len(addresses) == 3
    assert "://" not in page
    for address in addresses:
        assert client.get(address).status_code == 200, address
    assert client.get("/redoc").status_code == 404


def test_metrics_count_requests_and_rows(run, rows):
    with served(run) as client:
        client.post("/v1/encode", json={"rows": rows})
        client.post("/v1/encode", content=b"{", headers={"content-type": "application/json"})
        client.get("/secret/path")
        text = client.get("/metrics").text
    assert 'isthmus_rows_total{endpoint="/v1/encode"} 8.0' in text
    assert 'isthmus_requests_total{endpoint="/v1/encode",status="200"} 1.0' in text
    assert 'isthmus_requests_total{endpoint="/v1/encode",status="400"} 1.0' in text
    assert 'isthmus_requests_total{endpoint="other",status="404"} 1.0' in text
    assert "secret" not in text


def test_info_names_the_columns_and_the_limits(client):
    info = client.get("/v1/info").json()
    assert info["columns"][2] == {"name": "colour", "kind": "category", "categories": ["blue", "red"]}
    assert info["limits"]["rows"] == 10_000


def test_a_picture_comes_back_as_a_picture(pictures, denoiser):
    digit = denoiser.open().train.tensor()[0, 0].numpy()
    for use in ("reconstruct", "restore"):
        answer = sent(pictures, use, as_png(digit), PNG)
        assert answer.headers["content-type"] == PNG, answer.text
        assert Image.open(io.BytesIO(answer.content)).size == (8, 8)
    codes = sent(pictures, "encode", as_png(digit), PNG).json()["codes"]
    np.testing.assert_allclose(codes, denoiser.encode(digit[None, None]), rtol=1e-4, atol=1e-5)


def test_a_picture_of_any_size_is_restored(pictures):
    picture = np.random.default_rng(0).integers(0, 255, (20, 31), dtype=np.uint8)
    answer = sent(pictures, "restore", as_png(picture), PNG)
    assert Image.open(io.BytesIO(answer.content)).size == (31, 20)


def test_arrays_of_pictures_are_answered_by_arrays(pictures, denoiser):
    digits = denoiser.open().train.tensor()[:3]
    answer = sent(pictures, "reconstruct", as_npy(digits.numpy()), NPY)
    made = np.load(io.BytesIO(answer.content), allow_pickle=False)
    torch.testing.assert_close(torch.from_numpy(made), denoiser.reconstruct(digits), rtol=1e-4, atol=1e-3)
    listed = pictures.post("/v1/reconstruct", json={"samples": digits.tolist()}).json()["samples"]
    np.testing.assert_allclose(listed, made, rtol=1e-4, atol=1e-3)


def test_a_remark_reaches_only_the_request_that_it_is_about(pictures):
    dim = (np.ones((1, 8, 8)) * 0.5).tolist()
    remarks = pictures.post("/v1/encode", json={"samples": [dim]}).json()["remarks"]
    assert "multiply them by 255" in remarks[0]


def test_a_picture_of_another_size_is_explained(pictures):
    answer = sent(pictures, "encode", as_png(np.zeros((20, 20), np.uint8)), PNG)
    assert "expected (1, 8, 8)" in detail(answer, 422)


def test_a_model_that_restores_nothing_says_so():
    values = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    data = ist.open_data(values)
    run = ist.fit(ist.recipe("pca", code=1).build(data, remarks=False), data, progress=False)
    with served(run) as client:
        assert "can't restore anything" in detail(
            client.post("/v1/restore", json={"samples": values[:2].tolist()}), 409
        )
        assert "/v1/restore" not in client.get("/openapi.json").json()["paths"]
        made = client.post("/v1/reconstruct", json={"samples": values[:2].tolist()}).json()["samples"]
        np.testing.assert_allclose(made, run.reconstruct(values[:2]), rtol=1e-4, atol=1e-5)


def test_texts_are_answered_by_texts():
    data = ist.open_data(["an apple a day", "a pear a day", "apples and pears"] * 20, kind="text")
    run = ist.fit(
        ist.recipe("text-vae", code=2).build(data, remarks=False), data, epochs=1, progress=False, compile=False
    )
    with served(run) as client:
        made = client.post("/v1/reconstruct", json={"samples": ["a pear", "an apple"]}).json()["samples"]
        assert [type(text) for text in made] == [str, str]


def test_a_run_whose_data_are_gone_says_so_when_it_is_to_detect(run, rows, tmp_path):
    run.save(tmp_path / "run")
    with served(ist.load(tmp_path / "run")) as client:
        assert client.post("/v1/encode", json={"rows": rows}).status_code == 200
        assert "in memory" in detail(client.post("/v1/detect", json={"rows": rows}), 409)


def test_a_slow_answer_is_given_up_and_too_many_requests_are_refused(run, rows):
    async def ask():
        app = make_app(run, limits=Limits(seconds=0.2, max_requests=1))
        transport = httpx.ASGITransport(app)
        begun, free = threading.Event(), threading.Event()

        def waits(samples):
            begun.set()
            free.wait()
            return [RuntimeError("late")]

        answering = app.state.answering
        answering.encode = lambda several, label: waits(several)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            slow = asyncio.create_task(client.post("/v1/encode", json={"rows": rows}))
            await asyncio.to_thread(begun.wait)
            refused = await client.post("/v1/encode", json={"rows": rows})
            late = await slow
            free.set()
            return late, refused

    late, refused = asyncio.run(ask())
    assert "takes longer than 0.2 seconds" in detail(late, 504)
    assert "1 requests are running" in detail(refused, 503)
    assert refused.headers["retry-after"] == "1"


def test_recordings_keep_their_time_steps():
    steps = np.arange(400)
    values = np.stack([np.sin(steps / 5), np.cos(steps / 7)], 1).astype(np.float32)
    data = ist.open_data(values, window=16, kind="series")
    run = ist.fit(ist.recipe("pca", code=3).build(data, remarks=False), data, progress=False)
    with served(run) as client:
        made = client.post("/v1/reconstruct", json={"samples": values[:40].tolist()})
        assert made.status_code == 200, made.text
        assert len(next(iter(made.json().values()))) == 40
        found = client.post("/v1/detect", json={"samples": values[:40].tolist()}).json()
        assert len(found["names"]) == len(found["scores"])
