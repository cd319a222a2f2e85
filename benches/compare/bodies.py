"""A guarded POST of 1 KiB of JSON that is validated, by an application on each framework."""
import http.client
import json
from contextlib import ExitStack

import report
import servers
from data import SECRET

ORDER = {
    "customer": {
        "name": "Maria Mustermann", "email": "maria@example.com", "street": "Musterstraße 12",
        "city": "Musterstadt", "postal_code": "12345",
    },
    "items": [
        {"sku": f"SKU-{number}", "name": f"An article with the number {number}", "quantity": number, "cents": 1999}
        for number in range(1, 11)
    ],
    "note": "Please leave it with the neighbours.",
}


def orders(bench, folder, settings, file, rounds):
    """The same order to each application, which must answer alike; and wrong ones, which each refuses."""
    body = folder / "order.json"
    body.write_bytes(json.dumps(ORDER, ensure_ascii=False, separators=(",", ":")).encode())
    token = file.read_text().split()[0]
    program = servers.RELEASE / "examples/validated"
    start = lambda name, **more: servers.bailiwick(folder, SECRET, name=name, program=program, **settings, **more)
    with ExitStack() as stack:
        contenders = [stack.enter_context(server) for server in [
            start(report.OURS), start(report.QUIET, LOGGING__ACCESS="false"),
            servers.axum(folder, SECRET), servers.python(folder, SECRET, "gunicorn"),
        ]]
        for server in contenders:
            server.wait()
        answers = {server.name: answer(server.port, token, ORDER) for server in contenders}
        if len(set(answers.values())) != 1 or answers[report.OURS][0] != 200:
            raise SystemExit(f"the answers to an order differ: {answers}")
        for wrong in [{**ORDER, "items": []}, {**ORDER, "customer": {**ORDER["customer"], "postal_code": "x"}}]:
            for server in contenders:
                if answer(server.port, token, wrong)[0] != 422:
                    raise SystemExit(f"{server.name} takes a wrong order")
        for _ in range(rounds):
            for server in contenders:
                bench.read(report.ORDER, server, "/orders", file, body=body)


def answer(port, token, order):
    """Status and body, in one form whatever the spaces and the order of the keys."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request("POST", "/orders", json.dumps(order), headers)
    response = connection.getresponse()
    return response.status, json.dumps(json.load(response), sort_keys=True)
