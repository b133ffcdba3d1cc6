"""The least that takes signed webhooks: one FastAPI handler, an HMAC, acks=all. What the gateway is measured beside."""

import hashlib
import hmac
import sys

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request, Response


def main(bootstrap: str, topic: str, port: int, secret: str) -> None:
    """Serve POST /hook until ended."""
    app = FastAPI()
    started: list[AIOKafkaProducer] = []

    async def producer() -> AIOKafkaProducer:
        if not started:
            made = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
            started.append(made)
            await made.start()
        return started[0]

    @app.get("/healthz")
    async def healthz() -> Response:
        await producer()
        return Response()

    @app.post("/hook")
    async def hook(request: Request) -> Response:
        body = await request.body()
        signed = b"v0:" + request.headers["x-slack-request-timestamp"].encode() + b":" + body
        expected = "v0=" + hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
        if not hmac.compare_digest(expected, request.headers["x-slack-signature"]):
            return Response(status_code=401)
        await (await producer()).send_and_wait(topic, body)
        return Response()

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, ws="none")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
