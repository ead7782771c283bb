// An MCP server that speaks stdio, made with the second generation of the SDK. It has those tools
// of server-everything that tour.mjs calls.
//
//   node sessionless.mjs MODE      reject: it speaks only 2026-07-28; serve: older revisions too

import { completable, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const text = (value) => ({ content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }] })
const note = 'demo://resource/static/document/features.md'

function create() {
  const server = new McpServer(
    { name: 'sessionless', version: '1' },
    { capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } }, instructions: 'Look around.' },
  )
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', () => ({}))
  const tool = (name, input, call) => server.registerTool(name, { inputSchema: z.object(input) }, call)
  /** A tool that asks the client a question. */
  const asks = (name, input, question) => tool(name, input, async (args, { mcpReq }) => {
    const answer = mcpReq.inputResponses?.answer
    return answer ? text(answer.content ?? answer.roots ?? answer.action) : inputRequired({ inputRequests: { answer: question(args) }, requestState: 'asked' })
  })
  tool('echo', { message: z.string() }, async ({ message }) => text(`Echo: ${message}`))
  tool('get-sum', { a: z.number(), b: z.number() }, async ({ a, b }) => text(`${a + b}`))
  tool('trigger-long-running-operation', { duration: z.number(), steps: z.number() }, async ({ duration, steps }, { mcpReq }) => {
    for (let i = 1; i <= steps && !mcpReq.signal.aborted; i++) {
      await new Promise((resolve) => setTimeout(resolve, (1000 * duration) / steps))
      const progressToken = mcpReq._meta?.progressToken
      if (progressToken !== undefined) {
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: i, total: steps } })
      }
    }
    return text('done')
  })
  asks('trigger-sampling-request', { prompt: z.string(), maxTokens: z.number() }, ({ prompt, maxTokens }) =>
    inputRequired.createMessage({ maxTokens, messages: [{ role: 'user', content: { type: 'text', text: prompt } }] }))
  asks('trigger-elicitation-request', {}, () =>
    inputRequired.elicit({ message: 'who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } }))
  asks('get-roots-list', {}, () => inputRequired.listRoots())
  tool('log', {}, async (_, { mcpReq }) => {
    await mcpReq.log('info', 'logged')
    return text('ok')
  })
  tool('update', {}, async () => {
    await server.server.sendResourceUpdated({ uri: note })
    server.sendToolListChanged()
    return text('ok')
  })
  server.registerResource('features', note, {}, async (uri) => ({ contents: [{ uri: uri.href, text: 'features' }] }))
  server.registerPrompt('simple-prompt', {}, async () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }] }))
  server.registerPrompt(
    'completable-prompt',
    { argsSchema: z.object({ department: completable(z.string(), (value) => ['Engineering', 'Sales'].filter((one) => one.startsWith(value))) }) },
    async ({ department }) => ({ messages: [{ role: 'user', content: { type: 'text', text: department } }] }),
  )
  return server
}

serveStdio(create, { legacy: process.argv[2] })
