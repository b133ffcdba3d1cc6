"""The pages: the wallboard's files and the description of the API, from this machine alone."""

import mimetypes
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request
from starlette.responses import Response
from swagger_ui_bundle import swagger_ui_path

from streams.outlets.gateway.access import needs
from streams.outlets.gateway.edge import DOCS_POLICY, PAGE_POLICY
from streams.outlets.gateway.errors import PROBLEMS, Refused

STATIC = Path(__file__).with_name("static")
_SWAGGER = Path(swagger_ui_path)
_SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}

_DOCS = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Floorwalker API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});\n'


class File(NamedTuple):
    """A file as it is served."""

    content: bytes
    media: str
    etag: str


class Files:
    """All files of a folder, held in memory as they were when the gateway started."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): file_of(path.read_bytes(), path.name)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def get(self, name: str) -> File:
        """A file by its path in the folder. Raises Refused (404)."""
        if name not in self._files:
            raise Refused(404, "Not found", "there is no such file")
        return self._files[name]

    def build(self) -> str:
        """What tells one version of the pages from another: the program's version and a hash of the files."""
        digest = sha256()
        for name, file in sorted(self._files.items()):
            digest.update(f"{name}\x00{file.etag}\x00".encode())
        return f"{version('floorwalker')}-{digest.hexdigest()[:8]}"


def file_of(content: bytes, name: str) -> File:
    """A file of this content; its kind is told by its name."""
    media = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return File(content, media, f'"{sha256(content).hexdigest()[:16]}"')


def serve(file: File, request: Request, policy: str = PAGE_POLICY) -> Response:
    """A file as the answer: asked for anew each time, sent again only when it is another."""
    headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Content-Security-Policy": policy}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media, headers=headers)


def register(app: FastAPI, files: Files) -> None:
    """Serve the pages."""
    docs = {name: file_of((_SWAGGER / name).read_bytes(), name) for name in _SWAGGER_FILES}
    docs["start.js"] = file_of(_START.encode(), "start.js")
    docs["problems"] = file_of(
        "\n\n".join(f"{slug}\n  {words}" for slug, words in PROBLEMS.items()).encode(), "problems.txt"
    )
    index = file_of(_DOCS.encode(), "index.html")

    @app.get("/", include_in_schema=False)
    @needs("public")
    async def page(request: Request) -> Response:
        return serve(files.get("index.html"), request)

    @app.get("/static/{path:path}", include_in_schema=False)
    @needs("public")
    async def static(path: str, request: Request) -> Response:
        return serve(files.get(path), request)

    @app.get("/docs", include_in_schema=False)
    @needs("viewer")
    async def docs_page(request: Request) -> Response:
        return serve(index, request, DOCS_POLICY)

    @app.get("/docs/{name}", include_in_schema=False)
    @needs("public")
    async def docs_file(name: str, request: Request) -> Response:
        if name not in docs:
            raise Refused(404, "Not found", "there is no such file")
        return serve(docs[name], request, DOCS_POLICY)

    @app.get("/openapi.json", include_in_schema=False)
    @needs("viewer")
    async def openapi(request: Request) -> Response:
        return Response(request.app.state.openapi, media_type="application/json")
