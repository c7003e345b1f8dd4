"""What is shipped works without the checkout and without the developers' tools."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import flowctl

# Built and installed once, by one worker; the registry may be slow.
pytestmark = [pytest.mark.xdist_group("dist"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
BASE_PYTHON = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
"""The interpreter that made the virtual environment of these tests; it has pip."""

IMPORT_EVERYTHING = (
    "import importlib, pkgutil, flowctl\n"
    "for module in pkgutil.walk_packages(flowctl.__path__, 'flowctl.'):\n"
    "    if module.name != 'flowctl.__main__':\n"
    "        importlib.import_module(module.name)\n"
)
WHERE_SQL_IS = "from flowctl import database; print(database.sql_root())"
WHERE_THE_EXAMPLE_IS = "from flowctl import demo; print(demo.example_file())"


def run(*command: str | Path, cwd: Path | None = None, **environ: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, target: Path, *kinds: str) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", target, source)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a folder with spaces")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    build(ROOT, folder / "wheel", "--wheel")
    return next((folder / "wheel").glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(folder: Path) -> Path:
    """The source distribution of this checkout, unpacked."""
    build(ROOT, folder / "sdist", "--sdist")
    with tarfile.open(next((folder / "sdist").glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return next((folder / "unpacked").iterdir())


@pytest.fixture(scope="module")
def installed(folder: Path, wheel: Path) -> Path:
    """The ``bin`` folder of an environment with the wheel and what it declares to need."""
    environment = folder / "environment"
    run(BASE_PYTHON, "-m", "venv", "--without-pip", environment)
    run(BASE_PYTHON, "-m", "pip", "--python", environment, "install", "--quiet", wheel)
    return environment / "bin"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sql_files(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*.sql")}


def test_the_wheel_has_the_sql_and_the_example(wheel: Path) -> None:
    inside = contents(wheel)
    prefix = "flowctl/sql/"
    shipped = {name.removeprefix(prefix): inside[name] for name in inside if prefix in name}
    assert shipped == sql_files(ROOT / "sql")
    assert inside["flowctl/flows.example.toml"] == (ROOT / "flows.example.toml").read_bytes()
    assert "flowctl/py.typed" in inside


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    info = f"flowctl-{flowctl.__version__}.dist-info"
    assert {name.partition("/")[0] for name in contents(wheel)} == {"flowctl", info}


def test_a_wheel_of_the_source_distribution_is_the_same(unpacked: Path, wheel: Path) -> None:
    build(unpacked, unpacked.parent.parent / "second", "--wheel")
    second = next((unpacked.parent.parent / "second").glob("*.whl"))
    assert contents(second) == contents(wheel)


def test_the_source_distribution_can_be_worked_on(unpacked: Path) -> None:
    names = {entry.name for entry in unpacked.iterdir()}
    assert {"README.md", "CHANGELOG.md", "LICENSE", "tests", "sql", ".squawk.toml"} <= names
    assert run(sys.executable, "-c", WHERE_SQL_IS, cwd=unpacked).strip() == str(unpacked / "sql")


def test_the_installed_program_runs(installed: Path) -> None:
    assert run(installed / "flowctl", "--version") == f"flowctl {flowctl.__version__}\n"
    assert "Usage: flowctl" in run(installed / "flowctl", "--help")


def test_the_installed_package_declares_all_it_imports(installed: Path) -> None:
    run(installed / "python", "-I", "-c", IMPORT_EVERYTHING)


def test_the_installed_program_applies_the_schema(installed: Path, empty_database: str) -> None:
    where = Path(run(installed / "python", "-I", "-c", WHERE_SQL_IS).strip())
    assert where.is_relative_to(installed.parent)
    said = run(installed / "flowctl", "apply-schema", DATABASE_URL=empty_database)
    assert f"the schema is up to date (flowctl {flowctl.__version__})" in said
    run(installed / "flowctl", "apply-schema", "--check", DATABASE_URL=empty_database)


def test_the_installed_program_has_the_example(installed: Path, empty_database: str) -> None:
    example = Path(run(installed / "python", "-I", "-c", WHERE_THE_EXAMPLE_IS).strip())
    assert example.is_relative_to(installed.parent)
    run(installed / "flowctl", "apply-schema", DATABASE_URL=empty_database)
    said = run(installed / "flowctl", "steps", "sync", example, DATABASE_URL=empty_database)
    assert "nurture/welcome" in said
