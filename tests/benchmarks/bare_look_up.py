"""The least that answers a look-up: one FastAPI handler that reads the body and answers bytes that never change."""

import sys
from typing import Annotated

import uvicorn
from fastapi import Body, FastAPI, Response


def main(port: int, size: int) -> None:
    """Serve POST /look-up until ended."""
    app = FastAPI()
    answer = b'{"profile":"' + b"x" * (size - 14) + b'"}'

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response()

    @app.post("/look-up")
    async def look_up(identifier: Annotated[str, Body(embed=True)]) -> Response:
        return Response(answer if identifier else b"", media_type="application/json")

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, ws="none")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
