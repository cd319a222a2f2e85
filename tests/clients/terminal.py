"""Runs a command on a terminal of its own and shows what it prints there. Each line of standard input does
something to the terminal: `resize`, `interrupt` (Ctrl-C), `suspend` (Ctrl-Z), `continue` (a shell's `fg`),
`close`."""

import os
import pty
import select
import signal
import sys
import termios

child, terminal = pty.fork()
if child == 0:
    # As a shell: below nohup the signal is ignored, and the system would tell nobody that the leader ends.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # As below a shell: the command leads no session, but the terminal's foreground group.
    command = os.fork()
    if command:
        # When this leader of the session ends, the system tells the foreground group: HUP.
        while os.waitid(os.P_PID, command, os.WEXITED | os.WSTOPPED).si_code == os.CLD_STOPPED:
            print("stopped", flush=True)
        os._exit(0)
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])

watched = [sys.stdin, terminal]
while watched:
    ready, _, _ = select.select(watched, [], [])
    if terminal in ready:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break  # The terminal closes with the command.
        sys.stdout.buffer.write(part)
        sys.stdout.flush()
    if sys.stdin in ready:
        order = sys.stdin.readline().strip()
        if order == "resize":
            for columns in range(81, 120):
                termios.tcsetwinsize(terminal, (24, columns))
        elif order == "interrupt":
            os.write(terminal, b"\x03")
        elif order == "suspend":
            os.write(terminal, b"\x1a")
        elif order == "continue":
            os.killpg(os.tcgetpgrp(terminal), signal.SIGCONT)
        else:
            break  # `close`, or the test is over.
os.close(terminal)
