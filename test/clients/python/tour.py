"""Uses everything of an MCP server with the official Python SDK and prints what it saw, as
test/clients/node/tour.mjs does; tasks are not in this SDK.

    python tour.py SETUP
"""

import json
import sys
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    CreateMessageResult,
    ElicitResult,
    ListRootsResult,
    PromptReference,
    Root,
    TextContent,
)

setup = json.loads(sys.argv[1])
seen: list[Any] = []
progress = 0
cut = False
breaks = 0


class Broken(httpx2.AsyncByteStream):
    """A stream of events that breaks after the first one that can be resumed."""

    def __init__(self, whole: Any) -> None:
        self.whole = whole

    async def __aiter__(self) -> Any:
        global breaks
        async for chunk in self.whole:
            yield chunk
            if b"id:" in chunk:
                breaks += 1
                raise httpx2.ReadError("the stream broke")

    async def aclose(self) -> None:
        await self.whole.aclose()


class Transport(httpx2.AsyncHTTPTransport):
    """Breaks the next stream of events while cut."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        global cut
        response = await super().handle_async_request(request)
        events = response.headers.get("content-type", "").startswith("text/event-stream")
        if cut and request.method == "POST" and events:
            cut = False
            response.stream = Broken(response.stream)
        return response


def plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True) if hasattr(value, "model_dump") else value


def asked(name: str, params: Any, result: Any) -> Any:
    shown = plain(params) or {}
    shown.pop("_meta", None)
    seen.append([name, shown, plain(result)])
    return result


async def sample(_: Any, params: Any) -> CreateMessageResult:
    content = TextContent(type="text", text="sampled")
    return asked("sampling", params, CreateMessageResult(role="assistant", model="none", content=content))


async def elicit(_: Any, params: Any) -> ElicitResult:
    return asked("elicitation", params, ElicitResult(action="decline"))


async def roots(_: Any) -> ListRootsResult:
    return asked("roots", None, ListRootsResult(roots=[Root(uri="file:///tour", name="tour")]))


async def progressed(_done: float, _total: float | None, _message: str | None) -> None:
    global progress
    progress += 1


async def step(name: str, action: Any) -> None:
    """Notes what came of a step."""
    try:
        seen.append([name, plain(await action)])
    except MCPError as error:
        seen.append([name, {"code": error.code, "message": error.message}])


async def cancel(client: Client) -> str:
    with anyio.move_on_after(0.2):
        await client.call_tool("trigger-long-running-operation", {"duration": 30, "steps": 30})
    return "stopped"


async def broken(client: Client) -> Any:
    global cut
    cut = bool(setup.get("server"))
    return await client.call_tool("trigger-long-running-operation", {"duration": 0.5, "steps": 2})


async def resources(client: Client) -> int:
    return len((await client.list_resources()).resources)


async def take(client: Client) -> None:
    seen.append(["server", plain(client.server_info), plain(client.server_capabilities), client.instructions])
    call = client.call_tool
    await step("tools", client.list_tools())
    await step("echo", call("echo", {"message": "ä" * 200_000}))
    await step("sum", call("get-sum", {"a": 1, "b": 2}))
    await step("image", call("get-tiny-image"))
    arguments = {"duration": 1, "steps": 4}
    await step("progress", call("trigger-long-running-operation", arguments, progress_callback=progressed))
    await step("sampling", call("trigger-sampling-request", {"prompt": "p", "maxTokens": 5}))
    await step("elicitation", call("trigger-elicitation-request"))
    await step("roots", call("get-roots-list"))
    await step("a wrong call", call("get-sum", {"a": "x"}))
    await step("an unknown tool", call("no-such-tool"))
    for name, arguments in setup.get("calls") or []:
        await step(name, call(name, arguments))
    await step("canceled", cancel(client))
    await step("a stream that breaks", broken(client))
    await step("resources", resources(client))
    await step("templates", client.list_resource_templates())
    await step("resource", client.read_resource("demo://resource/static/document/features.md"))
    await step("prompts", client.list_prompts())
    await step("prompt", client.get_prompt("simple-prompt"))
    reference = PromptReference(type="ref/prompt", name="completable-prompt")
    await step("completion", client.complete(reference, {"name": "department", "value": "E"}))
    if setup["level"]:
        await step("level", client.set_logging_level("debug"))
        await step("ping", client.send_ping())


async def main() -> None:
    async with AsyncExitStack() as stack:
        if setup.get("command"):
            server: Any = StdioServerParameters(command=setup["command"], args=setup["args"])
        else:
            headers = {"Authorization": f"Bearer {setup['token']}"} if setup.get("token") else {}
            http = await stack.enter_async_context(httpx2.AsyncClient(transport=Transport(), headers=headers, timeout=60))
            server = streamable_http_client(setup["server"], http_client=http)
        client = Client(
            server,
            mode=setup.get("pin") or "legacy",
            sampling_callback=sample,
            elicitation_callback=elicit,
            list_roots_callback=roots,
        )
        await take(await stack.enter_async_context(client))
    print(json.dumps({"seen": seen, "progress": progress, "breaks": breaks}))


anyio.run(main)
