"""The version is the same wherever it is written."""

import re
import tomllib
from pathlib import Path

import flowctl

ROOT = Path(__file__).parents[2]


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(
        r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    released = [version for version in versions if version.lower() != "unreleased"]
    assert released[0] == flowctl.__version__


def test_the_package_has_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == flowctl.__version__
