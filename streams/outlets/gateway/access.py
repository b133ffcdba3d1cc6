"""Who may do what: keys, sessions, roles. A route that names no role cannot be made."""

import secrets
from collections.abc import Awaitable, Callable, Iterable
from hmac import compare_digest
from typing import Literal, NamedTuple

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from streams.outlets.gateway.errors import Refused
from streams.outlets.gateway.keys import hash_of
from streams.sections import Key

Role = Literal["wall", "viewer", "lead"]
Need = Literal["public", "wall", "viewer", "lead"]
RANK: dict[str, int] = {"public": 0, "wall": 1, "viewer": 2, "lead": 3}
SESSION_SECONDS = {"wall": 30 * 86_400, "viewer": 12 * 3_600, "lead": 12 * 3_600}
_MOST_SESSIONS = 10_000


class Who(NamedTuple):
    """Who asks. `name` None: anybody on this machine, where there are no keys."""

    name: str | None
    role: Role


class Session(NamedTuple):
    """Somebody who signed in."""

    who: Who
    ends: int


class Access:
    """Finds out who asks. `clock`: the server's time, ms."""

    def __init__(self, keys: Iterable[Key], clock: Callable[[], int], *, https: bool) -> None:
        self._keys = {key.name: key for key in keys}
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self.https = https
        self.cookie = "__Host-fw" if https else "fw"

    def by_key(self, text: str) -> Who | None:
        """Whose key it is."""
        # All are compared, in the same time.
        given = hash_of(text)
        found = None
        for key in self._keys.values():
            if compare_digest(given, key.sha256) and text.startswith(f"fw_{key.name}_"):
                found = Who(key.name, key.role)
        return found

    def who(self, request: Request) -> Who | None:
        """Who sent a request, None where that is not known."""
        if not self._keys:
            return Who(None, "lead")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme:
            return self.by_key(token.strip()) if scheme.lower() == "bearer" else None
        cookie = request.cookies.get(self.cookie)
        session = self._sessions.get(hash_of(cookie)) if cookie else None
        if session is None or session.ends <= self._clock():
            return None
        return session.who

    def sign_in(self, who: Who) -> tuple[str, int]:
        """A new session: what the cookie holds, and for how many seconds."""
        token, seconds, now = secrets.token_urlsafe(32), SESSION_SECONDS[who.role], self._clock()
        for name in [name for name, session in self._sessions.items() if session.ends <= now]:
            del self._sessions[name]
        if len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[hash_of(token)] = Session(who, now + seconds * 1000)
        return token, seconds

    def sign_out(self, request: Request) -> None:
        """End the session of a request."""
        cookie = request.cookies.get(self.cookie)
        if cookie:
            self._sessions.pop(hash_of(cookie), None)

    def allow(self, request: Request, need: Need) -> None:
        """Let a request pass and note who asks, or raise Refused."""
        if need == "public":
            return
        who = self.who(request)
        if who is None:
            raise Refused(
                401,
                "Not signed in",
                "send 'Authorization: Bearer KEY', or sign in by POST /session",
                headers={"WWW-Authenticate": "Bearer"},
            )
        request.state.who = who
        if RANK[who.role] < RANK[need]:
            raise Refused(403, "Not allowed", f"this needs the role {need}; yours is {who.role}")


def needs(role: Need) -> Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
    """Say which role an endpoint is for."""

    def mark(endpoint: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        endpoint.need = role  # type: ignore[attr-defined]
        return endpoint

    return mark


class GuardedRoute(APIRoute):
    """A route that asks who asks before anything of the request is read."""

    @property
    def need(self) -> Need:
        """The role that it is for. Raises LookupError for an endpoint without `needs`."""
        need: Need | None = getattr(self.endpoint, "need", None)
        if need is None:
            raise LookupError(f"{self.path}: say with @needs(...) for which role it is")
        return need

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The endpoint's handler behind the check."""
        handle, need = super().get_route_handler(), self.need

        async def guarded(request: Request) -> Response:
            request.app.state.access.allow(request, need)
            return await handle(request)

        return guarded
