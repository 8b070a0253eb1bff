"""The node's encryption keys: a new one each day, the old ones erased.

In the directory, for each epoch: `<epoch>.key`, the private key of 32 bytes, and
`<epoch>.bundle`, the body and signature of its bundle. A key is there before its bundle
is; the newest bundle stays when its key is gone, so that epochs go on from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from clubai.crypto import keyfiles
from clubai.crypto.bundles import (
    BUNDLE_SIZE,
    CLOCK_SKEW_MS,
    NO_PREVIOUS,
    Bundle,
    make_bundle,
    read_bundle,
)
from clubai.crypto.identity import KEY_SIZE, SIGNATURE_SIZE, Identity
from clubai.errors import ConfigError, TrustError

EPOCH_MS: Final = 24 * 3600 * 1000
"""How long a key is the current one."""
VALIDITY_MS: Final = 2 * EPOCH_MS
GRACE_MS: Final = 3600 * 1000
"""How long after its bundle's validity a private key is kept."""

_FIX: Final = "restore its directory from a backup, or give the node a new identity"
HASH_SIZE: Final = 32
_BUNDLE_FILE_SIZE: Final = BUNDLE_SIZE + SIGNATURE_SIZE


class EpochKeys:
    """The node's encryption keys, on disk and here.

    Opening and refreshing read and write files: call them in a thread.

    `refresh` makes and erases; call it at `next_change_ms` or later. All times are Unix
    milliseconds. Two processes may use one directory: an epoch has one key for both.
    """

    def __init__(self, directory: Path, identity: Identity, now_ms: int) -> None:
        self._directory = directory
        self._identity = identity
        self._keys: dict[bytes, X25519PrivateKey] = {}
        self._next_change_ms = 0
        self._made: set[bytes] = set()
        self._current = self._renew(now_ms)

    @classmethod
    def open(cls, directory: Path, identity: Identity, *, now_ms: int) -> Self:
        """Read the keys in `directory`, and make the first when there is none.

        Raises:
            ConfigError: a file is torn, or of another node.
            StorageError: a file or the directory cannot be read or written.
        """
        return cls(directory, identity, now_ms)

    def __repr__(self) -> str:
        return f"<EpochKeys of epoch {self.current.epoch}>"

    @property
    def current(self) -> Bundle:
        """The bundle to show: what clients seal to."""
        return self._current

    @property
    def next_change_ms(self) -> int:
        """When `refresh` has something to do."""
        return self._next_change_ms

    def private(self, bundle_hash: bytes) -> X25519PrivateKey | None:
        """The private key of a bundle, if that is the current or the one before."""
        return self._keys.get(bundle_hash)

    def knows(self, bundle_hash: bytes) -> bool:
        """Whether this node made the bundle, however long ago."""
        return bundle_hash in self._made

    def refresh(self, now_ms: int) -> bool:
        """Make a new epoch and erase old keys, where it is time for either.

        Returns:
            Whether `current` is another now.

        Raises:
            ConfigError: a file is torn, or of another node.
            StorageError: a file or the directory cannot be read or written.
        """
        before = self._current
        if now_ms < self._next_change_ms and _begun(before, now_ms):
            return False
        self._current = self._renew(now_ms)
        return self._current != before

    def _renew(self, now_ms: int) -> Bundle:
        bundles = self._bundles()
        alive = {epoch for epoch, bundle in bundles.items() if _alive(bundle, now_ms)}
        newest = max(bundles, default=0)
        self._erase(keep=alive, upto=newest)
        keys = self._load([bundles[epoch] for epoch in alive])
        current = bundles.get(newest)
        if current is None or newest not in keys or not _fresh(current, now_ms):
            newest += 1
            current = bundles[newest] = self._make(newest, current, now_ms)
            keys |= self._load([current])
        self._remember(bundle.hash for bundle in bundles.values())
        self._remove(bundles.keys() - alive - {newest})
        self._keys = {
            bundles[epoch].hash: key
            for epoch, key in keys.items()
            if epoch >= newest - 1
        }
        ends = [bundles[epoch].naf_ms + GRACE_MS for epoch in alive]
        self._next_change_ms = min([current.nbf_ms + EPOCH_MS, *ends])
        return current

    def _make(self, epoch: int, previous: Bundle | None, now_ms: int) -> Bundle:
        # Of two processes one wins the key, and one the bundle, which is of that key.
        key = keyfiles.load_or_create(self._path(epoch, "key"), _new_key, size=KEY_SIZE)
        bundle = make_bundle(
            self._identity,
            _public(key),
            epoch=epoch,
            nbf_ms=now_ms,
            naf_ms=now_ms + VALIDITY_MS,
            previous=NO_PREVIOUS if previous is None else previous.hash,
        )
        content = keyfiles.load_or_create(
            self._path(epoch, "bundle"),
            lambda: bundle.body + bundle.sig,
            size=_BUNDLE_FILE_SIZE,
        )
        return self._read(epoch, content)

    def _bundles(self) -> dict[int, Bundle]:
        found = {}
        for epoch in self._epochs("bundle"):
            path = self._path(epoch, "bundle")
            content = keyfiles.find(path, size=_BUNDLE_FILE_SIZE)
            if content is not None:
                found[epoch] = self._read(epoch, content)
        return found

    def _read(self, epoch: int, content: bytes) -> Bundle:
        path = self._path(epoch, "bundle")
        try:
            bundle = read_bundle(content[:BUNDLE_SIZE], content[BUNDLE_SIZE:])
        except TrustError as error:
            raise ConfigError("bundle file", str(path), f"torn: {_FIX}") from error
        if bundle.ik != self._identity.key:
            raise ConfigError("bundle file", str(path), f"of another node: {_FIX}")
        if bundle.epoch != epoch:
            raise ConfigError("bundle file", str(path), f"of another epoch: {_FIX}")
        return bundle

    def _load(self, bundles: Iterable[Bundle]) -> dict[int, X25519PrivateKey]:
        keys = {}
        for bundle in bundles:
            path = self._path(bundle.epoch, "key")
            key = keyfiles.find(path, size=KEY_SIZE)
            if key is None:
                continue
            if _public(key) != bundle.ek:
                raise ConfigError("key file", str(path), f"not of its bundle: {_FIX}")
            keys[bundle.epoch] = X25519PrivateKey.from_private_bytes(key)
        return keys

    def _erase(self, *, keep: set[int], upto: int) -> None:
        # A key after the newest bundle is one that is being made.
        for epoch in self._epochs("key"):
            if epoch not in keep and epoch <= upto:
                keyfiles.erase(self._path(epoch, "key"))

    def _remember(self, hashes: Iterable[bytes]) -> None:
        path = self._directory / "made"
        known = keyfiles.read_all(path)
        if len(known) % HASH_SIZE:
            raise ConfigError("bundle list", str(path), f"torn: {_FIX}")
        starts = range(0, len(known), HASH_SIZE)
        self._made = {known[start : start + HASH_SIZE] for start in starts}
        new = [each for each in hashes if each not in self._made]
        if new:
            keyfiles.replace(path, known + b"".join(new))
            self._made.update(new)

    def _remove(self, epochs: Iterable[int]) -> None:
        for epoch in epochs:
            keyfiles.erase(self._path(epoch, "bundle"))

    def _epochs(self, kind: str) -> list[int]:
        names = (path.stem for path in self._directory.glob(f"*.{kind}"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _path(self, epoch: int, kind: str) -> Path:
        return self._directory / f"{epoch}.{kind}"


def _begun(bundle: Bundle, now_ms: int) -> bool:
    """Whether others take it for valid; not so after the clock was put back."""
    return now_ms + CLOCK_SKEW_MS >= bundle.nbf_ms


def _fresh(bundle: Bundle, now_ms: int) -> bool:
    return _begun(bundle, now_ms) and now_ms < bundle.nbf_ms + EPOCH_MS


def _alive(bundle: Bundle, now_ms: int) -> bool:
    """Whether its key is kept; one of the future is not, it would be kept for long."""
    return bundle.nbf_ms - GRACE_MS <= now_ms < bundle.naf_ms + GRACE_MS


def _new_key() -> bytes:
    return X25519PrivateKey.generate().private_bytes_raw()


def _public(key: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
