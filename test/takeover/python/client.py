"""FastMCP's own client, of any version: connects and calls as the test says, and keeps its
tokens. The test opens the browser. The conversation is that of the client suites.

    python client.py SETUP      a JSON document: server, callbackPort, tokens (a file)
"""

import inspect
import pathlib
import sys
import webbrowser
from contextlib import AsyncExitStack
from typing import Any

import anyio
from fastmcp import Client
from fastmcp.client.auth import OAuth
from table import Table

sys.path.append(str(pathlib.Path(__file__).parents[2] / "clients" / "python"))

import driver  # noqa: E402
from driver import setup  # noqa: E402


class Person(webbrowser.BaseBrowser):
    """The test's person, whose browser takes the answer to FastMCP by itself."""

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        driver.say({"open": url})
        return True


def make_auth() -> OAuth:
    """FastMCP 2 wants the URL, and later versions find it out."""
    options: dict[str, Any] = {"callback_port": setup["callbackPort"], "token_storage": Table(setup["tokens"])}
    if "mcp_url" in inspect.signature(OAuth.__init__).parameters:
        options["mcp_url"] = setup["server"]
    return OAuth(**options)


async def main() -> None:
    webbrowser.register("test", None, Person(), preferred=True)
    auth = make_auth()

    async def call(command: dict[str, Any]) -> str:
        """Connects, as a host does when it starts the server anew, and calls a tool."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(Client(setup["server"], auth=auth))
            result = await client.call_tool(command["tool"], {})
            return "".join(getattr(block, "text", "") for block in result.content)

    async def tokens(_: dict[str, Any]) -> dict[str, Any]:
        held = auth.context.current_tokens
        registered = auth.context.client_info
        return {
            "access": held.access_token, "refresh": held.refresh_token,
            "client": registered.client_id, "secret": registered.client_secret,
        }

    await driver.serve({"call": call, "tokens": tokens})


anyio.run(main)
