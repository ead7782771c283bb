"""Reads client rows with FastMCP and py-key-value, whichever versions are
installed, and prints what they see.

Standard input is {"encryption_key": "...", "values": {"<client_id>": {...}}}, the
output {"<client_id>": {...}} with the members of FastMCP's model. TestPythonReads
runs it: in CI with the FastMCP of the client suite, and it passed with the versions
that record.py names.
"""

import asyncio
import json
import logging
import sys

from cryptography.fernet import Fernet
from fastmcp.server.auth.oauth_proxy import OAuthProxy
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper


async def main() -> None:
    logging.disable()
    given = json.load(sys.stdin)
    memory = MemoryStore()
    server = OAuthProxy(
        upstream_authorization_endpoint="https://github.com/login/oauth/authorize",
        upstream_token_endpoint="https://github.com/login/oauth/access_token",
        upstream_client_id="upstream",
        upstream_client_secret="test-client-secret",
        token_verifier=StaticTokenVerifier(tokens={}),
        base_url="https://mcp.example",
        client_storage=FernetEncryptionWrapper(key_value=memory, fernet=Fernet(given["encryption_key"])),
    )
    seen = {}
    for client_id, value in given["values"].items():
        await memory.put(key=client_id, value=value, collection="mcp-oauth-proxy-clients")
        client = await server.get_client(client_id)
        seen[client_id] = client and client.model_dump(mode="json")
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
