"""The rows, in the order of the table: importing this module enters them all."""

from tests.faults.rows import workers  # noqa: F401, I001 - in this order
from tests.faults.rows import servers, arrivals, points, models, guards  # noqa: F401
