"""The source keeps to what Linux, macOS and Windows all have, or asks first: read here, for only one is at hand."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for folder in ("src", "tests", "examples") for path in (ROOT / folder).rglob("*.py"))


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


MODULES = {"fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "posix", "syslog", "crypt", "spwd", "readline"}
"""Modules that Windows has not."""
OS = words(
    """
    fork forkpty getuid geteuid getgid getegid getgroups getresuid setuid seteuid setgid setsid getsid getpgid
    getpgrp setpgid kill killpg mkfifo mknod nice getpriority setpriority chown lchown fchown chroot wait wait3
    wait4 waitid WIFEXITED WIFSIGNALED WEXITSTATUS WTERMSIG WNOHANG uname sync statvfs fstatvfs pread pwrite
    preadv pwritev readv writev posix_fallocate posix_fadvise posix_spawn sendfile openpty memfd_create
    eventfd register_at_fork getloadavg sysconf confstr pathconf ctermid ttyname setxattr getxattr
    copy_file_range splice pidfd_open sched_yield symlink sched_getaffinity sched_setaffinity
    sched_getscheduler O_NOFOLLOW O_NONBLOCK O_DIRECTORY O_CLOEXEC O_NOCTTY O_SYNC O_DSYNC O_DIRECT O_TMPFILE
    O_PATH
    """
)
"""Names of `os` that Windows has not; there, `kill` ends a process whatever the signal, and links are for few."""
SIGNALS = {"SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV"}
"""The signals that all systems have."""
ELSEWHERE = {
    "signal": words("alarm setitimer getitimer pause pthread_kill pthread_sigmask sigwait sigpending siginterrupt"),
    "select": {"poll", "epoll", "kqueue", "devpoll"},
    "time": {"tzset", "clock_gettime", "pthread_getcpuclockid"},
    "socket": {"AF_UNIX", "socketpair", "send_fds", "recv_fds"},
    "Path": {"symlink_to", "hardlink_to"},
}
SYSTEM_FILES = tuple(f"/{folder}/" for folder in ("dev", "proc", "sys", "tmp", "var", "usr"))
ASKED = ("sys.platform", "os.name", "platform.system", "hasattr(", "exists(", "is_dir()", "is_file()", "which(")
"""What a condition says that asks for the system, or for the thing itself, before it is used."""
MISSING = ("OSError", "FileNotFoundError")
CHILD = {"Popen", "run", "check_output", "check_call", "call"}


class Reader(ast.NodeVisitor):
    """Collects what one file uses without asking that not every system has, and texts without an encoding."""

    def __init__(self, tree: ast.Module, *, strict: bool) -> None:
        self.found: list[str] = []
        self.strict = strict
        self.marks = {
            ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign) and _asks(node)
        }
        self.asked = "pytestmark" in self.marks or any(map(_skips_without, tree.body))
        self.tried = False
        self.visit(tree)

    def visit(self, node: ast.AST) -> None:
        """Look at a node and at what is in it, under the conditions that stand above it."""
        before = self.asked, self.tried
        if isinstance(node, ast.match_case):
            self.asked |= node.guard is not None and _asks(node.guard)
        elif isinstance(node, ast.If | ast.IfExp):
            self.asked |= _asks(node.test)
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            self.asked |= any(map(_asks, node.values))
        elif isinstance(node, ast.Try):
            caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
            self.asked |= any(error in caught for error in ("ImportError", "ModuleNotFoundError", "AttributeError"))
            self.tried |= any(error in caught for error in MISSING)
        elif isinstance(node, ast.With):
            self.tried |= any("suppress" in ast.unparse(item) for item in node.items)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            marked = any(_asks(mark) or ast.unparse(mark) in self.marks for mark in node.decorator_list)
            self.asked |= marked or _skips(node.body)
        if not self.asked:
            for said in self._posix(node):
                self._tell(node, said)
        for said in self._texts(node) if self.strict else ():
            self._tell(node, said)
        self.generic_visit(node)
        self.asked, self.tried = before

    def _tell(self, node: ast.AST, said: str) -> None:
        self.found.append(f"line {getattr(node, 'lineno', 0)}: {said}")

    def _posix(self, node: ast.AST):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from [node.module] if node.module in MODULES else ()
            if node.module in {"os", "signal", *ELSEWHERE}:
                yield from (name.name for name in node.names if _alien(node.module, name.name))
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if _alien(owner, node.attr) or node.attr in ELSEWHERE["Path"]:
                yield f"{owner or '…'}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in {"preexec_fn", "pass_fds"}:
            yield node.arg
        elif isinstance(node, ast.Call) and _name(node.func) == "get_context" and node.args:
            if isinstance(node.args[0], ast.Constant) and node.args[0].value != "spawn":
                yield f"multiprocessing by {node.args[0].value}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not self.tried:
            yield from [node.value] if node.value.startswith(SYSTEM_FILES) else ()

    def _texts(self, node: ast.AST):
        """Files opened as text, whose encoding and line ends would be the system's."""
        if not isinstance(node, ast.Call):
            return
        name, given = _name(node.func), {word.arg for word in node.keywords}
        method = isinstance(node.func, ast.Attribute)
        mode = next((word.value for word in node.keywords if word.arg == "mode"), None)
        if mode is None and len(node.args) > (not method):
            mode = node.args[0 if method else 1]
        text = mode is None or (
            isinstance(mode, ast.Constant) and isinstance(mode.value, str) and "b" not in mode.value
        )
        writes = isinstance(mode, ast.Constant) and isinstance(mode.value, str) and bool(set(mode.value) & set("wax+"))
        if node.args and ast.unparse(node.args[0]) == "os.devnull":
            return
        if name == "open" and isinstance(node.func, ast.Name) and text and "encoding" not in given:
            yield "open without an encoding"
        elif name == "open" and writes and text and not {"encoding", "newline"} <= given:
            yield "a text is opened to write without an encoding and newline"
        elif method and name == "write_text" and not {"encoding", "newline"} <= given:
            yield "write_text without an encoding and newline"
        elif method and name == "read_text" and _owner(node) != "self" and "encoding" not in given and not node.args:
            yield "read_text without an encoding"
        elif name in CHILD and given & {"text", "universal_newlines"} and "encoding" not in given:
            yield f"{name} with text and without an encoding"


def _alien(module: str, name: str) -> bool:
    if module == "signal" and name.startswith("SIG") and name not in {"SIG_DFL", "SIG_IGN"}:
        return name not in SIGNALS
    return name in (OS if module == "os" else ELSEWHERE.get(module, ()))


def _asks(node: ast.AST) -> bool:
    words = ast.unparse(node)
    return any(word in words for word in ASKED)


def _skips_without(node: ast.stmt) -> bool:
    """Whether a file of tests is skipped as a whole without a module that not every system has."""
    return "importorskip" in ast.unparse(node) and _modules(node)


def _modules(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Constant) and part.value in MODULES for part in ast.walk(node))


def _skips(body: list[ast.stmt]) -> bool:
    """Whether it asks, and leaves the function or the test where the answer is no."""
    asking = (node for node in body if isinstance(node, ast.If) and _asks(node.test))
    return any(isinstance(node.body[0], ast.Return) or "skip" in ast.unparse(node.body[0]) for node in asking)


def _name(function: ast.AST) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _owner(call: ast.Call) -> str:
    return getattr(getattr(call.func, "value", None), "id", "")


def found_in(text: str, *, strict: bool = True) -> list[str]:
    return Reader(ast.parse(text), strict=strict).found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_what_every_system_has_is_used_without_asking(path):
    assert found_in(path.read_text(encoding="utf-8"), strict=ROOT / "src" in path.parents) == []


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl",
        "from resource import getrusage",
        "import os\nos.fork()",
        "import os\nos.kill(1, 2)",
        "import os\nif os.geteuid() == 0: pass",
        "import signal\nsignal.signal(signal.SIGUSR1, print)",
        "import signal\nsignal.alarm(3)",
        "from signal import SIGHUP",
        "import os\nos.sched_getaffinity(0)",
        "open('/dev/full', 'wb')",
        "import select\nselect.poll()",
        "path.symlink_to(other)",
        "subprocess.run(words, preexec_fn=print)",
        "multiprocessing.get_context('fork')",
        "open('x')",
        "path.write_text('x', encoding='utf-8')",
        "path.read_text()",
        "path.open('w', encoding='utf-8')",
        "subprocess.run(words, text=True)",
    ],
)
def test_what_not_every_system_has_is_found(text):
    assert found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None",
        "import os\nif hasattr(os, 'fork'):\n    os.fork()",
        "import os\nflags = getattr(os, 'O_NOFOLLOW', 0)",
        "PIPES = pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='')\n@PIPES\ndef test():\n    os.mkfifo('x')",
        "try:\n    Path('/proc/uptime').read_bytes()\nexcept OSError:\n    pass",
        "import os\n@pytest.mark.skipif(os.name != 'posix', reason='a pipe')\ndef test():\n    os.mkfifo('x')",
        "import sys\nsleep = 'caffeinate' if sys.platform == 'darwin' else os.nice(0) if hasattr(os, 'nice') else None",
        "import os\ndef alive():\n    if os.name != 'posix':\n        return True\n    os.kill(1, 0)",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "path.open('rb')",
        "path.write_text('x', encoding='utf-8', newline='\\n')",
    ],
)
def test_what_is_asked_for_first_is_fine(text):
    assert not found_in(text)
