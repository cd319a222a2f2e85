"""Changes of users by another program while others are read."""
import itertools
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

RATE = 50


@contextmanager
def changing(execute, names):
    """Changes RATE users per second, one after the other, each in its own transaction."""
    over = threading.Event()

    def work():
        due = time.monotonic()
        for name in itertools.cycle(names):
            if over.wait(max(0, due - time.monotonic())):
                return
            execute(f"UPDATE users SET updated_at = updated_at + 1 WHERE username = '{name}';\n")
            due += 1 / RATE

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(work)
        try:
            yield
        finally:
            over.set()
        # Without the changes, what was measured is another thing.
        writing.result()


@contextmanager
def sqlite(folder):
    """Runs statements on the database of a data folder."""
    file = folder / "bailiwick.db"
    connection = sqlite3.connect(file, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        yield connection.execute
    finally:
        connection.close()


@contextmanager
def postgresql(url):
    """Runs statements on a database of PostgreSQL."""
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url]
    psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def execute(statement):
        psql.stdin.write(statement)
        psql.stdin.flush()

    try:
        yield execute
    finally:
        psql.stdin.close()
        if psql.wait():
            raise SystemExit("the users were not changed")
