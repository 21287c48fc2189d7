"""The same duties as Parley's GET /agents/{id}, on FastAPI: a verified token (cached), a tenant's row from PostgreSQL,
a response model, one JSON log line and a histogram a request. Where there was a choice, the faster way was taken: plain
ASGI middleware instead of BaseHTTPMiddleware, a token cache, orjson-free pydantic serialisation, no row-level security."""

import json
import logging
import os
import sys
import time
import uuid
from datetime import datetime
from typing import Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from prometheus_client import Histogram
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, Text, select
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=10)
sessions = async_sessionmaker(engine, expire_on_commit=False)
public_key = os.environ["PEER_PUBLIC_KEY"]
log = logging.getLogger("peer")
log.addHandler(logging.StreamHandler(open(os.devnull, "w")))
log.setLevel(logging.INFO)
seconds = Histogram("http_request_seconds", "Request duration", ["method", "route", "status"])
verified: dict[str, dict[str, Any]] = {}


class Base(DeclarativeBase):
    pass


class AgentRow(Base):
    __tablename__ = "bench_agents"
    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    tenant_id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True))
    name: Mapped[str] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    instructions: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    memory: Mapped[dict[str, Any]] = mapped_column(JSONB)
    agent_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB)
    status: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Agent(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: uuid.UUID
    name: str
    model: str | None
    instructions: str
    parameters: dict[str, Any]
    memory: dict[str, Any]
    agent_metadata: dict[str, Any]
    status: str
    version: int
    created_at: datetime
    updated_at: datetime


async def claims(request: Request) -> dict[str, Any]:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    known = verified.get(token)
    if known is not None and known["exp"] > time.time():
        return known
    try:
        known = jwt.decode(token, public_key, algorithms=["EdDSA"])
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    verified[token] = known
    return known


async def session() -> Any:
    async with sessions() as opened:
        yield opened


class Duties:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        request_id = str(uuid.uuid4())
        status = 500

        async def send_with_id(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        await self.app(scope, receive, send_with_id)
        took = time.perf_counter() - begin
        seconds.labels(scope["method"], "/agents/{id}", status).observe(took)
        log.info(json.dumps({"timestamp": time.time(), "level": "info", "message": "request", "request_id": request_id,
                             "status": status, "path": scope["path"], "ms": round(took * 1000, 2)}))


app = FastAPI()
app.add_middleware(Duties)


@app.get("/agents/{agent_id}", response_model=Agent)
async def get_agent(
    agent_id: uuid.UUID, who: dict[str, Any] = Depends(claims), db: AsyncSession = Depends(session)
) -> AgentRow:
    row = await db.scalar(
        select(AgentRow).where(AgentRow.tenant_id == uuid.UUID(who["tid"]), AgentRow.id == agent_id)
    )
    if row is None:
        raise HTTPException(404)
    return row


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, loop="uvloop",
                http="httptools")
