"""Certificates of a test's own making, with the machine's openssl: an authority that nobody knows, and what it signed or did not sign."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

_DAYS = "3650"


class Certificates:
    """In one folder; none of it outlives the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.authority = self._authority("authority", "The test's own authority")

    def _authority(self, name: str, said: str) -> Path:
        self._openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", _DAYS, "-subj", f"/CN={said}"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
        )
        return self._folder / f"{name}.pem"

    def signed(self, name: str, hosts: str) -> ssl.SSLContext:
        """What a server shows whose certificate the authority signed. ``hosts``: as openssl writes them, ``DNS:localhost,IP:127.0.0.1``."""
        self._openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=exchange", "-keyout", f"{name}.key"),
            *("-out", f"{name}.csr"),
        )
        (self._folder / f"{name}.ext").write_text(f"subjectAltName={hosts}\nbasicConstraints=CA:FALSE\n")
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey", "authority.key"),
            *("-CAcreateserial", "-days", _DAYS, "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
        )
        return self._server(name)

    def self_signed(self, name: str, hosts: str) -> ssl.SSLContext:
        self._openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", _DAYS, "-subj", "/CN=exchange"),
            *("-addext", f"subjectAltName={hosts}", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
        )
        return self._server(name)

    def _server(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def _openssl(self, *args: str) -> None:
        done = subprocess.run(["openssl", *args], cwd=self._folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
