"""Prints what FastMCP's OAuth proxy stores when clients register, with
py-key-value's FernetEncryptionWrapper that its documentation recommends.

    python record.py > fastmcp-<version>.json

The recordings beside this file were made with Python 3.11.7, cryptography 50.0.2 and

    fastmcp 2.13.0, py-key-value-aio 0.2.8, mcp 1.18.0, pydantic 2.12.3
    fastmcp 3.4.7,  py-key-value-aio 0.4.4, mcp 1.26.0

Tokens hold the time and a random IV, so a new recording differs.
"""

import asyncio
import base64
import json
import logging
import platform
from importlib.metadata import version

from cryptography.fernet import Fernet
from fastmcp.server.auth.oauth_proxy import OAuthProxy
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper
from mcp.shared.auth import OAuthClientInformationFull

try:  # 3.x
    from fastmcp.server.auth.cimd import CIMDDocument
    from fastmcp.server.auth.oauth_proxy.models import ProxyDCRClient
except ImportError:
    CIMDDocument = None

KEY = "ShZNsV87_h3lPyryK6kQC2UPzsXDmc52zVYcFVn30JA="
COLLECTION = "mcp-oauth-proxy-clients"
DOCUMENT = "https://app.example/client.json"

REGISTRATIONS = {
    "public": {
        "client_id": "2f6c1f9e-8f0e-4a53-9f2b-2f5d8d0f6a11",
        "redirect_uris": ["http://localhost:33418/callback", "http://127.0.0.1/"],
        "client_name": "Claude Code",
        "scope": "openid",
    },
    "confidential": {
        "client_id": "c0ffee00-0000-4000-8000-000000000001",
        "client_secret": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
        "client_name": "ChatGPT",
        "grant_types": ["authorization_code"],
    },
    "awkward text": {
        "client_id": "c0ffee00-0000-4000-8000-000000000002",
        "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback", "https://bücher.example/a b?x=1&y=<2>"],
        "client_name": "Zoë ✓ 🚀 <b>\"R&D\"</b>\\/\u2028\t\b\u0001\u007f\u00a0",
        "scope": "read write",
    },
}


def proxy(storage, **options) -> OAuthProxy:
    return OAuthProxy(
        upstream_authorization_endpoint="https://github.com/login/oauth/authorize",
        upstream_token_endpoint="https://github.com/login/oauth/access_token",
        upstream_client_id="upstream",
        upstream_client_secret="test-client-secret",
        token_verifier=StaticTokenVerifier(tokens={}),
        base_url="https://mcp.example",
        client_storage=storage,
        **options,
    )


async def store(memory: MemoryStore) -> list[tuple[str, str]]:
    """Stores the clients and returns (name of the case, client_id)."""
    storage = FernetEncryptionWrapper(key_value=memory, fernet=Fernet(KEY))
    for registration in REGISTRATIONS.values():
        await proxy(storage).register_client(OAuthClientInformationFull(**registration))
    cases = [(name, registration["client_id"]) for name, registration in REGISTRATIONS.items()]

    limited = {
        "client_id": "c0ffee00-0000-4000-8000-000000000003",
        "redirect_uris": ["http://localhost:33418/callback"],
    }
    await proxy(storage, allowed_client_redirect_uris=["http://localhost:*"]).register_client(
        OAuthClientInformationFull(**limited)
    )
    cases.append(("limited redirect URIs", limited["client_id"]))

    if CIMDDocument is not None:
        await store_document(proxy(storage))
        cases.append(("client ID metadata document", DOCUMENT))
    return cases


async def store_document(server: OAuthProxy) -> None:
    """Stores what a lookup of a client ID metadata document does, without the fetch."""
    document = CIMDDocument(
        client_id=DOCUMENT,
        client_name="App “example”",
        redirect_uris=["http://localhost:3000/callback"],
        jwks={"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "BB"}]},
    )
    client = ProxyDCRClient(
        client_id=DOCUMENT,
        redirect_uris=None,
        grant_types=document.grant_types,
        scope="openid",
        token_endpoint_auth_method=document.token_endpoint_auth_method,
        client_name=document.client_name,
        cimd_document=document,
        cimd_fetched_at=1750000000.25,
    )
    await server._client_store.put(key=DOCUMENT, value=client)


async def main() -> None:
    logging.disable()
    memory = MemoryStore()
    records = []
    for name, client_id in await store(memory):
        value = await memory.get(key=client_id, collection=COLLECTION)
        token = base64.b64decode(value["__encrypted_data__"], validate=True)
        records.append(
            {
                "name": name,
                "client_id": client_id,
                "value": json.dumps(value, separators=(",", ":")),
                "plaintext": Fernet(KEY).decrypt(token).decode(),
            }
        )
    packages = ["fastmcp", "py-key-value-aio", "mcp", "cryptography"]
    print(
        json.dumps(
            {
                "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
                "encryption_key": KEY,
                "records": records,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
