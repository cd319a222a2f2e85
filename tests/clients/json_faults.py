"""Where Python's json finds each of these bodies at fault, and its words; null for what it reads."""

import json
import sys


def fault(body):
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        return [error.pos, error.msg]


print(json.dumps([fault(body) for body in json.loads(sys.argv[1])]))
