"""Where the trading key comes from, and who may use it.

Reads a key from an environment variable or a file, checks it against the address the config expects, and hands out a `SigningKey`
in the role Trading; in the role Observation there is no key and asking for one is an error. Never shows what it read: messages name the
place and what is allowed, never the text found there.
Easy to get wrong: an exception keeps the frames it passed through with their locals, and a crash report prints them. Every text that
may hold a secret is therefore read in a helper that answers instead of raising.

SPEC 5 (keys).
"""

from __future__ import annotations

import os
import re
import stat
from enum import Enum
from pathlib import Path

from core.config import Config, EnvVarKey, FileKey, Network, SimulatorKey
from core.hyperliquid.signing_key import SigningKey, checksum_address

TEST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first account of the well-known Anvil/Hardhat test mnemonic, printed in their manuals. Everybody has it: our simulator funds its
address, every other network is refused, and nothing of value must ever be sent there."""

TEST_ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
"""What `TEST_KEY` derives."""

TEST_GUARD_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
"""The second account of the same mnemonic: the guard's agent on our simulator, and as public as the first."""

MAX_FILE_BYTES = 1_024
"""A key file holds 64 digits and perhaps a line end; anything long is the wrong file."""

_LIKE_A_KEY = re.compile(r"[0-9a-fA-F]{48}")

_EXPECTED = "expected 64 hex digits, with or without 0x"


class SigningKeyError(Exception):
    """The key cannot be used. The operator's to mend; the text never quotes the key."""


class MissingKey(SigningKeyError):
    """The variable is not set, or the file is not there or cannot be read."""


class MalformedKey(SigningKeyError):
    """Something is there, but it is no key."""


class UnsafeKeyFile(SigningKeyError):
    """The file can be read by everybody, on mainnet."""


class AddressMismatch(SigningKeyError):
    """The key derives another address than the config expects."""


class NoTradingKey(SigningKeyError):
    """Something was to be signed in the role Observation. Ours to mend: nothing may ask for that."""


class Role(Enum):
    OBSERVATION = "observation"
    TRADING = "trading"


class KeyManager:
    """The one holder of the key. Its repr and its errors show the address at most."""

    __slots__ = ("_key", "warnings")

    def __init__(
        self, key: SigningKey | None, expected_address: str | None = None, warnings: tuple[str, ...] = ()
    ) -> None:
        """Take the key.

        Args:
            key: None for the role Observation.
            expected_address: What the config says the key derives; None: not said.
            warnings: What the operator should be told about where the key lies.

        Raises:
            AddressMismatch: The key derives another address.
        """
        self._key = key  # first of all, so that even a crash report about a refused key can show this object
        self.warnings = warnings
        if key is not None and expected_address is not None and key.address != expected_address.lower():
            raise AddressMismatch(
                f"signer.address: expected {checksum_address(expected_address)}, "
                f"but the key derives {checksum_address(key.address)}"
            )

    @classmethod
    def observation(cls) -> KeyManager:
        """Without a key."""
        return cls(None)

    @property
    def role(self) -> Role:
        return Role.OBSERVATION if self._key is None else Role.TRADING

    @property
    def address(self) -> str:
        """Lower-case address of the key, empty in the role Observation."""
        return "" if self._key is None else self._key.address

    @property
    def trading_key(self) -> SigningKey:
        """The key.

        Raises:
            NoTradingKey: In the role Observation.
        """
        if self._key is None:
            raise NoTradingKey("no trading key: the role is observation, nothing can be signed")
        return self._key

    def __repr__(self) -> str:
        return f"KeyManager({self.role.value}{', ' if self.address else ''}{self.address})"


def open_keys(config: Config) -> KeyManager:
    """The keys that a config asks for. In observation mode no key is read, even if one is configured.

    Raises:
        SigningKeyError: One of its kinds; the text names the place and what is allowed.
    """
    if config.mode == "observation":
        return KeyManager.observation()
    assert config.signer is not None, "a trading config without [signer] passed the config's own check"
    key, warnings = load_key(config.signer.key_source, config.network, config.rules)
    return KeyManager(key, config.signer.address, warnings)


def load_key(
    source: EnvVarKey | FileKey | SimulatorKey, network: Network, rules: Network | None = None
) -> tuple[SigningKey, tuple[str, ...]]:
    """The key from one place, and what the operator should be warned of.

    Args:
        source: Where the config says it is.
        network: Only the simulator takes the public test key.
        rules: Mainnet's refuse a file that everybody can read. Default: the network's own.

    Raises:
        MissingKey: Nothing there.
        MalformedKey: Not a key.
        UnsafeKeyFile: Readable by everybody, on mainnet.
    """
    if isinstance(source, SimulatorKey):
        if network is not Network.SIMULATOR:
            raise MalformedKey(f"signer.key_source: the public test key is for the simulator, not for {network.value}")
        return SigningKey.from_hex(TEST_KEY), ()
    from core.runtime.hardening import keep_out_of_core_files

    keep_out_of_core_files()
    if isinstance(source, FileKey):
        return _from_file(Path(source.path).expanduser(), rules or network)
    where = f"signer.key_source: environment variable {_name(source.var_name)}"
    if source.var_name not in os.environ:
        raise MissingKey(f"{where} is not set; {_EXPECTED}")
    key = _parsed(os.environ[source.var_name])
    if isinstance(key, str):
        raise MalformedKey(f"{where} {key}; {_EXPECTED}")
    return key, ()


def load_guard_key(config: Config) -> KeyManager:
    """The guard's own key.

    Raises:
        SigningKeyError: None is configured, or it cannot be used.
    """
    source = config.guard.key_source
    if source is None and config.network is not Network.SIMULATOR:
        raise MissingKey("guard.key_source: missing; the guard needs an agent key of its own, approved by the account")
    if source is None or isinstance(source, SimulatorKey):
        return KeyManager(SigningKey.from_hex(TEST_GUARD_KEY), config.guard.address)
    try:
        key, warnings = load_key(source, config.network)
        return KeyManager(key, config.guard.address, warnings)
    except SigningKeyError as e:
        raise type(e)(str(e).replace("signer.", "guard.")) from None


def _from_file(path: Path, rules: Network) -> tuple[SigningKey, tuple[str, ...]]:
    where = f"signer.key_source: key file {_name(str(path))}"
    try:
        # Non-blocking, so that a pipe put in its place cannot hang the start. Judged by what was opened, not by its name again.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as e:
        raise MissingKey(f"{where} cannot be read: {e.strerror}; {_EXPECTED}") from None
    try:
        mode = os.fstat(fd).st_mode
        permissions = f"{stat.S_IMODE(mode):04o}"
        if not stat.S_ISREG(mode):
            raise MissingKey(f"{where} is not a regular file; {_EXPECTED}")
        if rules is Network.MAINNET and mode & stat.S_IROTH:
            raise UnsafeKeyFile(f"{where} can be read by everybody (mode {permissions}); allowed on mainnet: 0600")
        key = _parsed_bytes(os.read(fd, MAX_FILE_BYTES + 1))
    except OSError as e:
        raise MissingKey(f"{where} cannot be read: {e.strerror}; {_EXPECTED}") from None
    finally:
        os.close(fd)
    if isinstance(key, str):
        raise MalformedKey(f"{where} {key}; {_EXPECTED}")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        return key, (f"key file {path} can be read by others (mode {permissions}); make it 0600",)
    return key, ()


def _name(text: str) -> str:
    """A name from the config, unless it looks as if the key itself had been put there."""
    return "(name not shown, it looks like a key)" if _LIKE_A_KEY.search(text) else text


def _parsed_bytes(content: bytes) -> SigningKey | str:
    """As `_parsed`, for what a file holds."""
    if len(content) > MAX_FILE_BYTES:
        return f"holds more than {MAX_FILE_BYTES} bytes"
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        return "is binary, not text"
    return _parsed(text)


def _parsed(text: str) -> SigningKey | str:
    """The key, or what is wrong with the text in words that do not quote it. Returned, not raised: see the module's head."""
    if not text.strip():
        return "is empty"
    if not text.strip().isprintable():
        return "is binary, not text"
    try:
        return SigningKey.from_hex(text)
    except ValueError:
        digits = text.strip().removeprefix("0x").removeprefix("0X")
        if len(digits) != 64:
            return f"holds {len(digits)} characters"
        if any(c not in "0123456789abcdefABCDEF" for c in digits):
            return "holds a character that is no hex digit"
        return "holds a number that is no key (zero, or beyond the order of secp256k1)"
