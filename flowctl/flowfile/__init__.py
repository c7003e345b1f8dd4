"""The steps file: flows and steps as people write them in TOML.

``read`` finds every mistake of a file at once; ``write`` makes a file that reads back as the same
flows and steps, to the character.
"""

from flowctl.flowfile.reading import read
from flowctl.flowfile.writing import write

__all__ = ["read", "write"]
