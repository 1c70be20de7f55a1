"""Measures the product with its real processes, and prints a table beside what this machine could do at best."""

from __future__ import annotations

import argparse
import sys

from bench import report
from bench.limits import physical_limits
from bench.rows import FULL, QUICK, ROWS, Figure, Line
from bench.stage import Stage


def main() -> int:
    options = _options()
    sizes = QUICK if options.quick else FULL
    wanted = options.row or list(ROWS)
    lines: list[Line] = []
    figures: list[Figure] = []
    with Stage() as stage:
        print(report.machine(), flush=True)
        if not options.row:
            bench = stage.servers()
            print(
                report.limits(physical_limits(bench.product, stage.echo, seconds=sizes.limit_s)), flush=True
            )
        for name in wanted:
            print(f"… {name}", file=sys.stderr, flush=True)
            for found in ROWS[name](stage, sizes):
                if isinstance(found, Figure):
                    figures.append(found)
                else:
                    lines.append(found)
            if options.statements and (busiest := stage.busiest()):
                print(report.statements(name, busiest))
    print(report.table(lines))
    print(report.figures(figures))
    return 0 if all(figure.holds for figure in figures) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short try; figures are rough")
    parser.add_argument(
        "--row", action="append", choices=list(ROWS), help="only this; may be given several times"
    )
    parser.add_argument(
        "--statements", action="store_true", help="show the busiest SQL statements of each row"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
