"""A quota of cores is read from both versions of control groups."""

from pathlib import Path

import pytest

from isthmus import cores


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_cores_to_run_on", lambda: 8)


def system(root: Path, group: str, **files: str) -> Path:
    """A file system in which this process is in these groups; `files` are below /sys/fs/cgroup, `__` for a slash."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    for name, text in files.items():
        file = root / "sys/fs/cgroup" / name.replace("__", "/").replace("cpu_max", "cpu.max").replace("cfs", "cpu.cfs")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize(
    ("quota", "granted"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", None), ("900000 100000", None)],
)
def test_a_quota_of_version_two_is_rounded_up_to_whole_cores(tmp_path: Path, quota: str, granted: int | None) -> None:
    assert cores.granted_cores(system(tmp_path, "0::/\n", cpu_max=f"{quota}\n")) == granted


def test_the_smallest_quota_of_all_groups_above_counts(tmp_path: Path) -> None:
    files = {"a__cpu_max": "300000 100000\n", "a__b__cpu_max": "max 100000\n", "cpu_max": "500000 100000\n"}
    assert cores.granted_cores(system(tmp_path, "0::/a/b\n", **files)) == 3


@pytest.mark.parametrize(("quota", "granted"), [("400000", 4), ("-1", None)])
def test_a_quota_of_version_one_is_found_though_the_container_does_not_see_its_group(
    tmp_path: Path, quota: str, granted: int | None
) -> None:
    files = {"cpu,cpuacct__cfs_quota_us": f"{quota}\n", "cpu,cpuacct__cfs_period_us": "100000\n"}
    groups = "5:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n"
    assert cores.granted_cores(system(tmp_path, groups, **files)) == granted


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert cores.granted_cores(tmp_path) is None


def test_a_command_takes_as_many_threads_as_the_quota_has_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "granted_cores", lambda: 3)
    untouched, set_by_the_user = {}, {"OMP_NUM_THREADS": "5"}
    cores.keep_to_quota(untouched)
    cores.keep_to_quota(set_by_the_user)
    assert (untouched, set_by_the_user) == ({"OMP_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "5"})
