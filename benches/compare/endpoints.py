"""Refresh, tokens of services, and introspection, each on a server of its own."""
import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import data
import report
import servers
from data import SECRET, token_file
from load import logged_in

ISSUER = "https://auth.example.com"
STATEMENTS = 500
# What a refresh does to its row.
ROTATE = (
    "UPDATE refresh_families SET generation = generation + 1, rotated_at = 1, seen = 1 "
    "WHERE id = (SELECT min(id) FROM refresh_families) RETURNING id"
)


def folder_for(bench_folder, name):
    """A data folder with ten users, new."""
    folder = bench_folder / f"data-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(data.sqlite(bench_folder, 10), folder)
    return folder


def client(settings, name, *flags):
    """The secret of a new client of the server with these settings."""
    environment = {**os.environ, **{f"BAILIWICK__{key}": str(value) for key, value in settings.items()}}
    command = [servers.BAILIWICK, "clients", "add", name, *flags]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return made.stdout.strip()


def algorithms(bench, folder, seconds):
    """The same read with tokens of each algorithm, beside the tokens of services and introspection.

    All tokens but the first of each are known from before."""
    with servers.bare(folder) as bare:
        bare.wait()
        for algorithm in report.ALGORITHMS:
            settings = {
                "DATA_DIR": folder_for(folder, algorithm), "TOKENS__ALGORITHM": algorithm,
                "TOKENS__SECRET": SECRET, "SERVER__PUBLIC_URL": ISSUER,
            }
            service = ["--grant-type", "client_credentials", "--scope", "items", "--introspect"]
            credentials = f"client_id=svc&client_secret={client(settings, 'svc', *service)}"
            with servers.bailiwick(folder, SECRET, name=algorithm, **settings) as server:
                server.wait()
                token = logged_in(server.port)["access_token"]
                bench.read(report.BY_ALGORITHM, server, report.ME_PATH, token_file(folder, algorithm, [token]))
                shown = f"{credentials}&token={token}"
                bench.read(report.INTROSPECTION, server, "/oauth/introspect", form=shown)
                if algorithm != "HS256":
                    form = f"{credentials}&grant_type=client_credentials&scope=items"
                    bench.read(report.SERVICE, server, "/token", form=form)
            bench.read(report.BY_ALGORITHM, bare, report.ME_PATH, seconds=seconds)


def refresh(bench, folder, database, settings, statement):
    """Rotations on `database`, and the statement alone, run by `statement`."""
    settings = {**settings, "TOKENS__PASSWORD_REFRESH": "true"}
    with servers.bailiwick(folder, SECRET, name=database, **settings) as server:
        server.wait()
        for connections in [1, 8]:
            case = f"{report.REFRESH}, {connections} connection{'s' * (connections > 1)}"
            # One for each connection, and one for the request that wrk makes to look at it.
            begun = [logged_in(server.port)["refresh_token"] for _ in range(connections + 1)]
            file = token_file(folder, f"refresh-{database}", begun)
            bench.read(case, server, "/token", renewed=file, connections=connections)
    bench.add(report.REFRESH_STATEMENT, database, milliseconds=statement() * 1e3)


def sqlite_statement(folder):
    """Seconds for one statement in a transaction of its own, with the settings that the server has."""
    connection = sqlite3.connect(Path(folder) / "bailiwick.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    begun = time.perf_counter()
    for _ in range(STATEMENTS):
        connection.execute(ROTATE).fetchall()
    elapsed = time.perf_counter() - begun
    connection.close()
    return elapsed / STATEMENTS


def postgresql_statement(url):
    """The same on PostgreSQL."""
    command = ["psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", url]
    run = lambda count: subprocess.run(command, input=f"{ROTATE};\n" * count, text=True, check=True)
    times = []
    for count in [1, STATEMENTS + 1]:
        begun = time.perf_counter()
        run(count)
        times.append(time.perf_counter() - begun)
    return (times[1] - times[0]) / STATEMENTS
