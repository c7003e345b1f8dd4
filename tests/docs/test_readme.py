"""README does what it says, from its first command to its last."""

import os
import shutil
import sys
from pathlib import Path

from tests.docs.console import examples, run

ROOT = Path(__file__).parents[2]


def test_the_commands_of_the_readme(tmp_path: Path, data_dir: Path, empty_database: str) -> None:
    """In order, in a folder with the example steps file, on a database with nothing in it yet."""
    shutil.copy(ROOT / "flows.example.toml", tmp_path)
    environ = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": empty_database,
        "FLOWCTL_DATA_DIR": str(data_dir),
    }
    for example in examples((ROOT / "README.md").read_text("utf-8")):
        output, status = run(example, tmp_path, environ)
        assert example.matches(output, status), (
            f"README.md:{example.line}: $ {example.command}\n{output}\nexit {status}"
        )
