"""The rows, in the order of the table: importing this module enters them all."""

from tests.faults.rows import servers, workers  # noqa: F401
