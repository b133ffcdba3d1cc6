"""Where the gateway may listen, and by which names it may be called."""

from urllib.parse import urlsplit

from streams.hosts import is_loopback
from streams.settings import Settings

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Exposed(Exception):
    """It was to listen for other machines, and anybody there could use it."""


def check_exposure(settings: Settings, host: str) -> None:
    """Raises Exposed where others could reach the gateway and there are no keys."""
    if not settings.keys and not is_loopback(host):
        raise Exposed(
            f"{host} can be reached by other machines, and there are no keys: anybody could read and acknowledge "
            "alerts. Make one by `floorwalker keys new NAME --role lead` and put its [[keys]] table into "
            "floorwalker.toml, or listen on 127.0.0.1"
        )


def names_of(settings: Settings, host: str) -> frozenset[str] | None:
    """The names that a request's Host may have; None: any. On loopback a foreign name is a page of somebody else's
    that had its own name lead here (DNS rebinding)."""
    if not is_loopback(host):
        return None
    public = urlsplit(settings.gateway.public_url or "").hostname
    return _LOOPBACK_NAMES | {host.lower()} | ({public} if public else set())
