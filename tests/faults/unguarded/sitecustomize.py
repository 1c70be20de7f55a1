"""Python loads this at the start of every process whose PYTHONPATH has this folder: it takes one guard away."""

import os

from tests.faults.guards import take_away

take_away(os.environ["FAULTS_WITHOUT"])
