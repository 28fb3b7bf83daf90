"""The command `serve`: what it refuses before it serves anything."""


def test_another_host_needs_a_token(isthmus, trained):
    said = isthmus("serve", trained, "--host", "0.0.0.0")
    assert said.code == 1
    assert "lets other machines reach the server" in said.err


def test_a_token_is_read_from_the_environment(isthmus, trained, monkeypatch):
    monkeypatch.setenv("ISTHMUS_TOKEN", "short")
    said = isthmus("serve", trained)
    assert said.code == 1
    assert "expected 16 or more printable characters" in said.err


def test_a_missing_package_is_named_with_its_command(isthmus, trained, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith("isthmus.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    said = isthmus("serve", trained)
    assert said.code == 1
    assert "Serving a run needs fastapi" in said.err
    assert "pip install 'isthmus[serve]'" in said.err
