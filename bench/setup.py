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

import instructions

HERE = os.path.dirname(os.path.abspath(__file__))
INBOUND = '  { action = "deny"; from = "@blocklist"; port = 9999; },\n  { action = "deny"; from = "@blocklist"; }\n);\n'


def policy_texts():
    """{name: text} of the policies that parts may ask for."""
    many = instructions.POLICIES["1.2M prefixes"]
    texts = {name: instructions.POLICIES[name] for name in ("10 rules", "10 + inbound", "1.2M prefixes")}
    texts["1.2M + inbound"] = many.rstrip().removesuffix(");").rstrip() + ",\n" + INBOUND
    return texts


class Setup:
    """One run of the benchmark over what was built in one folder."""

    def __init__(self, build, rounds=11):
        build = os.path.abspath(build)
        self.library = os.path.join(build, "libsockade.so")
        self.sockade = os.path.join(build, "sockade")
        self.programs = os.path.join(build, "bench")
        self.folder = tempfile.mkdtemp(prefix="sockade-bench-")
        os.chmod(self.folder, 0o755)
        self.rounds = rounds
        self.left_out = []
        self._images = {}
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
        """Path of the compiled image of a policy by its name; made when first asked for."""
        if name not in self._images:
            source = os.path.join(self.folder, f"policy-{len(self._images)}.conf")
            blocklist = os.path.join(self.folder, "list.txt")
            text = policy_texts()[name]
            if "list.txt" in text and not os.path.exists(blocklist):
                instructions.write_list(blocklist)
            with open(source, "w", encoding="ascii") as file:
                file.write(text)
            image = source.replace(".conf", ".image")
            subprocess.run([self.sockade, "compile", "--quiet", "-o", image, source], check=True)
            self._images[name] = image
        return self._images[name]

    def environment(self, policy=None, preload=True):
        """A clean environment: bare, or with the object, with or without a policy (by name, or the path of a file)."""
        values = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.folder, "LC_ALL": "C"}
        if preload:
            values["LD_PRELOAD"] = self.library
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
            self.leave_out(what, f"Debian's package {package} is not installed")
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
        """A row from one value a round, and the bare values of the same rounds."""
        low, high = self.quartiles(values)
        row = {"what": what, "variant": variant, "value": self.median(values), "low": low, "high": high,
               "ratio": None, "ratio_low": None, "ratio_high": None, "mark": mark, "judged": judged, "note": note}
        if bare_values:
            ratios = [value / bare for value, bare in zip(values, bare_values)]
            row["ratio"] = self.median(ratios)
            row["ratio_low"], row["ratio_high"] = self.quartiles(ratios)
        return row


def install(package):
    """By apt-get where that exists; the lists may be empty, as in a fresh container. Failures show by what is missing."""
    if shutil.which("apt-get") is None:
        return
    print(f"  APT     {package}", file=sys.stderr)
    command = ["apt-get", "install", "-y", "--no-install-recommends", package]
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False,
               "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    if subprocess.run(command, **options).returncode != 0:
        subprocess.run(["apt-get", "update"], **options)
        subprocess.run(command, **options)


def met(row):
    """Whether a row keeps its mark; None where it has none."""
    judged = row[row["judged"]]
    return None if row["mark"] is None or judged is None else judged <= row["mark"]


def number(value):
    """Three or more digits that mean something."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def print_section(section, file=None):
    """One section as a table: median, quartiles, the ratio to the bare run of the same round, and the mark."""
    print(f"\n{section['title']}\n  {'':22}{'':30}{section['unit']:>14}{'quartiles':>22}{'ratio':>8}{'quartiles':>15}"
          f"{'mark':>9}", file=file)
    for row in section["rows"]:
        spread = f"{number(row['low'])} - {number(row['high'])}"
        ratio = f"{row['ratio']:.3f}" if row["ratio"] is not None else ""
        ratios = f"{row['ratio_low']:.3f}-{row['ratio_high']:.3f}" if row["ratio"] is not None else ""
        mark = "" if row["mark"] is None else number(row["mark"]) if row["judged"] == "value" else f"{row['mark']:.2f}"
        verdict = {None: "", True: "  met", False: "  MISSED"}[met(row)]
        line = (f"  {row['what']:22}{row['variant']:30}{number(row['value']):>14}{spread:>22}{ratio:>8}{ratios:>15}"
                f"{mark:>9}{verdict}")
        print((line + (f"  {row['note']}" if row["note"] else "")).rstrip(), file=file)


def run_alone(measure):
    """A part by itself: python3 bench/part_NAME.py BUILD [ROUNDS]"""
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} BUILD [ROUNDS]")
    setup = Setup(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 11)
    begun = time.monotonic()
    try:
        for section in measure(setup):
            print_section(section)
        print(f"\n{time.monotonic() - begun:.0f} s")
    finally:
        setup.close()
