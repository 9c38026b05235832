"""The project's frame: what a fresh clone holds, and that README, Makefile and the check of a clean clone agree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import core
from core.runtime.config_file import load_config

ROOT = Path(__file__).parent.parent


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def project_files() -> list[Path]:
    """What git tracks or would track; without git (an unpacked archive), everything that is no set-up's product."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        made = {".venv", ".git", "__pycache__", "build", "dist"}
        paths = [p for p in ROOT.rglob("*") if not made & set(p.relative_to(ROOT).parts)]
    return sorted(p for p in paths if p.is_file() and ".egg-info" not in str(p))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))


# --- what goes into the clone ------------------------------------------------------------------------------------------


def joined(*parts: str) -> str:
    """Spelt in pieces, or this file would be the first to name what no file may name."""
    return "".join(parts)


FORBIDDEN = {
    "a package registry": joined(
        r"\bpy", r"pi\.org|python", r"hosted\.org|npm", r"js\.org|crates", r"\.io|proxy\.go", r"lang"
    ),
    "a path of one machine": joined(r"(?<![\w.$~)}-])/(?:wo", r"rk|ro", r"ot|tm", r"p|op", r"t)/[\w.]"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what):
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in project_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line.strip()[:100]}"
            for n, line in enumerate(lines, 1)
            if pattern.search(line)
        ]
    assert not found, "\n".join(found)


def test_the_patterns_above_find_what_they_are_for():
    registry, machine = (re.compile(p) for p in FORBIDDEN.values())
    assert registry.search(joined("https://py", "pi.org/simple"))
    assert machine.search(joined('"/ro', 'ot/x"'))
    assert not machine.search("a network/root of things")


# --- requirements.lock --------------------------------------------------------------------------------------------------


def locked() -> dict[str, tuple[str, int]]:
    """Package -> locked version and number of hashes."""
    entries: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"(?<!\\)\n", text("requirements.lock")):
        if entry.strip() and not entry.lstrip().startswith("#"):
            match = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", entry)
            assert match, f"not one package with one version: {entry[:80]!r}"
            entries[canonical(match[1])] = (match[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)))
    return entries


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_locked_package_has_one_version_and_hashes():
    entries = locked()
    assert entries
    assert not [name for name, (_, hashes) in entries.items() if not hashes]


def test_the_lock_names_no_index_and_no_address():
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted-host| @ ", text("requirements.lock"))


def test_everything_asked_for_is_locked():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {canonical(re.split(r"[<>=!~;\[ ]", line)[0]) for line in asked}
    assert names <= set(locked())


# --- commands -------------------------------------------------------------------------------------------------------------


def test_the_check_of_a_clean_clone_is_make_test_and_nothing_else():
    path = ROOT / ".ci" / "run"
    assert os.access(path, os.X_OK)
    lines = [line for line in text(".ci/run").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "set -euo pipefail"
    assert lines[-1] == "exec make test"
    assert len(re.findall(r"\bmake test\b", "\n".join(lines))) == 1


def test_the_check_says_when_make_is_missing(tmp_path):
    for tool in ("bash", "env", "dirname"):
        found = next(p for p in (Path("/usr/bin") / tool, Path("/bin") / tool) if p.exists())
        (tmp_path / tool).symlink_to(found)
    done = subprocess.run(
        [ROOT / ".ci" / "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["hip3-tui: make is missing; install it (Debian, Ubuntu: apt install make)"]


def test_every_command_of_the_readme_exists():
    readme = text("README.md")
    named = set(re.findall(r"`make ([a-z]+)", readme)) | set(re.findall(r"^make ([a-z]+)", readme, re.MULTILINE))
    assert {"run", "test"} <= named <= make_targets()
    from hip3_tui.cli import COMMANDS

    assert set(re.findall(r"hip3-tui ([a-z]+) ", readme)) <= set(COMMANDS)


def test_every_target_is_phony_and_explained():
    phony = re.search(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == make_targets()
    explained = set(re.findall(r'@echo "make ([a-z]+) ', text("Makefile")))
    assert explained == make_targets() - {"help", "setup"}


def setup_refusal(tmp_path: Path, *arguments: str, path: str = os.defpath) -> str:
    """What `make setup` says on stderr in an empty folder that it cannot set up."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text(text(name), encoding="utf-8")
    done = subprocess.run(
        ["make", "--no-print-directory", "setup", *arguments],
        cwd=tmp_path, env={"PATH": path, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert not (tmp_path / ".venv").exists()
    ours = [line for line in done.stderr.splitlines() if not line.startswith("make: ")]
    assert len(ours) == 1, done.stderr
    return ours[0]


def fake_python(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "some python"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_python_that_is_not_there(tmp_path):
    assert setup_refusal(tmp_path, "PYTHON=/no/python") == (
        "hip3-tui: needs Python 3.11 or newer (/no/python not found); install it or name one: make PYTHON=/path/to/python3.11"
    )


def test_a_python_that_is_too_old(tmp_path):
    old = fake_python(tmp_path, 'case "$2" in *print*) echo 3.9.2;; *version_info*) exit 1;; esac')
    assert f"needs Python 3.11 or newer ({old} is 3.9.2)" in setup_refusal(tmp_path, f"PYTHON={old}")


def test_a_python_without_venv(tmp_path):
    bare = fake_python(tmp_path, f'case "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"')
    said = setup_refusal(tmp_path, f"PYTHON={bare}")
    assert said.startswith(f"hip3-tui: {bare} lacks one of the modules venv, ensurepip")
    assert "apt install python3-venv" in said


def test_a_make_that_is_too_old(tmp_path):
    assert setup_refusal(tmp_path, "MAKE_VERSION=3.79.1").startswith("hip3-tui: make 3.79.1 is too old")


# --- what is shipped ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.toml")), ids=lambda p: p.name)
def test_every_shipped_config_can_be_read(path):
    load_config(path)


def test_one_version_everywhere():
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert version == core.__version__
    assert "## Unreleased" in text("CHANGELOG.md")
