"""An MCP client made of the official Python SDK or of FastMCP, with their own OAuth
code.

    python run.py SETUP      setup["library"] is mcp or fastmcp
"""

import importlib.metadata
import webbrowser
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio

import driver
from driver import setup

REDIRECT = urlsplit(setup["redirectUri"])


class SDK:
    """The official SDK: the application opens the browser and hears the answer."""

    def __init__(self) -> None:
        from mcp.client.auth import OAuthClientProvider
        from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

        metadata = OAuthClientMetadata.model_validate(
            {
                "client_name": "Python SDK",
                "redirect_uris": [setup["redirectUri"]],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
            }
        )
        self.tokens = None
        self.information = None
        if setup.get("clientId"):
            self.information = OAuthClientInformationFull.model_validate(
                metadata.model_dump(exclude_none=True)
                | {
                    "client_id": setup["clientId"],
                    "client_secret": setup.get("clientSecret"),
                    "token_endpoint_auth_method": "client_secret_basic" if setup.get("clientSecret") else "none",
                }
            )
        self.auth = OAuthClientProvider(
            server_url=setup["server"],
            client_metadata=metadata,
            storage=self,
            redirect_handler=self.redirect,
            callback_handler=self.callback,
            client_metadata_url=setup.get("documentUrl"),
        )

    # What the SDK asks an application to keep.
    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.information

    async def set_client_info(self, client_info: Any) -> None:
        self.information = client_info

    async def redirect(self, url: str) -> None:
        self.answer = parse_qs(urlsplit(await driver.open_browser(url)).query)

    async def callback(self) -> Any:
        from mcp.shared.auth import AuthorizationCodeResult

        return AuthorizationCodeResult(**{name: self.answer[name][0] for name in ("code", "state", "iss")})

    async def connect(self, stack: AsyncExitStack) -> Any:
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        http = await stack.enter_async_context(httpx2.AsyncClient(auth=self.auth, timeout=30))
        transport = streamable_http_client(setup["server"], http_client=http)
        return await stack.enter_async_context(Client(transport))


class FastMCP:
    """FastMCP: it opens the browser and has a server for the answer."""

    def __init__(self) -> None:
        from fastmcp.client.auth import OAuth
        from key_value.aio.stores.memory import MemoryStore

        webbrowser.register("test", None, Person(), preferred=True)
        given = {} if setup.get("stored") else setup
        self.store = MemoryStore()
        self.auth = OAuth(
            callback_host=REDIRECT.hostname,
            callback_port=REDIRECT.port,
            client_metadata_url=setup.get("documentUrl"),
            client_id=given.get("clientId"),
            client_secret=given.get("clientSecret"),
            token_storage=self.store,
        )

    async def remember(self) -> None:
        """Puts a registration into the store, as one made earlier is there."""
        from fastmcp.client.auth.oauth import TokenStorageAdapter
        from mcp.shared.auth import OAuthClientInformationFull

        information = {
            "client_id": setup["clientId"],
            "redirect_uris": [setup["redirectUri"]],
            "token_endpoint_auth_method": "none",
        }
        store = TokenStorageAdapter(self.store, setup["server"])
        await store.set_client_info(OAuthClientInformationFull.model_validate(information))

    async def connect(self, stack: AsyncExitStack) -> Any:
        from fastmcp import Client

        if setup.get("stored"):
            await self.remember()
            setup["stored"] = False  # it is the library's now
        return await stack.enter_async_context(Client(setup["server"], auth=self.auth))


class Person(webbrowser.BaseBrowser):
    """The test's person, whose browser takes the answer to FastMCP by itself."""

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        driver.say({"open": url})
        return True


async def main() -> None:
    library = FastMCP() if setup["library"] == "fastmcp" else SDK()
    async with AsyncExitStack() as stack:
        client: Any = None

        async def connect(_: dict[str, Any]) -> None:
            nonlocal client
            await stack.aclose()
            client = await library.connect(stack)

        async def call(command: dict[str, Any]) -> dict[str, Any]:
            arguments = command.get("arguments") or {}
            if setup["library"] == "fastmcp":
                result = await client.call_tool(command["tool"], arguments, raise_on_error=False)
            else:
                result = await client.call_tool(command["tool"], arguments)
            return {
                "isError": result.is_error,
                "structured": result.structured_content,
                "content": [block.model_dump(mode="json") for block in result.content],
            }

        async def version(_: dict[str, Any]) -> str:
            return importlib.metadata.version(setup["library"])

        await driver.serve({"connect": connect, "call": call, "version": version})


anyio.run(main)
