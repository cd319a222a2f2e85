"""The contenders: how each is started on 127.0.0.1, what it costs, how it is stopped."""
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
BAILIWICK = RELEASE / "bailiwick"
VENV = Path(sys.executable).parent
WORKERS = 2
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def family(pid):
    """The process and all below it; by their parents, as the system's lists of children may lack some."""
    below = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(file.read_text().rsplit(")", 1)[1].split()[1])
            below.setdefault(parent, []).append(int(file.parent.name))
    found = [pid]
    for one in found:
        found += below.get(one, [])
    return found


class Server:
    """A running server with all its processes."""

    def __init__(self, name, command, folder, environment=None, port=None):
        self.name = name
        self.behind = []
        self.port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.begun = time.monotonic()
            self.process = subprocess.Popen(
                [str(word).replace("{port}", str(self.port)) for word in command],
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self, path="/", token=None, status=None):
        """Until it answers, with `status` if one is given; milliseconds since its start."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        while time.monotonic() < self.begun + 60:
            if self.process.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("GET", path, headers=headers)
                if connection.getresponse().status == (status or 404):
                    return (time.monotonic() - self.begun) * 1e3
            except OSError:
                pass
            time.sleep(0.001)
        raise SystemExit(f"{self.name} does not serve:\n{self.log.read_text()[-2000:]}")

    def processes(self):
        """The numbers of all its processes, and of those of the servers behind."""
        return [pid for one in [self, *self.behind] for pid in family(one.process.pid)]

    def cpu(self):
        """Seconds of CPU so far, of all its processes."""
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def memory(self):
        """MiB of all its processes, shared pages by their share (PSS)."""
        kib = 0
        for pid in self.processes():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kib += int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1])
        return kib / 1024

    def stop(self):
        """With its workers, also where the master would leave them behind."""
        processes = family(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def bailiwick(folder, secret, name="bailiwick", workers=WORKERS, program=BAILIWICK, **settings):
    """The release build, or an application on it; settings are named as in the environment."""
    environment = {
        "BAILIWICK__SERVER__CONTROL_SOCKET": str(folder / f"{name}.sock"),
        "BAILIWICK__TOKENS__SECRET": secret,
        # The other servers count no wrong passwords either.
        "BAILIWICK__LOGINS__THROTTLE": "false",
        # Else only root may read how much memory it takes (proc(5), smaps_rollup).
        "BAILIWICK__SERVER__CORE_DUMPS": "true",
        **{f"BAILIWICK__{key}": str(value) for key, value in settings.items()},
    }
    command = [program, "--workers", workers, "--bind", "127.0.0.1:{port}"]
    return Server(name, command, folder, environment)


def bare(folder, name="bare actix-web", headers="all"):
    """actix-web and nothing else: the same bytes, or without our headers the same body."""
    return Server(name, [RELEASE / "examples/bare", "127.0.0.1:{port}", WORKERS, headers], folder)


def axum(folder, secret):
    """An application on axum, with a layer for the token and a crate that validates; without an access log."""
    command = [RELEASE / "axum-orders", "127.0.0.1:{port}", WORKERS]
    return Server("axum", command, folder, {"BENCH_SECRET": secret})


def python(folder, secret, name):
    """The FastAPI application under one of Python's servers, with its access log on."""
    command = {
        "gunicorn": [
            "gunicorn", "app:app", "-w", WORKERS, "-k", "uvicorn_worker.UvicornWorker",
            "-b", "127.0.0.1:{port}", "--access-logfile", "-", "--no-control-socket",
        ],
        "uvicorn": ["uvicorn", "app:app", "--workers", WORKERS, "--port", "{port}"],
        "granian": [
            "granian", "app:app", "--interface", "asgi", "--workers", WORKERS,
            "--port", "{port}", "--access-log",
        ],
    }[name]
    environment = {
        "BENCH_SECRET": secret,
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Server(name, [VENV / command[0], *command[1:]], folder, environment)


def nginx(folder, replicas):
    """The shipped configuration in front of some replicas."""
    port = free_port()
    target = folder / "nginx"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "config/nginx", target / "bailiwick")
    site = "bailiwick.conf" if len(replicas) == 1 else "bailiwick-cluster.conf"
    for file in (target / "bailiwick").iterdir():
        text = file.read_text().replace("listen 80;", f"listen 127.0.0.1:{port};")
        text = text.replace("server 127.0.0.1:8000;", f"server 127.0.0.1:{replicas[0].port};")
        for number, replica in enumerate(replicas):
            text = text.replace(f"server 127.0.0.1:{8001 + number} ", f"server 127.0.0.1:{replica.port} ")
        text = text.replace("/var/log/nginx/", f"{target}/")
        file.write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {target}/{kind};\n"
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    )
    conf = (
        "daemon off;\nuser root;\nworker_processes 1;\npid nginx.pid;\nevents {}\n"
        f"http {{\n{temporary}include bailiwick/{site};\n}}\n"
    )
    (target / "nginx.conf").write_text(conf)
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    command = [program, "-p", target, "-c", "nginx.conf", "-e", "error.log"]
    server = Server(f"nginx before {len(replicas)}", command, folder, port=port)
    server.behind = replicas
    return server


class PostgreSQL:
    """A database cluster of our own in a new folder, as the user `postgres` where we are root."""

    def __init__(self, folder):
        self.folder = folder / "postgres"
        self.port = free_port()
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not programs:
            raise SystemExit("initdb is missing: apt-get install postgresql")
        self.programs = programs[-1].parent
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", self.folder, "-U", "bench", "-A", "trust", "-E", "UTF8")
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}"
        self._run("pg_ctl", "-D", self.folder, "-o", options, "-l", self.folder / "log", "-w", "start")

    def database(self, name):
        """The URL of a new database."""
        self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "bench", name)
        return f"postgres://bench@127.0.0.1:{self.port}/{name}"

    def _run(self, program, *arguments):
        command = [str(self.programs / program), *map(str, arguments)]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        done = subprocess.run(command, cwd="/", capture_output=False, stdout=subprocess.DEVNULL)
        if done.returncode:
            raise SystemExit(f"{program} failed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run("pg_ctl", "-D", self.folder, "-m", "fast", "-w", "stop")
