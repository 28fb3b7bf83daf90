"""Addresses, of a file system in memory and of servers on this machine."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import fsspec
import pytest

from isthmus.data import open_data, read_samples, reopen
from isthmus.errors import DataError

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20))


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.pipe("/box/x.csv", CONTENT)
    system.pipe("/box/parts/1.csv", CONTENT)
    system.pipe("/box/parts/2.csv", CONTENT)
    system.pipe("/box/words.csv", b"a,b\n1,2\n3\n")
    yield system
    system.rm("/box", recursive=True)


def test_files_and_folders_at_an_address_are_read(memory):
    data = open_data("memory://box/x.csv")
    assert len(data) == 20
    assert data.description["source"] == "memory://box/x.csv"
    assert len(reopen(data.description)) == 20
    assert len(read_samples("memory://box/parts")) == 40


def test_messages_name_the_address(memory):
    with pytest.raises(DataError, match=r"^memory://box/words\.csv: .*has 1 values where 2 were expected"):
        open_data("memory://box/words.csv")
    with pytest.raises(DataError, match=r"memory://box/none\.csv does not exist"):
        open_data("memory://box/none.csv")
    with pytest.raises(DataError, match="more than max_bytes=50"):
        open_data("memory://box/x.csv", max_bytes=50)


def test_an_address_of_a_file_here_is_a_path(tmp_path):
    (tmp_path / "x.csv").write_bytes(CONTENT)
    assert open_data(f"file://{tmp_path}/x.csv").description["source"] == str(tmp_path / "x.csv")


@pytest.mark.parametrize(("address", "match"), [("abc://x/y.csv", "unknown scheme, 'abc'"), ("gs://x/y.csv", "gcsfs")])
def test_what_an_address_lacks_is_named(address, match):
    if address.startswith("gs") and fsspec.available_protocols() and _has("gcsfs"):
        pytest.skip("the package is installed")
    with pytest.raises(DataError, match=match):
        open_data(address)


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


class Serve(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path.startswith("/x.csv") else 404)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Serve) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_web_address_is_read(server):
    assert len(read_samples(f"{server}/x.csv?version=2")) == 20
    with pytest.raises(DataError, match=r"y\.csv does not exist"):
        read_samples(f"{server}/y.csv")


def test_a_server_that_sends_nothing_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/x.csv"
        with pytest.raises(DataError, match=r"x.csv has sent nothing for 0.2 seconds.*timeout="):
            open_data(address, timeout=0.2)
