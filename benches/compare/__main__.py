"""bailiwick beside the Python stack and beside bare actix-web: every contender on 127.0.0.1, the
same load on each in turn, round after round. Writes target/bench/report.md and figures.svg.
"""
import os
import shutil
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import bodies
import changes
import data
import endpoints
import flows
import report
import servers
from data import SECRET, token, token_file, username
from limit import verification
from load import GUESS, INVALID, Logins, burst_of_logins, reads, use_up

ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))
SECONDS = int(os.environ.get("BENCH_SECONDS", 1))
FOLDER = servers.RELEASE.parent / "bench"
PYTHON = ["gunicorn", "uvicorn", "granian"]
MANY = 1_000_000
SPREAD = 100_000

ME = report.ME_PATH
ITEMS = "/users/me/items/"


class Bench:
    """All samples: by case and contender, one a round."""

    def __init__(self):
        self.samples = {}
        self.begun = time.monotonic()

    def add(self, case, contender, **figures):
        rows = self.samples.setdefault((case, contender), {})
        for name, value in figures.items():
            rows.setdefault(name, []).append(value)

    def read(self, case, server, *arguments, name=None, refused=False, **options):
        """One round of reads on one contender, all of them `refused` or none."""
        before = server.cpu()
        done = reads(server.port, *arguments, **{"seconds": SECONDS, **options})
        micros = (server.cpu() - before) * 1e6 / max(1, done.requests)
        unexpected = done.requests - done.refused if refused else done.refused
        self.add(
            case, name or server.name, rate=done.rate, p50=done.p50, p99=done.p99, cpu=micros,
            broken=done.broken + unexpected,
        )

    def say(self, text):
        print(f"{time.monotonic() - self.begun:5.0f} s  {text}", flush=True)


def requests(bench, tokens):
    """Reads and refusals on every contender; then logins, and reads during logins."""
    with ExitStack() as stack:
        start = stack.enter_context
        ours = start(servers.bailiwick(FOLDER, SECRET, **few()))
        quiet = start(servers.bailiwick(
            FOLDER, SECRET, name="bailiwick, log off", LOGGING__ACCESS="false", **few()
        ))
        one = start(servers.bailiwick(FOLDER, SECRET, name="bailiwick, 1 worker", workers=1, **few()))
        bare = start(servers.bare(FOLDER))
        short = start(servers.bare(FOLDER, "bare actix-web, body alone", "none"))
        counting = start(servers.bailiwick(
            FOLDER, SECRET, name=report.COUNTING, LOGINS__THROTTLE="true", **few()
        ))
        python = [start(servers.python(FOLDER, SECRET, name)) for name in PYTHON]
        contenders = [ours, quiet, bare, *python]
        for server in [*contenders, one, short, counting]:
            server.wait()

        bench.say("reads")
        cases = [
            ("`GET /` (404)", "/", None),
            ("`GET /users/me/`", ME, tokens["johndoe"]),
            ("`GET /users/me/items/`", ITEMS, tokens["johndoe"]),
            ("bad signature (401)", ME, tokens["forged"]),
            ("expired (401)", ME, tokens["expired"]),
        ]
        for _ in range(ROUNDS):
            for case, path, file in cases:
                for server in contenders:
                    if server is bare and "(401)" in case:
                        continue  # It checks no token.
                    bench.read(case, server, path, file, refused="(4" in case)
            for server in [one, short]:
                bench.read("`GET /users/me/`", server, ME, tokens["johndoe"])
            for server in [ours, quiet]:
                bench.read(report.KEY, server, ME, tokens["key"])

        bench.say("1 and 512 connections")
        for _ in range(ROUNDS):
            for connections in [1, 512]:
                case = f"`GET /users/me/`, {connections} connection{'s' * (connections > 1)}"
                for server in [ours, bare, python[0]]:
                    bench.read(case, server, ME, tokens["johndoe"], connections=connections)

        for server in [*python[1:], quiet, one, short]:
            server.stop()
        logins(bench, ours, counting, python[0])
        guesses(bench, counting, tokens["johndoe"])
        counting.stop()
        floods(bench, ours, python[0], tokens["johndoe"])


def token_endpoints(bench):
    """Tokens of each algorithm, and how they are renewed, on both databases."""
    bench.say("algorithms, services, introspection")
    for _ in range(ROUNDS):
        endpoints.algorithms(bench, FOLDER, SECONDS)
    bench.say("refresh")
    with servers.PostgreSQL(FOLDER) as server:
        url = server.database("refresh")
        data.fill({"BAILIWICK__DATABASE__URL": url, "BAILIWICK__DATA_DIR": str(FOLDER / "data")}, 10)
        for _ in range(ROUNDS):
            folder = endpoints.folder_for(FOLDER, "refresh")
            statement = partial(endpoints.sqlite_statement, folder)
            endpoints.refresh(bench, FOLDER, "SQLite", {"DATA_DIR": folder}, statement)
            statement = partial(endpoints.postgresql_statement, url)
            endpoints.refresh(bench, FOLDER, "PostgreSQL", {"DATABASE__URL": url}, statement)
        bench.say("sign-ins")
        for _ in range(ROUNDS):
            folder = endpoints.folder_for(FOLDER, "sign-ins")
            flows.sign_ins(bench, FOLDER, "SQLite", {"DATA_DIR": folder})
            flows.sign_ins(bench, FOLDER, "PostgreSQL", {"DATABASE__URL": url})


def few():
    """Settings of a server whose database holds ten users."""
    return {"DATA_DIR": data.sqlite(FOLDER, 10)}


def logins(bench, *contenders):
    """Logins a second, beside what the cores could do if they did nothing else."""
    bench.say("logins")
    for _ in range(ROUNDS):
        bench.add("one verification", "the fastest", **verification())
        for connections, count in [(1, 2), (2, 4), (8, 24), (64, 64)]:
            for server in contenders:
                done = Logins(server.port, connections, count).wait()
                case = f"`POST /token`, {connections} connection{'s' * (connections > 1)}"
                bench.add(case, server.name, rate=done.rate, broken=done.failed)


def guesses(bench, counting, file):
    """What a guess costs that is refused without a hash, beside a form without a password and a read."""
    bench.say("refused guesses")
    for _ in range(ROUNDS):
        use_up(counting.port, GUESS)
        bench.read(report.GUESS, counting, "/token", form=GUESS, refused=True)
        bench.read(report.INVALID, counting, "/token", form=INVALID, refused=True)
        bench.read("`GET /users/me/`", counting, ME, file)


def floods(bench, ours, gunicorn, file):
    """Reads by 32 connections, alone and while others log in."""
    bench.say("reads during logins")
    for _ in range(ROUNDS):
        for server in [ours, gunicorn]:
            bench.read("reads alone", server, ME, file, seconds=2)
            for connections in [8, 64]:
                flood = Logins(server.port, connections)
                time.sleep(0.3)
                case = f"reads, {connections} connections log in"
                # gunicorn's workers check all passwords that wait before they read the next request.
                seconds = 8 if (server, connections) == (gunicorn, 64) else 3
                bench.read(case, server, ME, file, seconds=seconds)
                flood.stop()
                flood.wait()


def full_queue(bench):
    """A server where four logins may wait gets sixty at once."""
    bench.say("a full hash queue")
    settings = {"PASSWORDS__HASH_QUEUE": 4, **few()}
    with servers.bailiwick(FOLDER, SECRET, name="short queue", **settings) as server:
        server.wait()
        for _ in range(ROUNDS):
            answers = burst_of_logins(server.port, 60)
            refused = [milliseconds for status, milliseconds, _ in answers if status == 503]
            told = all(retry for status, _, retry in answers if status == 503)
            accepted = sum(status == 200 for status, *_ in answers)
            bench.add(
                "a full hash queue", "bailiwick", refused=len(refused), accepted=accepted,
                median=statistics.median(refused), longest=max(refused),
                broken=60 - len(refused) - accepted + (not told),
            )


def starts(bench):
    """From the start of the program to the first 200, and its memory when it is idle.

    One server at a time: several of one program would share its pages.
    """
    bench.say("starts")
    good = token("johndoe")

    def idle(server):
        # granian, too, loses a TERM that comes before its second worker serves.
        time.sleep(1)
        bench.add("memory, idle", server.name, memory=server.memory())

    for _ in range(ROUNDS):
        for workers in [2, 1]:
            name = "bailiwick" if workers == 2 else "bailiwick, 1 worker"
            with servers.bailiwick(FOLDER, SECRET, name=name, workers=workers, **few()) as server:
                bench.add("start, 10 users", name, milliseconds=server.wait(ME, good, 200))
                idle(server)
        many = {"DATA_DIR": data.sqlite(FOLDER, MANY)}
        with servers.bailiwick(FOLDER, SECRET, name="starting", **many) as server:
            elapsed = server.wait(ME, good, 200)
            bench.add(f"start, {MANY:,} users", "bailiwick", milliseconds=elapsed)
        for start in [servers.bare, *(partial(servers.python, secret=SECRET, name=one) for one in PYTHON)]:
            with start(FOLDER) as server:
                bench.add("start", server.name, milliseconds=server.wait(ME, good, 200))
                idle(server)


def growth(bench, tokens, database, settings, writer):
    """More users, and tokens of many of them, also while some of these are changed; then what the
    database costs without a cache.

    `settings` are a server's by the number of its users, `writer` runs statements on the database of
    the most.
    """
    bench.say(f"growth on {database}")
    with ExitStack() as stack:
        start = lambda kind, **settings: stack.enter_context(servers.bailiwick(
            FOLDER, SECRET, name=f"{database}, {kind}", LOGGING__ACCESS="false", **settings
        ))
        by_count = {count: start(f"{count:,} users", **those) for count, those in settings.items()}
        without = start("uncached", CACHE__SIZE=1, **settings[MANY])
        for server in [*by_count.values(), without]:
            server.wait()
        # Everybody once, so that the spread load finds the cache as it is after some minutes.
        read_all(by_count[MANY].port, tokens["spread"])
        execute = stack.enter_context(writer)
        # The last users: the tokens start with the first.
        changed = [username(number) for number in range(SPREAD - 1000, SPREAD)]
        for number in range(ROUNDS):
            for count, server in by_count.items():
                bench.read(f"{count:,} users, one hot", server, ME, tokens["johndoe"])
            # Each round continues with other users than the one before.
            passed = number * SPREAD // ROUNDS
            for case, server in [("tokens of 100,000 users", by_count[MANY]), ("uncached", without)]:
                bench.read(case, server, ME, tokens["spread"], passed=passed)
            with changes.changing(execute, changed):
                seconds = 2 * SECONDS
                bench.read(report.CHANGED, by_count[MANY], ME, tokens["spread"], passed=passed, seconds=seconds)


def read_all(port, file):
    """Every token of a file of SPREAD once or more; how many reads it took."""
    total = 0
    while total < SPREAD:
        total += reads(port, ME, file, seconds=2, passed=total).requests
    return total


def many_read(bench):
    """Memory after a million users were read."""
    bench.say("a million users read")
    settings = {"DATA_DIR": data.sqlite(FOLDER, MANY), "LOGGING__ACCESS": "false"}
    with servers.bailiwick(FOLDER, SECRET, name="a million read", **settings) as server:
        server.wait()
        total = 0
        for first in range(0, MANY, SPREAD):
            names = (token(username(number)) for number in range(first, first + SPREAD))
            file = token_file(FOLDER, "part", names)
            total += read_all(server.port, file)
        bench.add("memory, a million users read", "bailiwick", memory=server.memory(), reads=total)


def several(bench, tokens, database, settings):
    """nginx before one and three replicas with one worker each."""
    bench.say(f"replicas on {database}")
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(
                servers.bailiwick(FOLDER, SECRET, name=f"replica {number}", workers=1, **settings)
            )
            for number in range(3)
        ]
        for server in replicas:
            server.wait()
        edges = [stack.enter_context(servers.nginx(FOLDER / f"edge-{n}", replicas[:n])) for n in [1, 3]]
        for edge in edges:
            edge.wait("/nothing")
        for _ in range(ROUNDS):
            bench.read("one replica, direct", replicas[0], ME, tokens["johndoe"], name=database)
            for count, edge in zip([1, 3], edges):
                case = f"nginx before {count} replica{'s' * (count > 1)}"
                bench.read(case, edge, ME, tokens["johndoe"], name=database)


def databases(bench, tokens):
    """Both, each with few users and with many."""
    sqlite = {count: {"DATA_DIR": data.sqlite(FOLDER, count)} for count in [10, 10_000, MANY]}
    growth(bench, tokens, "SQLite", sqlite, changes.sqlite(sqlite[MANY]["DATA_DIR"]))
    several(bench, tokens, "SQLite", sqlite[MANY])
    bench.say("PostgreSQL: filling it")
    with servers.PostgreSQL(FOLDER) as server:
        postgres = {}
        for count in [10, MANY]:
            url = server.database(f"users{count}")
            data.fill({"BAILIWICK__DATABASE__URL": url, "BAILIWICK__DATA_DIR": str(FOLDER / "data")}, count)
            postgres[count] = {"DATABASE__URL": url}
        writer = changes.postgresql(postgres[MANY]["DATABASE__URL"])
        growth(bench, tokens, "PostgreSQL", postgres, writer)
        several(bench, tokens, "PostgreSQL", postgres[MANY])


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    bench = Bench()
    bench.say(f"{ROUNDS} rounds; tokens and databases")
    johndoe = token("johndoe")
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(data.sqlite, FOLDER, count) for count in [10, 10_000, MANY]]
        [database.result() for database in made]
    tokens = {
        "johndoe": token_file(FOLDER, "johndoe", [johndoe]),
        "forged": token_file(FOLDER, "forged", [token("johndoe", secret=SECRET[::-1])]),
        "expired": token_file(FOLDER, "expired", [token("johndoe", expires=time.time() - 60)]),
        "key": token_file(FOLDER, "key", [data.api_key(data.sqlite(FOLDER, 10))]),
        "spread": token_file(FOLDER, "spread", (token(username(n)) for n in range(SPREAD))),
    }
    requests(bench, tokens)
    bench.say("validated orders")
    bodies.orders(bench, FOLDER, few(), tokens["johndoe"], ROUNDS)
    token_endpoints(bench)
    full_queue(bench)
    starts(bench)
    many_read(bench)
    databases(bench, tokens)
    report.write(FOLDER, bench.samples, ROUNDS)
    bench.say(f"see {FOLDER}/report.md")


if __name__ == "__main__":
    main()
