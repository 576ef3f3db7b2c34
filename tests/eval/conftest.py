"""The command line for the commands of this folder."""

from tests.cli.conftest import Call, call

__all__ = ["Call", "call"]
