# SPDX-License-Identifier: MIT
"""What the parts of the benchmark have in common: programs, policies, environments, rounds, rows and the table.

A part is part_NAME.py with measure(setup), which returns sections (README.md tells their form).
"""
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import policies
import table

HERE = os.path.dirname(os.path.abspath(__file__))


class Setup:
    """One run of the benchmark over what was built in one folder."""

    def __init__(self, build, rounds=11):
        build = os.path.abspath(build)
        self.shim_object = os.path.join(build, "libsockade.so")
        self.sockade = os.path.join(build, "sockade")
        self.programs = os.path.join(build, "bench")
        self.folder = tempfile.mkdtemp(prefix="sockade-bench-")
        os.chmod(self.folder, 0o755)
        self.rounds = rounds
        self.left_out = []
        self.images = policies.Images(self.sockade, self.folder)
        self._compile_programs(build)

    def _compile_programs(self, build):
        """What cannot be compiled (a library may be missing) is told, and left to the part that wants it."""
        subprocess.run(["make", "-s", "-k", "-C", HERE, f"BUILD={build}", "programs"], check=False,
                       stdout=subprocess.DEVNULL)
        for name in sorted(name[:-2] for name in os.listdir(HERE) if name.endswith(".c")):
            if not glob.glob(os.path.join(self.programs, name + "*")):
                self.leave_out(name, "could not be compiled")

    def close(self):
        """Empties the scratch folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def policy(self, name):
        """Path of the compiled image of a policy by its name (policies.py)."""
        return self.images.path(name)

    def environment(self, policy=None, preload=True):
        """A clean environment: bare, or with the object, with or without a policy (by name, or the path of a file)."""
        values = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.folder, "LC_ALL": "C"}
        if preload:
            values["LD_PRELOAD"] = self.shim_object
        if preload and policy:
            values["SOCKADE_POLICY"] = policy if policy.startswith("/") else self.policy(policy)
        return values

    def leave_out(self, what, why):
        """Tells, and keeps for the table, what this run does not show."""
        line = f"left out: {what} ({why})"
        if line not in self.left_out:
            self.left_out.append(line)
            print(line, file=sys.stderr)

    def need(self, what, package):
        """Whether a command (or a file, by a pattern of its absolute path) is there; else root installs its package."""
        def found():
            return bool(glob.glob(what, recursive=True)) if what.startswith("/") else shutil.which(what) is not None

        if not found() and os.geteuid() == 0 and os.environ.get("SKIP_DEPENDENCIES", "0") != "1":
            install(package)
        if not found():
            self.leave_out(package if what.startswith("/") else what, f"Debian's package {package} is not installed")
        return found()

    @staticmethod
    def median(values):
        """Of a list that is not empty."""
        return statistics.median(values)

    @staticmethod
    def quartiles(values):
        """(p25, p75), interpolated; of one value that value twice."""
        if len(values) == 1:
            return values[0], values[0]
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return low, high

    def row(self, what, variant, values, bare_values=None, mark=None, judged="ratio", note=""):
        """A row from one value a round, and the bare values of the same rounds. "added" is the median difference."""
        low, high = self.quartiles(values)
        row = {"what": what, "variant": variant, "value": self.median(values), "low": low, "high": high,
               "ratio": None, "ratio_low": None, "ratio_high": None, "mark": mark, "judged": judged, "note": note}
        if bare_values and all(bare_values):
            ratios = [value / bare for value, bare in zip(values, bare_values)]
            row["ratio"] = self.median(ratios)
            row["ratio_low"], row["ratio_high"] = self.quartiles(ratios)
            # The notch of a box plot: the median lies within, in 95 of 100 runs (McGill, Tukey and Larsen 1978).
            row["resolved"] = 1.57 * (row["ratio_high"] - row["ratio_low"]) / len(ratios) ** 0.5
            row["added"] = self.median([value - bare for value, bare in zip(values, bare_values)])
        return row


def install(package):
    """By apt-get where that exists; the lists may be empty, as in a fresh container. What is missing shows a failure."""
    if shutil.which("apt-get") is None:
        return
    print(f"  APT     {package}", file=sys.stderr)
    command = ["apt-get", "install", "-y", "--no-install-recommends", package]
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False,
               "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    if subprocess.run(command, **options).returncode != 0:
        subprocess.run(["apt-get", "update"], **options)
        subprocess.run(command, **options)


def run_alone(measure):
    """A part by itself: python3 bench/part_NAME.py BUILD [ROUNDS]"""
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} BUILD [ROUNDS]")
    setup = Setup(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 11)
    begun = time.monotonic()
    try:
        for section in measure(setup):
            print("\n".join(table.section_lines(section)))
        print(f"\n{time.monotonic() - begun:.0f} s")
    finally:
        setup.close()
