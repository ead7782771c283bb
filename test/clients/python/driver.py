"""A client's side of the conversation with the test, which test/clients/doc.go
describes: one JSON document a line, both ways."""

import json
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio.to_thread

# The first argument: where the server is, and how this client is known there.
setup: dict[str, Any] = json.loads(sys.argv[1])


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


async def hear() -> dict[str, Any] | None:
    """The next message of the test, None when there are no more."""
    line = await anyio.to_thread.run_sync(sys.stdin.readline)
    return json.loads(line) if line else None


async def open_browser(url: str) -> str:
    """Has the test's person open an authorization request; the response's URL."""
    say({"open": url})
    message = await hear()
    assert message is not None
    return message["answer"]


async def serve(commands: Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]) -> None:
    """Answers the test's commands until there are no more."""
    while (command := await hear()) is not None:
        try:
            say({"result": await commands[command["do"]](command)})
        except Exception:  # noqa: BLE001 - whatever it is, the test wants to know
            say({"error": traceback.format_exc()})
