"""The examples of an export: run in Python, in a real browser and, where onnxruntime's C++ package is, in C++."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import isthmus as ist

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WEB = Path(__file__).parents[2] / ".venv" / "web" / "node_modules"
"""In which npm has installed onnxruntime-web; `make` does where there is npm."""
NATIVE = Path(os.environ.get("ISTHMUS_ORT", "/usr"))
"""Where onnxruntime's C++ package is unpacked, with its folders include and lib."""
ALLOWED = 1e-5


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    """The encoder of a conditional model, which has two inputs, with its examples."""
    folder = tmp_path_factory.mktemp("examples") / "out"
    ist.export(trained("cvae"), folder, "encoder", example=True)
    return folder


def difference(text: str) -> float:
    found = re.search(r"largest difference: (\S+)", text)
    assert found is not None, text
    return float(found[1].partition("<")[0])


def test_each_example_has_about_fifteen_lines_of_its_own(folder):
    for suffix, most in {"py": 15, "js": 15, "cpp": 35}.items():
        lines = (folder / f"encoder.{suffix}").read_text().splitlines()
        assert len([line for line in lines if line.strip()]) <= most
        assert max(map(len, lines)) <= 120


def test_the_python_example_runs(folder):
    made = subprocess.run([sys.executable, "encoder.py"], cwd=folder, capture_output=True, text=True, check=True)
    assert difference(made.stdout) < ALLOWED


@pytest.mark.skipif(not (NATIVE / "include" / "onnxruntime_cxx_api.h").exists(), reason="no C++ package (ISTHMUS_ORT)")
def test_the_cpp_example_runs(folder):
    library = next((NATIVE / "lib").glob("libonnxruntime.so*"))
    words = [
        "-std=c++17",
        f"-I{NATIVE / 'include'}",
        "encoder.cpp",
        library,
        f"-Wl,-rpath,{library.parent}",
        "-o",
        "run",
    ]
    subprocess.run(["g++", *words], cwd=folder, check=True)
    made = subprocess.run(["./run"], cwd=folder, capture_output=True, text=True, check=True)
    assert difference(made.stdout) < ALLOWED


@pytest.mark.skipif(CHROMIUM is None, reason="there is no browser")
@pytest.mark.skipif(not (WEB / "onnxruntime-web").exists(), reason="no onnxruntime-web")
def test_the_javascript_example_runs_in_a_browser(folder):
    (folder / "node_modules").symlink_to(WEB)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
        page = f"http://127.0.0.1:{server.server_port}/encoder.html"
        made = subprocess.run([str(CHROMIUM), *words, page], capture_output=True, text=True, timeout=300, check=True)
        server.shutdown()
    assert difference(made.stdout) < ALLOWED


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word, and modules by their types."""

    extensions_map = {  # noqa: RUF012 as in the standard library
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format, *args):
        """Say nothing."""
