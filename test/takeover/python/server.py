"""A FastMCP server of any version, with the GitHub provider, whose GitHub is the test's.

    python server.py SETUP      a JSON document: port, clientId, clientSecret, site, api, redirectPath, and the store: database and
                                key, redis (a URL) and key, or home, in which FastMCP makes its own

A database that is a URL is PostgreSQL, with py-key-value's own store; otherwise it is a file.
"""

import importlib
import json
import os
import sys
from typing import Any

setup: dict[str, Any] = json.loads(sys.argv[1])
if "home" in setup:  # which FastMCP reads when it is imported
    os.environ["FASTMCP_HOME"] = setup["home"]

from cryptography.fernet import Fernet  # noqa: E402
from fastmcp import FastMCP  # noqa: E402
from fastmcp.server.auth.providers.github import GitHubProvider  # noqa: E402
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper  # noqa: E402
from table import Table  # noqa: E402


def redirect(module: Any) -> None:
    """Sends what an HTTP library sends to GitHub to the test's."""
    original = module.AsyncClient.send
    routes = {
        "https://api.github.com/user/repos": setup["api"] + "/user",  # of which FastMCP wants the scopes only
        "https://api.github.com": setup["api"],
        "https://github.com": setup["site"],
    }

    async def send(self: Any, request: Any, **options: Any) -> Any:
        for prefix, to in routes.items():
            if str(request.url).startswith(prefix):
                request.url = module.URL(to + str(request.url)[len(prefix) :])
                request.headers["host"] = request.url.netloc.decode()
                break
        return await original(self, request, **options)

    module.AsyncClient.send = send


def reuse(name: str) -> None:
    """Has an HTTP library load certificates once, not for each of FastMCP's questions to GitHub."""
    transports = importlib.import_module(name + "._transports.default")
    context = transports.create_ssl_context()
    transports.create_ssl_context = lambda *_, **__: context


for library in ("httpx", "httpx2"):
    try:
        redirect(importlib.import_module(library))
        reuse(library)
    except ModuleNotFoundError:
        pass


def encrypted() -> Any:
    """Returns the store that holds encrypted rows. Not every version has those of py-key-value."""
    if "redis" in setup:
        from key_value.aio.stores.redis import RedisStore

        return RedisStore(url=setup["redis"])
    if "://" in setup["database"]:
        from key_value.aio.stores.postgresql import PostgreSQLStore

        return PostgreSQLStore(url=setup["database"])
    return Table(setup["database"])


def store() -> Any:
    """Returns the store, none for FastMCP's own."""
    if "home" in setup:
        return None
    return FernetEncryptionWrapper(encrypted(), fernet=Fernet(setup["key"]))


provider = GitHubProvider(
    client_id=setup["clientId"],
    client_secret=setup["clientSecret"],
    base_url=f"http://127.0.0.1:{setup['port']}",
    redirect_path=setup["redirectPath"],
    client_storage=store(),
)
provider._upstream_authorization_endpoint = setup["site"] + "/login/oauth/authorize"

mcp = FastMCP("Python", auth=provider)


@mcp.tool
def ping() -> str:
    return "pong"


# Some versions abandon what is in flight when they are told to end.
mcp.run(transport="http", host="127.0.0.1", port=setup["port"], show_banner=False, uvicorn_config={"timeout_graceful_shutdown": 60})
