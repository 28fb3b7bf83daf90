"""The image of the server: its Dockerfile passes hadolint, and runs as a user without rights."""

import re
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).parents[2] / "docker" / "serve" / "Dockerfile"


def test_the_dockerfile_passes_hadolint():
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, FILE], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_image_runs_as_a_user_without_rights_and_checks_its_health():
    lines = FILE.read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001"]
    assert lines.index("USER 10001") < next(place for place, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    assert re.search(r"HEALTHCHECK.*/health", FILE.read_text(), re.DOTALL)
