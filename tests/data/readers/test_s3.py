"""S3, of a server on this machine."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pyarrow.fs import S3FileSystem
from typer.testing import CliRunner

from isthmus.cli.main import app
from isthmus.data import open_data, read_samples, reopen
from isthmus.errors import DataError

servers = pytest.importorskip("moto.server", reason="the server is not installed")
ROWS, FILES = 200, 3


@pytest.fixture(scope="module")
def bucket():
    """An address with a few shards."""
    server = servers.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        system = S3FileSystem(endpoint_override=f"http://{host}:{port}", allow_bucket_creation=True)
        system.create_dir("box")
        for number in range(FILES):
            values = np.random.default_rng(number).normal(size=(ROWS, 3)).astype(np.float32)
            with system.open_output_stream(f"box/rows/part-{number}.parquet") as file:
                pq.write_table(pa.table(list(values.T), list("abc")), file, 100)
        yield "s3://box/rows"
    server.stop()


def test_a_folder_on_s3_is_streamed_or_read_into_memory(bucket):
    whole, data = open_data(bucket), open_data(bucket, stream=True)
    assert whole.train.layout is None
    assert data.train.layout is not None
    assert len(data.train.layout.groups) >= 2 * FILES
    assert data.description["source"] == bucket
    assert torch.equal(data.train.tensor(), whole.train.tensor())
    assert torch.equal(reopen(data.description).train.tensor(), whole.train.tensor())
    assert len(read_samples(f"{bucket}/part-1.parquet")) == ROWS


def test_train_takes_an_address_on_s3(bucket, tmp_path):
    words = ["train", bucket, "--stream", "--set", "code=2", "--epochs", "1", "--quiet", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "model.json").exists()


def test_what_is_not_there_is_named(bucket):
    with pytest.raises(DataError, match=r"s3://box/none does not exist"):
        open_data("s3://box/none", stream=True)
