"""A FastMCP server with the tools of server-everything that the tours call.

    python server.py PORT
"""

import sys

import anyio
from fastmcp import Context, FastMCP
from mcp_types import SamplingMessage, TextContent

server = FastMCP("fastmcp", version="1", instructions="Look around.")


@server.tool
async def echo(message: str) -> str:
    return f"Echo: {message}"


@server.tool(name="get-sum")
async def get_sum(a: float, b: float) -> str:
    return f"{a + b}"


@server.tool(name="trigger-long-running-operation")
async def operate(duration: float, steps: int, ctx: Context) -> str:
    for i in range(steps):
        await anyio.sleep(duration / steps)
        await ctx.report_progress(i + 1, steps)
    return "done"


@server.tool(name="trigger-sampling-request")
async def sample(prompt: str, maxTokens: int, ctx: Context) -> str:
    result = await ctx.session.create_message(
        messages=[SamplingMessage(role="user", content=TextContent(type="text", text=prompt))], max_tokens=maxTokens
    )
    return result.model_dump_json()


@server.tool(name="trigger-elicitation-request")
async def elicit(ctx: Context) -> str:
    return (await ctx.elicit("who?", response_type=str)).action


@server.tool(name="get-roots-list")
async def roots(ctx: Context) -> str:
    return ", ".join(str(root.uri) for root in (await ctx.session.list_roots()).roots)


@server.tool
async def log(ctx: Context) -> str:
    await ctx.info("logged")
    return "ok"


@server.resource("demo://resource/static/document/features.md")
async def features() -> str:
    return "features"


@server.prompt(name="simple-prompt")
async def hello() -> str:
    return "hello"


server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
