"""What logins are held against: one bcrypt verification at cost 12 by the fastest implementation."""
import ctypes
import ctypes.util
import time

import bcrypt

from data import HASH

PASSWORD = b"1234"


def _libxcrypt():
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return lambda: library.crypt(PASSWORD, HASH.encode()) == HASH.encode()


def _seconds(verify):
    begun = time.perf_counter()
    if not verify():
        raise SystemExit("a verification failed")
    return time.perf_counter() - begun


def verification():
    """Milliseconds of one verification by the C library's crypt and by Python's bcrypt (Rust)."""
    crypt = _libxcrypt()
    rust = lambda: bcrypt.checkpw(PASSWORD, HASH.encode())
    return {
        "libxcrypt": min(_seconds(crypt) for _ in range(3)) * 1e3,
        "bcrypt": min(_seconds(rust) for _ in range(3)) * 1e3,
    }
