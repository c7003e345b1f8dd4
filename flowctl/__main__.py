"""Run the program as ``python -m flowctl``."""

from flowctl.cli import run

if __name__ == "__main__":
    run()
