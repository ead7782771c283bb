// Uses everything of an MCP server and prints what it saw: one JSON document.
//
//   node tour.mjs SETUP      setup.library is sdk (1.x) or client (2.x); either setup.command
//                            with setup.args, or setup.server with setup.token; setup.pin is
//                            the revision of 2.x; setup.updates: the server is sessionless.mjs;
//                            setup.tasks: the server has tasks; setup.calls are more calls of tools

import * as z from 'zod'

console.log = console.info = console.debug = console.error // the SDK's remarks
const setup = JSON.parse(process.argv[2])
const { Client, StdioClientTransport, StreamableHTTPClientTransport, schemas } = await load()

/** The packages of the two generations of the SDK. */
async function load() {
  if (setup.library === 'client') {
    const [client, stdio] = await Promise.all([import('@modelcontextprotocol/client'), import('@modelcontextprotocol/client/stdio')])
    return { ...client, ...stdio }
  }
  const [client, http, stdio, schemas] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    import('@modelcontextprotocol/sdk/client/stdio.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ])
  return { ...client, ...http, ...stdio, schemas }
}

const seen = []
const notified = {}
const client = new Client(
  { name: 'tour', version: '1' },
  {
    capabilities: { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } },
    ...(setup.pin && { versionNegotiation: { mode: { pin: setup.pin } } }),
  },
)

/** Has a request of the server served. */
function serve(method, schema, handler) {
  client.setRequestHandler(schemas ? schemas[schema] : method, async (request) => {
    const result = handler(request)
    const { _meta, ...params } = request.params ?? {} // it has a number of the SDK's
    seen.push([method, params, result])
    return result
  })
}
serve('sampling/createMessage', 'CreateMessageRequestSchema', () => ({
  role: 'assistant', model: 'none', content: { type: 'text', text: 'sampled' },
}))
serve('elicitation/create', 'ElicitRequestSchema', () => ({ action: 'decline' }))
serve('roots/list', 'ListRootsRequestSchema', () => ({ roots: [{ uri: 'file:///tour', name: 'tour' }] }))
client.fallbackNotificationHandler = async ({ method }) => { notified[method] = (notified[method] ?? 0) + 1 }

let cut = false
let breaks = 0

/** Fetches; while cut, the next stream of events breaks after what comes first. */
async function fetchOrCut(url, init) {
  const response = await fetch(url, init)
  if (!cut || init.method !== 'POST' || !response.headers.get('content-type')?.startsWith('text/event-stream')) return response
  cut = false
  const reader = response.body.getReader()
  const body = new ReadableStream({
    async pull(controller) {
      const { value } = await reader.read()
      if (value && /^id:/m.test(new TextDecoder().decode(value))) {
        controller.enqueue(value)
        breaks++
        await reader.cancel()
        setTimeout(() => controller.error(new Error('the stream broke')), 50)
        return new Promise(() => {})
      }
      controller.enqueue(value)
    },
  })
  return new Response(body, { status: response.status, headers: response.headers })
}

const transport = setup.command
  ? new StdioClientTransport({ command: setup.command, args: setup.args, stderr: 'ignore' })
  : new StreamableHTTPClientTransport(new URL(setup.server), { fetch: fetchOrCut, requestInit: { headers: setup.token ? { Authorization: `Bearer ${setup.token}` } : {} } })
await client.connect(transport)

/** Notes what came of a step. */
async function step(name, action) {
  try {
    seen.push([name, await action()])
  } catch (error) {
    seen.push([name, { code: error.code, message: error.message }])
  }
}

/** Waits for a notification. */
async function told(method) {
  for (let i = 0; i < 500 && !notified[method]; i++) await new Promise((resolve) => setTimeout(resolve, 20))
  return [method, notified[method] > 0]
}

/** Has a tool called as a task, answers its question, and returns what it went through. */
async function task() {
  const anything = z.looseObject({})
  const ask = (method, params) => client.request({ method, params }, anything)
  const args = { topic: 'python', ambiguous: true }
  const { task: { taskId } } = await ask('tools/call', { name: 'simulate-research-query', arguments: args, task: { ttl: 60_000 } })
  const states = []
  for (let state = ''; state !== 'input_required';) {
    state = (await ask('tasks/get', { taskId })).status
    if (states.at(-1) !== state) states.push(state)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { _meta, ...result } = await ask('tasks/result', { taskId }) // its number is another one each time
  const { status } = await ask('tasks/get', { taskId })
  const listed = (await ask('tasks/list', {})).tasks.length
  return { states, status, listed, result }
}

seen.push(['server', client.getServerVersion(), client.getServerCapabilities(), client.getInstructions()])
const tool = (name, args = {}, options = undefined) => () =>
  schemas ? client.callTool({ name, arguments: args }, undefined, options) : client.callTool({ name, arguments: args }, options)
let progress = 0
await step('tools', () => client.listTools())
await step('echo', tool('echo', { message: 'ä'.repeat(1_000_000) }))
await step('sum', tool('get-sum', { a: 1, b: 2 }))
await step('image', tool('get-tiny-image'))
await step('progress', tool('trigger-long-running-operation', { duration: 1, steps: 4 }, { onprogress: () => progress++ }))
await step('sampling', tool('trigger-sampling-request', { prompt: 'p', maxTokens: 5 }))
await step('elicitation', tool('trigger-elicitation-request'))
await step('roots', tool('get-roots-list'))
await step('a wrong call', tool('get-sum', { a: 'x' }))
await step('an unknown tool', tool('no-such-tool'))
for (const [name, args] of setup.calls ?? []) await step(name, tool(name, args))
await step('canceled', async () => {
  const stop = new AbortController()
  setTimeout(() => stop.abort('enough'), 200)
  try {
    await tool('trigger-long-running-operation', { duration: 30, steps: 30 }, { signal: stop.signal })()
  } catch {
    return 'stopped'
  }
})
await step('a stream that breaks', () => {
  cut = Boolean(setup.server)
  return tool('trigger-long-running-operation', { duration: 0.5, steps: 2 })()
})
if (setup.tasks) await step('a task', task)
await step('resources', async () => (await client.listResources()).resources.length)
await step('templates', () => client.listResourceTemplates())
await step('resource', () => client.readResource({ uri: 'demo://resource/static/document/features.md' }))
await step('prompts', () => client.listPrompts())
await step('prompt', () => client.getPrompt({ name: 'simple-prompt' }))
await step('completion', () => client.complete({
  ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'E' },
}))
if (setup.level) await step('level', () => client.setLoggingLevel('debug'))
if (setup.level) await step('ping', () => client.ping())
if (setup.updates) {
  const uri = 'demo://resource/static/document/features.md'
  await step('log', tool('log'))
  await step('subscribe', () => client.subscribeResource({ uri }))
  await step('update', tool('update'))
  await step('updated', () => told('notifications/resources/updated'))
  await step('changed', () => told('notifications/tools/list_changed'))
  await step('logged', () => told('notifications/message'))
  await step('unsubscribe', () => client.unsubscribeResource({ uri }))
}
await client.close()
process.stdout.write(JSON.stringify({ seen, progress, breaks }), () => process.exit(0))
