"""A job that cannot open a browser: it calls a tool with the official Python SDK, and a token
from its environment. It prints what the tool returned, and each status of HTTP.

    JOB_TOKEN=mkp_... python job.py SERVER TOOL
"""

import json
import os
import sys
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

statuses: list[int] = []


async def note(response: Any) -> None:
    statuses.append(response.status_code)


async def call(server: str, tool: str) -> str:
    http = httpx2.AsyncClient(
        headers={"Authorization": "Bearer " + os.environ["JOB_TOKEN"]},
        event_hooks={"response": [note]},
        timeout=30,
    )
    async with http, Client(streamable_http_client(server, http_client=http)) as client:
        result = await client.call_tool(tool, {})
        return result.content[0].text


async def main() -> None:
    text, error = "", ""
    try:
        text = await call(sys.argv[1], sys.argv[2])
    except Exception as problem:  # noqa: BLE001 - the test looks at the statuses
        error = repr(problem)
    print(json.dumps({"text": text, "statuses": statuses, "error": error}))


anyio.run(main)
