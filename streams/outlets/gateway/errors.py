"""Errors as RFC 9457 says: application/problem+json, whatever went wrong; never with what was sent."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA = "application/problem+json"


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request, and where."""

    pointer: str
    detail: str


class ProblemDetails(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: tuple[Fault, ...] = ()


PROBLEMS = {
    "invalid-request": "A parameter or the body is not as described at /docs; `errors` says which part and why.",
    "not-signed-in": "Send 'Authorization: Bearer KEY', or sign in by POST /session.",
    "not-allowed": "Your role may not do this.",
    "foreign-page": "A request that changes something came from a page of another site.",
    "unknown-host": "The gateway listens on loopback and was called by a name that it does not know.",
    "not-genuine": "The provider did not send this webhook, or not just now, or the secret is another.",
    "not-found": "There is nothing at this path, or what it names is not there (any more).",
    "method-not-allowed": "The path does not take this method; the header Allow lists those that it does.",
    "closed": "The alert is over: there is nothing to acknowledge.",
    "ends-by-itself": "The alert pipeline.blind can't be acknowledged: it is over when the numbers move again.",
    "other-filter": "A cursor goes with the filter that it was given for.",
    "too-large": "A body has 64 KiB at most, a webhook's as much as its provider sends.",
    "too-slow": "The body of a webhook must be there within 10 s.",
    "not-json": "Bodies are application/json.",
    "too-many": "More requests of this kind than are taken; the header Retry-After says when to try again.",
    "kafka-is-away": "What you sent could not be kept; send it again, to alerts with the same Idempotency-Key.",
    "not-ready": "The past is still being read; the header Retry-After says when to ask again.",
    "internal-error": "A fault of the program; its log has the request_id.",
}
"""What goes wrong, by the last part of `type`."""


class Refused(Exception):
    """A request that is answered with a problem. `detail`: what to do."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def problem(scope: Mapping[str, Any], refused: Refused) -> Response:
    """A problem as the answer to the request of this ASGI scope."""
    body = ProblemDetails(
        type=f"/docs/problems#{refused.title.lower().replace(' ', '-')}",
        title=refused.title,
        status=refused.status,
        detail=refused.detail,
        instance=str(scope.get("path", "")),
        request_id=str(scope.get("state", {}).get("request_id", "")),
        errors=refused.errors,
    )
    return Response(msgspec.json.encode(body), refused.status, headers=refused.headers, media_type=MEDIA)


_TITLES = {400: "Invalid request", 404: "Not found", 405: "Method not allowed", 413: "Too large"}


def _title(status: int) -> str:
    return _TITLES.get(status) or HTTPStatus(status).phrase.capitalize()


def register(app: FastAPI) -> None:
    """Have the app answer every error with a problem."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)  # noqa: S101 - what it is registered for
        return problem(request.scope, error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        detail = {
            404: "there is nothing at this path; /docs lists what there is",
            405: "this path does not take this method; the header Allow lists those that it does",
        }.get(error.status_code, str(error.detail))
        return problem(
            request.scope, Refused(error.status_code, _title(error.status_code), detail, headers=error.headers)
        )

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
        faults = [Fault(_pointer(each["loc"]), _words(each)) for each in error.errors()]
        return problem(
            request.scope,
            Refused(
                422, "Invalid request", "; ".join(f"{each.pointer}: {each.detail}" for each in faults), errors=faults
            ),
        )

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)


def _pointer(place: Sequence[Any]) -> str:
    where, *rest = place
    path = "/".join(str(part) for part in rest)
    return f"#/{path}" if where == "body" else f"{where}:{path}"


def _words(error: Mapping[str, Any]) -> str:
    # Pydantic's own words for these would repeat what was sent.
    if error["type"] == "json_invalid":
        return "this is not JSON"
    if error["type"] == "value_error":
        return str(error.get("ctx", {}).get("error", "not a value of this kind"))
    return str(error["msg"])
