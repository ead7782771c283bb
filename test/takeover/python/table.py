"""A store of the first deployment's layout, in a file of SQLite."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

TABLE = """CREATE TABLE IF NOT EXISTS oauth_clients (
    key TEXT PRIMARY KEY, value JSONB NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"""


class Table:
    """The table of the first deployment: the collection is in the key, and the time to live
    is ignored, so that what has expired is still there."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self.db.execute(TABLE)

    def name(self, key: str, collection: str | None) -> str:
        return f"{collection or 'default_collection'}:{key}"

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        row = self.db.execute("SELECT value FROM oauth_clients WHERE key = ?", (self.name(key, collection),)).fetchone()
        return json.loads(row[0]) if row else None

    async def ttl(self, key: str, *, collection: str | None = None) -> tuple[dict[str, Any] | None, float | None]:
        return await self.get(key, collection=collection), None

    async def put(self, key: str, value: Mapping[str, Any], *, collection: str | None = None, ttl: Any = None) -> None:
        self.db.execute(
            "INSERT INTO oauth_clients (key, value, updated_at) VALUES (?, ?, CURRENT_TIMESTAMP)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            (self.name(key, collection), json.dumps(dict(value))),
        )

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        return self.db.execute("DELETE FROM oauth_clients WHERE key = ?", (self.name(key, collection),)).rowcount > 0

    async def get_many(self, keys: Sequence[str], *, collection: str | None = None) -> list[dict[str, Any] | None]:
        return [await self.get(key, collection=collection) for key in keys]

    async def ttl_many(self, keys: Sequence[str], *, collection: str | None = None) -> list[Any]:
        return [await self.ttl(key, collection=collection) for key in keys]

    async def put_many(self, keys: Sequence[str], values: Sequence[Mapping[str, Any]], *, collection: str | None = None, ttl: Any = None) -> None:
        for key, value in zip(keys, values, strict=True):
            await self.put(key, value, collection=collection)

    async def delete_many(self, keys: Sequence[str], *, collection: str | None = None) -> int:
        return sum([await self.delete(key, collection=collection) for key in keys])
