"""The same duties as Parley's cached GET /products/{id}, on FastAPI: an API key by its SHA-256 (looked up in memory, with its
end and its permission), a bucket of requests (in memory; Parley's is counted in Redis), the product's final JSON from Redis,
ETag and 304, the same headers, a request id and a trace, one JSON line and the same metrics a request. Where there was a
choice, the faster way was taken: plain ASGI middleware instead of BaseHTTPMiddleware, no model between Redis and the answer,
orjson and batches for the log, children of metrics that are kept, hiredis, uvloop and httptools."""

import hashlib
import os
import re
import secrets
import sys
import time
import uuid
from datetime import datetime, timezone
from typing import Any

import orjson
import redis.asyncio as redis
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from prometheus_client import Counter, Gauge, Histogram

TENANT = os.environ["PEER_TENANT"]
ROUTE = "/api/v1/products/{product_id}"
LIMIT, WINDOW_SECONDS = 100_000_000.0, 60.0
store = redis.from_url(os.environ["PEER_REDIS_URL"])
keys: dict[str, dict[str, Any]] = {
    hashlib.sha256(os.environ["PEER_TOKEN"].encode()).hexdigest(): {
        "id": str(uuid.uuid4()), "tenant_id": TENANT, "permissions": {"products:read"}, "expires_at": None,
    }
}
buckets: dict[str, list[float]] = {}
seconds = Histogram("http_request_duration_seconds", "Request duration", ["method", "route", "status"],
                    buckets=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
in_flight = Gauge("http_requests_in_flight", "Requests that are being answered")
lookups = Counter("cache_requests_total", "Look-ups", ["cache", "result"])
hit, miss = lookups.labels("products", "hit"), lookups.labels("products", "miss")
verdicts = Counter("limiter_verdicts_total", "Verdicts", ["by", "verdict"])
allowed, refused = verdicts.labels("process", "allowed"), verdicts.labels("process", "refused")
children: dict[tuple[str, str, int], Any] = {}
lines: list[bytes] = []
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-permitted-cross-domain-policies", b"none"),
]
REQUEST_ID = re.compile(rb"^[A-Za-z0-9._:-]{1,128}$")
TRACEPARENT = re.compile(rb"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")


def may_go(key: dict[str, Any]) -> bool:
    now = time.monotonic()
    name = key["tenant_id"] + key["id"]
    bucket = buckets.setdefault(name, [LIMIT, now])
    bucket[0] = min(LIMIT, bucket[0] + (now - bucket[1]) * LIMIT / WINDOW_SECONDS)
    bucket[1] = now
    if bucket[0] < 1:
        refused.inc()
        return False
    bucket[0] -= 1
    allowed.inc()
    return True


async def caller(request: Request) -> dict[str, Any]:
    authorization = request.headers.get("authorization", "")
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
    key = keys.get(digest)
    if key is None or (key["expires_at"] is not None and key["expires_at"] <= time.time()):
        raise HTTPException(401)
    request.scope["key"] = key
    if not may_go(key):
        raise HTTPException(429)
    if "products:read" not in key["permissions"]:
        raise HTTPException(403)
    return key


class Duties:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        in_flight.inc()
        given = dict(scope["headers"])
        request_id = given.get(b"x-request-id", b"")
        if not REQUEST_ID.match(request_id):
            request_id = str(uuid.uuid4()).encode()
        match = TRACEPARENT.match(given.get(b"traceparent", b""))
        if match:
            trace_id, parent, flags = (part.decode() for part in match.groups())
        else:
            made = secrets.token_hex(24)
            trace_id, parent, flags = made[:32], made[32:], "00"
        status = 499

        async def send_with_headers(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += [*HEADERS, (b"x-request-id", request_id),
                                       (b"traceparent", f"00-{trace_id}-{parent}-{flags}".encode())]
            await send(message)

        await self.app(scope, receive, send_with_headers)
        took = time.perf_counter() - begin
        in_flight.dec()
        method = scope["method"]
        labels = (method, ROUTE, status)
        child = children.get(labels)
        if child is None:
            child = children[labels] = seconds.labels(method, ROUTE, status)
        child.observe(took)
        key = scope.get("key") or {}
        lines.append(orjson.dumps({
            "level": "info", "timestamp": datetime.now(timezone.utc), "module": "http",
            "request_id": request_id.decode(), "tenant_id": key.get("tenant_id"), "actor_id": key.get("id"),
            "trace_id": trace_id, "method": method, "route": ROUTE, "status": status,
            "duration_ms": round(took * 1000, 2), "message": "request",
        }))
        if len(lines) >= 100:
            sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
            sys.stdout.buffer.flush()
            lines.clear()


app = FastAPI()
app.add_middleware(Duties)


@app.get(ROUTE)
async def get_product(product_id: uuid.UUID, request: Request, key: dict[str, Any] = Depends(caller)) -> Response:
    found = await store.get(f"peer:{key['tenant_id']}:product:{product_id}")
    if found is None:
        miss.inc()
        raise HTTPException(404)
    hit.inc()
    etag, _, body = found.partition(b"\n")
    headers = {"etag": etag.decode(), "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json; charset=utf-8", headers=headers)


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, loop="uvloop",
                http="httptools")
