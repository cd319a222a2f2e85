"""Hashes by the libraries that other applications store them with, as JSON lines.

`foreign_hashes.py make PASSWORD` prints one hash a scheme: {"name": ..., "hash": ...}.
`foreign_hashes.py check PASSWORD HASH...` lets the real libraries say whether it is the password of all.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")

import argon2
import bcrypt
import django.conf
from passlib import hash as passlib
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from werkzeug.security import generate_password_hash

django.conf.settings.configure(
    PASSWORD_HASHERS=[
        f"django.contrib.auth.hashers.{name}PasswordHasher"
        for name in ("PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "BCrypt", "Scrypt")
    ]
)
from django.contrib.auth.hashers import make_password


# passlib 1.7.4 asks bcrypt for things that newer ones refuse; what it hashes is the same.
bcrypt.__about__ = type("about", (), {"__version__": bcrypt.__version__})
hashpw = bcrypt.hashpw
bcrypt.hashpw = lambda secret, salt: hashpw(secret[:72], salt)


def ldap(scheme, digest, salt=b""):
    """A digest as LDAP servers store it, for schemes that passlib does not have."""
    def make(password):
        found = hashlib.new(digest, password.encode() + salt).digest()
        return f"{{{scheme}}}" + base64.b64encode(found + salt).decode()
    return make


def htpasswd(flag):
    """What Apache's program writes behind the name."""
    def make(password):
        command = ["htpasswd", "-n", "-i", flag, "name"]
        done = subprocess.run(command, input=password + "\n", text=True, check=True, capture_output=True)
        return done.stdout.strip().removeprefix("name:")
    return make


def argon2_of(kind):
    """argon2-cffi, which pwdlib, passlib and Django use."""
    return argon2.PasswordHasher(2, 1024, 2, type=kind).hash


SCHEMES = {
    # FastAPI's tutorial and fastapi-users.
    "pwdlib": PasswordHash.recommended().hash,
    "pwdlib argon2 small": Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1).hash,
    "pwdlib bcrypt": BcryptHasher(rounds=5).hash,
    "argon2d": argon2_of(argon2.Type.D),
    "argon2i": argon2_of(argon2.Type.I),
    "passlib argon2": passlib.argon2.using(rounds=2, memory_cost=1024).hash,
    "passlib bcrypt 2a": passlib.bcrypt.using(rounds=5, ident="2a").hash,
    "passlib bcrypt 2b": passlib.bcrypt.using(rounds=5, ident="2b").hash,
    "passlib bcrypt 2y": passlib.bcrypt.using(rounds=5, ident="2y").hash,
    "passlib bcrypt_sha256 v1": passlib.bcrypt_sha256.using(rounds=5, version=1, ident="2a").hash,
    "passlib bcrypt_sha256 v2": passlib.bcrypt_sha256.using(rounds=5).hash,
    "passlib pbkdf2_sha1": passlib.pbkdf2_sha1.using(rounds=1000).hash,
    "passlib pbkdf2_sha256": passlib.pbkdf2_sha256.hash,
    "passlib pbkdf2_sha512": passlib.pbkdf2_sha512.using(rounds=1000).hash,
    "passlib ldap_pbkdf2_sha256": passlib.ldap_pbkdf2_sha256.using(rounds=1000).hash,
    "passlib scrypt": passlib.scrypt.using(rounds=10).hash,
    "passlib sha256_crypt": passlib.sha256_crypt.using(rounds=1500).hash,
    "passlib sha512_crypt": passlib.sha512_crypt.using(rounds=5000).hash,
    "passlib md5_crypt": passlib.md5_crypt.hash,
    "passlib apr_md5_crypt": passlib.apr_md5_crypt.hash,
    "passlib ldap_md5": passlib.ldap_md5.hash,
    "passlib ldap_salted_md5": passlib.ldap_salted_md5.hash,
    "passlib ldap_sha1": passlib.ldap_sha1.hash,
    "passlib ldap_salted_sha1": passlib.ldap_salted_sha1.hash,
    "passlib ldap_salted_sha256": passlib.ldap_salted_sha256.hash,
    "passlib ldap_salted_sha512": passlib.ldap_salted_sha512.hash,
    "passlib ldap_sha512_crypt": passlib.ldap_sha512_crypt.using(rounds=1000).hash,
    "passlib ldap_bcrypt": passlib.ldap_bcrypt.using(rounds=5).hash,
    "sha256 of an LDAP server": ldap("SHA256", "sha256"),
    "ssha512 in small letters": ldap("ssha512", "sha512", b"8 bytes!"),
    "Django pbkdf2_sha256": lambda password: make_password(password, hasher="pbkdf2_sha256"),
    "Django pbkdf2_sha1": lambda password: make_password(password, hasher="pbkdf2_sha1"),
    "Django argon2": lambda password: make_password(password, hasher="argon2"),
    "Django bcrypt_sha256": lambda password: make_password(password, hasher="bcrypt_sha256"),
    "Django bcrypt": lambda password: make_password(password, hasher="bcrypt"),
    "Django scrypt": lambda password: make_password(password, hasher="scrypt"),
    "passlib django_pbkdf2_sha256": passlib.django_pbkdf2_sha256.using(rounds=1000).hash,
    "Werkzeug": generate_password_hash,
    "Werkzeug pbkdf2": lambda password: generate_password_hash(password, "pbkdf2"),
    "Werkzeug pbkdf2:sha1": lambda password: generate_password_hash(password, "pbkdf2:sha1:1000"),
    "Werkzeug pbkdf2:sha512": lambda password: generate_password_hash(password, "pbkdf2:sha512:1000"),
    "htpasswd -m": htpasswd("-m"),
    "htpasswd -B": htpasswd("-B"),
    "htpasswd -s": htpasswd("-s"),
    "htpasswd -2": htpasswd("-2"),
    "htpasswd -5": htpasswd("-5"),
}


def is_right(password, hashed):
    """What the library says that this server's hashes are for; one with a pepper needs $PEPPER."""
    if hashed.startswith("pepper:"):
        seasoned = hmac.digest(os.environb[b"PEPPER"], password.encode(), "sha256")
        return is_right(base64.b64encode(seasoned).decode(), hashed.split(":", 2)[2])
    if hashed.startswith("$argon2"):
        return PasswordHash.recommended().verify(password, hashed)
    return bcrypt.checkpw(password.encode(), hashed.encode())


command, password, *hashes = sys.argv[1:]
if command == "make":
    for name, make in SCHEMES.items():
        print(json.dumps({"name": name, "hash": make(password)}))
wrong = [hashed for hashed in hashes if not is_right(password, hashed)]
if wrong:
    sys.exit(f"not the password of {wrong}")
