# SPDX-License-Identifier: MIT
"""Instructions that the object adds to a call: exact where time resolves nothing. `make bench-quick` is this alone."""
import os

import instructions
from setup import run_alone


def measure(setup):
    """One section: a row for each call and policy."""
    program = os.path.join(setup.programs, "instructions")
    if not setup.need("valgrind", "valgrind") or not os.path.exists(program):
        setup.leave_out("instructions", "they are counted by valgrind")
        return []
    results = instructions.measure(program, setup.shim_object, setup.images)
    rows = [setup.row(call, policy, [count], mark=limit, judged="value")
            for call, policy, count, limit in instructions.added(results)]
    return [{"title": "Instructions that the object adds to a call", "unit": "instructions", "layout": "matrix",
             "rows": rows}]


if __name__ == "__main__":
    run_alone(measure)
