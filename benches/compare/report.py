"""The samples as Markdown tables and as a picture."""
import importlib.metadata
import json
import os
import platform
import re
import statistics
from datetime import date
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.ticker import NullFormatter

from changes import RATE
from servers import BAILIWICK

OURS, QUIET, BARE, GUNICORN = "bailiwick", "bailiwick, log off", "bare actix-web", "gunicorn"
AXUM = "axum"
ME_PATH = "/users/me/"
ME = f"`GET {ME_PATH}`"
KEY = "`GET /users/me/`, an API key"
BY_ALGORITHM, ALGORITHMS = f"{ME}, by algorithm", ["HS256", "EdDSA", "ES256", "RS256"]
SERVICE = "`POST /token`, a service's token (client_credentials)"
INTROSPECTION = "`POST /oauth/introspect`"
FLOW = "a sign-in: authorize, code, token, userinfo"
AUTHORIZE, REDEEM = "`GET /oauth/authorize`, a session", "`POST /token`, a code"
USERINFO = "`GET /oauth/userinfo`"
SIGN_INS = [FLOW, AUTHORIZE, REDEEM, USERINFO]
ORDER = "`POST /orders`, 1 KiB of JSON, validated"
REFRESH, REFRESH_STATEMENT = "a refresh", "a refresh's statement alone"
COUNTING = "bailiwick, counting wrong passwords"
GUESS, INVALID = "a refused guess (429)", "a form without a password (422)"
ALONE, FLOODED = "reads alone", "reads, 64 connections log in"
LIMIT = ("one verification", "the fastest")
FEW, HOT = ("10 users, one hot", "SQLite, 10 users"), ("1,000,000 users, one hot", "SQLite, 1,000,000 users")
DATABASES = ["SQLite", "PostgreSQL"]
SPREAD = ("tokens of 100,000 users", "SQLite, 1,000,000 users")
CHANGED = f"{SPREAD[0]}, {RATE} changed a second"
PACKAGES = ["fastapi", "gunicorn", "uvicorn", "uvicorn-worker", "granian", "python-jose", "passlib", "bcrypt"]
CORES = len(os.sched_getaffinity(0))


def short(number):
    """Three digits that count."""
    if number == 0 or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def spread(values):
    """Median (minimum–maximum)."""
    middle = short(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({short(min(values))}–{short(max(values))})"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines) + "\n"


class Report:
    """All samples, and what is computed of them."""

    def __init__(self, samples):
        self.samples = samples

    def get(self, case, contender, figure):
        """The values of all rounds."""
        return self.samples[case, contender][figure]

    def ratio(self, figure, above, below):
        """Round by round; both are (case, contender)."""
        return [a / b for a, b in zip(self.get(*above, figure), self.get(*below, figure))]

    def excess(self, figure, above, base, below):
        """By how many times `below` the first exceeds its base, round by round."""
        kinds = [self.get(*kind, figure) for kind in [above, base, below]]
        return [(a - b) / c for a, b, c in zip(*kinds)]

    def limit(self):
        """Logins a second if the cores did nothing but verify, by the fastest implementation."""
        both = self.samples[LIMIT]
        return [CORES * 1e3 / min(pair) for pair in zip(both["libxcrypt"], both["bcrypt"])]

    def against_limit(self, case, contender):
        return [rate / limit for rate, limit in zip(self.get(case, contender, "rate"), self.limit())]

    def broken(self):
        return sum(sum(figures.get("broken", [])) for figures in self.samples.values())

    def reads(self, keys, base=None, cpu=True):
        """A table of reads; the last column is against `base`, or against ours in the same case."""
        header = ["case", "server", "requests/s", "p50 ms", "p99 ms"]
        if cpu:
            header += ["CPU µs a request", "CPU ÷ the first row's" if base else "CPU ÷ ours"]
        rows = []
        for case, contender in keys:
            row = [case, contender]
            row += [spread(self.get(case, contender, one)) for one in ["rate", "p50", "p99"]]
            below = base or (case, OURS)
            if cpu:
                row.append(spread(self.get(case, contender, "cpu")))
                row.append(spread(self.ratio("cpu", (case, contender), below)) if below in self.samples else "")
            rows.append(row)
        return table(header, rows)

    def must(self):
        """What is promised, a line each: what, the values of all rounds, the bound, whether it is met."""
        queue = self.samples["a full hash queue", OURS]
        lines = [
            ("CPU µs per `GET /users/me/`, gunicorn ÷ ours, access log on",
             self.ratio("cpu", (ME, GUNICORN), (ME, OURS)), "≥", 40),
            ("the same, ours ÷ bare actix-web, access log off",
             self.ratio("cpu", (ME, QUIET), (ME, BARE)), "≤", 1.35),
            ("the same, access log on ÷ off", self.ratio("cpu", (ME, OURS), (ME, QUIET)), "≤", 1.10),
            ("the same, an API key ÷ a token, access log off",
             self.ratio("cpu", (KEY, QUIET), (ME, QUIET)), "≤", 1.0),
            ("the same, 1 million users ÷ 10 users, one hot user", self.ratio("cpu", HOT, FEW), "≤", 1.05),
            ("the same, tokens of 100 thousand of 1 million users ÷ one hot user",
             self.ratio("cpu", SPREAD, HOT), "≤", 1.5),
            *((f"the same on {name}, while {RATE} users a second are changed ÷ without changes",
               self.ratio("cpu", (CHANGED, f"{name}, 1,000,000 users"), (SPREAD[0], f"{name}, 1,000,000 users")),
               "≤", 1.2) for name in DATABASES),
            ("logins/s at 8 connections ÷ the limit",
             self.against_limit("`POST /token`, 8 connections", OURS), "≥", 2.5),
            ("logins/s at 8 connections, wrong passwords counted ÷ not",
             self.ratio("rate", ("`POST /token`, 8 connections", COUNTING), ("`POST /token`, 8 connections", OURS)),
             "≥", 0.9),
            ("CPU µs that a refused guess costs more than a form without a password ÷ `GET /users/me/`",
             self.excess("cpu", (GUESS, COUNTING), (INVALID, COUNTING), (ME, COUNTING)), "≤", 1),
            *((f"CPU µs per `GET /users/me/`, a token of {name} ÷ of HS256",
               self.ratio("cpu", (BY_ALGORITHM, name), (BY_ALGORITHM, "HS256")), "≤", 1.15)
              for name in ALGORITHMS[1:]),
            ("CPU µs per introspection of a token of HS256", self.get(INTROSPECTION, "HS256", "cpu"), "≤", 25),
            ("CPU µs per token of a service, EdDSA", self.get(SERVICE, "EdDSA", "cpu"), "≤", 65),
            ("CPU µs per validated order of 1 KiB, gunicorn ÷ ours, access log on",
             self.ratio("cpu", (ORDER, GUNICORN), (ORDER, OURS)), "≥", 10),
            ("the same, ours ÷ axum, access log off", self.ratio("cpu", (ORDER, QUIET), (ORDER, AXUM)), "≤", 1.2),
            *((f"median of a refresh, one at a time ÷ its statement alone, {name}",
               [p50 / alone for p50, alone in zip(self.get(f"{REFRESH}, 1 connection", name, "p50"),
                                                  self.get(REFRESH_STATEMENT, name, "milliseconds"))], "≤", 3)
              for name in DATABASES),
            ("p99 of reads while 64 connections log in ÷ alone",
             self.ratio("p99", (FLOODED, OURS), (ALONE, OURS)), "≤", 2),
            ("requests/s of reads while 64 connections log in ÷ alone",
             self.ratio("rate", (FLOODED, OURS), (ALONE, OURS)), "≥", 0.6),
            ("a full hash queue: the slowest 503, ms", queue["longest"], "≤", 5),
            ("a full hash queue: logins with a wrong response or none", [sum(queue["broken"])], "≤", 0),
            ("start to first 200, 10 users, ms", self.get("start, 10 users", OURS, "milliseconds"), "≤", 50),
            ("start to first 200, 1 million users, ms",
             self.get("start, 1,000,000 users", OURS, "milliseconds"), "≤", 50),
            ("idle memory (PSS), MiB", self.get("memory, idle", OURS, "memory"), "≤", 20),
            ("memory after 1 million users were read, MiB",
             self.get("memory, a million users read", OURS, "memory"), "≤", 64),
            ("release binary, MiB", [BAILIWICK.stat().st_size / 2**20], "≤", 20),
            ("broken or unexpected responses in all", [self.broken()], "≤", 0),
        ]
        rows = []
        for what, values, sign, bound in lines:
            middle = statistics.median(values)
            met = middle >= bound if sign == "≥" else middle <= bound
            rows.append([what, spread(values), f"{sign} {bound}", "ok" if met else "**short**"])
        return table(["figure", "measured", "must", ""], rows)

    def logins(self):
        keys = [key for key in self.samples if key[0].startswith("`POST /token`") and key[0] not in [SERVICE, REDEEM]]
        rows = [
            [case, contender, spread(self.get(case, contender, "rate")), spread(self.against_limit(case, contender))]
            for case, contender in keys
        ]
        rows.append([f"the limit: {CORES} cores ÷ one verification", "", spread(self.limit()), 1])
        for name, milliseconds in self.samples[LIMIT].items():
            rows.append([f"one verification by {name}, ms", "", spread(milliseconds), ""])
        return table(["case", "server", "logins/s", "÷ the limit"], rows)

    def single(self, prefix, figure):
        rows = [
            [case, contender, spread(figures[figure])]
            for (case, contender), figures in self.samples.items()
            if case.startswith(prefix) and figure in figures
        ]
        return table(["case", "server", "MiB" if figure == "memory" else "ms"], rows)

    def text(self, rounds):
        keys = [key for key, figures in self.samples.items() if "cpu" in figures]
        renewed = [key for key in keys if key[0].startswith(REFRESH)]
        kinds = [key for key in keys if key[0] in [BY_ALGORITHM, SERVICE, INTROSPECTION]]
        flows = [key for key in keys if key[0] in SIGN_INS]
        other = lambda key: key not in renewed and key not in flows
        several = {name: [key for key in keys if key[1] == name and other(key)] for name in DATABASES}
        growth = {name: [key for key in keys if key[1].startswith(f"{name},")] for name in DATABASES}
        floods = [key for key in keys if key[0].startswith("reads")]
        apart = [floods, renewed, flows, kinds, *several.values(), *growth.values()]
        rest = [key for key in keys if not any(key in group for group in apart)]
        queue = self.samples["a full hash queue", OURS]
        return "".join([
            "# bailiwick, the Python stack and bare actix-web\n\n", machine(rounds),
            "## What it must show\n\n", self.must(),
            "## Reads\n\n", self.reads(rest),
            "## Tokens of each algorithm\n\n", self.reads(kinds, (BY_ALGORITHM, "HS256")),
            "## Refresh\n\n", self.reads(renewed, renewed[0]), self.single(REFRESH_STATEMENT, "milliseconds"),
            "## Sign-ins\n\nBy a browser that is logged in, on 8 connections of one Python process; ",
            "each step is also measured by itself.\n\n", self.reads(flows, flows[0]),
            "## Logins\n\n", self.logins(),
            "## Reads during logins\n\nA request without a response while wrk runs (3 s; 8 s for ",
            "gunicorn and 64 connections) is not in the figures; where none is, the times are wrk's own.\n\n",
            self.reads(floods, cpu=False),
            "## A full hash queue\n\nSixty logins at once on a server with room for four that wait.\n\n",
            table(["503", "200", "median ms of the 503", "slowest 503, ms"],
                  [[spread(queue[one]) for one in ["refused", "accepted", "median", "longest"]]]),
            "## Start to first 200\n\n", self.single("start", "milliseconds"),
            "## Memory (PSS of all processes)\n\n", self.single("memory", "memory"),
            *(f"## More users on {name}\n\n{self.reads(keys, keys[0])}" for name, keys in growth.items()),
            "## Several replicas\n\nEach with one worker; the CPU time is of nginx and the replicas ",
            "together, without PostgreSQL's.\n\n",
            *(self.reads(keys, keys[0]) for keys in several.values()),
        ])


def machine(rounds):
    """On what it was measured, and with which versions."""
    model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"{date.today()}; {CORES} cores, {model[1] if model else platform.machine()}; Linux "
        f"{platform.release()}; Python {platform.python_version()}, {versions}. "
        f"Medians of {rounds} rounds (minimum–maximum); ratios are of one round, and their median.\n\n"
    )


def bars(axes, title, names, values, log=False):
    """Horizontal bars, ours in blue."""
    colors = ["tab:blue" if name.startswith(OURS) else "tab:gray" for name in names]
    drawn = axes.barh(names, values, color=colors, log=log)
    axes.bar_label(drawn, [short(value) for value in values], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    if log:
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(min(values) / 3, max(values) * 6)
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def picture(report, file):
    """Four charts of the medians."""
    middle = lambda *key: statistics.median(report.get(*key))
    pyplot.rcParams["svg.hashsalt"] = "bailiwick"
    figure, ((cpu, rate), (logins, floods)) = pyplot.subplots(2, 2, figsize=(11, 6), layout="constrained")
    names = [BARE, QUIET, OURS, "granian", "uvicorn", GUNICORN]
    values = lambda one: [middle(ME, name, one) for name in names]
    bars(cpu, "Server CPU µs per GET /users/me/ (logarithmic)", names, values("cpu"), log=True)
    bars(rate, "GET /users/me/ a second, 32 connections", names, values("rate"))
    case = "`POST /token`, 8 connections"
    bars(logins, "Logins a second, 8 connections", ["cores ÷ one verification", OURS, GUNICORN],
         [statistics.median(report.limit()), middle(case, OURS, "rate"), middle(case, GUNICORN, "rate")])
    keys = [(ALONE, OURS), (FLOODED, OURS), (ALONE, GUNICORN), (FLOODED, GUNICORN)]
    words = {ALONE: "alone", FLOODED: "during 64 logins"}
    bars(floods, "p99 of GET /users/me/ in ms (logarithmic)", [f"{who}, {words[case]}" for case, who in keys],
         [middle(*key, "p99") for key in keys], log=True)
    figure.savefig(file, metadata={"Date": None})


def write(folder, samples, rounds):
    """samples.json, report.md and figures.svg in `folder`."""
    rows = [{"case": case, "server": server, **figures} for (case, server), figures in samples.items()]
    (folder / "samples.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    report = Report(samples)
    (folder / "report.md").write_text(report.text(rounds))
    picture(report, folder / "figures.svg")
