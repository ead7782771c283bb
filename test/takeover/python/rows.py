"""Reads every row of a table as FastMCP 3 and later do, and prints how many there are.

    python rows.py DATABASE KEY
"""

import json
import sqlite3
import sys
from collections import Counter
from typing import Any

import anyio
from cryptography.fernet import Fernet
from fastmcp.server.auth.oauth_proxy import models
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper

MODELS: dict[str, Any] = {
    "mcp-oauth-proxy-clients": models.ProxyDCRClient,
    "mcp-oauth-transactions": models.OAuthTransaction,
    "mcp-authorization-codes": models.ClientCode,
    "mcp-upstream-tokens": models.UpstreamTokenSet,
    "mcp-jti-mappings": models.JTIMapping,
    "mcp-refresh-tokens": models.RefreshTokenMetadata,
}


async def main(path: str, key: str) -> None:
    plain = MemoryStore()
    store = FernetEncryptionWrapper(plain, fernet=Fernet(key))
    seen: Counter[str] = Counter()
    for name, value in sqlite3.connect(path).execute("SELECT key, value FROM oauth_clients"):
        collection, _, row = name.partition(":")
        await plain.put(row, json.loads(value), collection=collection)
        MODELS[collection].model_validate(await store.get(row, collection=collection))
        seen[collection] += 1
    print(json.dumps(seen))


anyio.run(main, sys.argv[1], sys.argv[2])
