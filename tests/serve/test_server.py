"""A server as a process: it starts, answers, and finishes the running requests after SIGTERM."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from isthmus.errors import DataError, IsthmusError
from isthmus.serve import serve, serving


def post(address, rows):
    request = urllib.request.Request(
        f"{address}/v1/encode", json.dumps({"rows": rows}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_a_process_answers_and_ends_with_sigterm_after_the_running_request(run, rows, tmp_path):
    run.save(tmp_path / "run")
    command = [sys.executable, "-m", "isthmus", "serve", str(tmp_path / "run"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        assert len(post(address, rows)["codes"]) == len(rows)
        content = json.dumps({"rows": rows}).encode()
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            head = "POST /v1/encode HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            client.sendall(f"{head}Content-Length: {len(content)}\r\nExpect: 100-continue\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 100")  # the request is running
            server.send_signal(signal.SIGTERM)
            client.sendall(content)
            answer = b"".join(iter(lambda: client.recv(2**16), b""))
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert server.wait(60) == 0
        assert server.stderr is not None
        assert "Traceback" not in server.stderr.read()


def test_a_block_is_served_and_several_servers_do_not_mind_each_other(run, rows):
    with serving(run) as one, serving(run) as other:
        assert one != other
        assert post(one, rows) == post(other, rows)


def test_the_connection_of_a_body_of_two_gigabytes_is_closed_unread(run):
    with serving(run) as address, socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as client:
        head = "POST /v1/encode HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: 2000000000\r\n\r\n{{".encode())
        answer = b"".join(iter(lambda: client.recv(2**16), b""))  # until the server closes
    assert answer.startswith(b"HTTP/1.1 413")


def test_another_host_needs_a_token(run):
    with pytest.raises(DataError, match=r"host='0\.0\.0\.0' lets other machines reach the server"):
        serve(run, "0.0.0.0")


def test_a_taken_port_is_named(run):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(IsthmusError, match=f"Can't serve on 127.0.0.1, port {port}"):
            serve(run, port=port)
