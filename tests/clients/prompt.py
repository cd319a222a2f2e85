"""Runs a command on a terminal of its own and answers its prompts with the lines of standard input,
each as soon as the terminal shows nothing of what is typed."""

import os
import pty
import sys
import termios
import time

answers = sys.stdin.read().splitlines()
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])


def echoes():
    return termios.tcgetattr(terminal)[3] & termios.ECHO


shown = b""
for answer in answers:
    while not shown.endswith(b": "):
        shown += os.read(terminal, 1024)
    deadline = time.monotonic() + 30
    while echoes():
        if time.monotonic() > deadline:
            sys.exit("the terminal shows what is typed")
        time.sleep(0.01)
    os.write(terminal, answer.encode() + b"\n")
    shown += b"\n"
try:
    while part := os.read(terminal, 1024):
        shown += part
except OSError:
    pass  # The terminal closes with the command.
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(status))
