// An MCP client made of an official TypeScript SDK with its own OAuth code,
// told what to do line by line on standard input: "connect", "list",
// "call TOOL", "facts". Each line is answered by one line of JSON.
//
//   node run.mjs sdk|client SERVER_URL PASSWORD

import { createInterface } from 'node:readline'
import { visit } from './browser.mjs'

const [generation, server, password] = process.argv.slice(2)
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await load(generation)

/** The packages of the two generations of the SDK export the same names. */
async function load(name) {
  if (name === 'client') return import('@modelcontextprotocol/client')
  const [client, transport, auth] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    import('@modelcontextprotocol/sdk/client/auth.js'),
  ])
  return { ...client, ...transport, ...auth }
}

/** Keeps what the SDK's OAuth code asks it to keep, and counts. */
class Provider {
  facts = { registrations: 0, authorizations: 0, tokenAnswers: 0, invalidations: 0 }
  redirectUrl = 'http://127.0.0.1:9/callback'
  clientMetadata = {
    client_name: `TypeScript ${generation}`,
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
  state() { return (this.expectedState = crypto.randomUUID()) }
  clientInformation() { return this.information }
  saveClientInformation(information) { this.information = information; this.facts.registrations++ }
  tokens() { return this.saved }
  saveTokens(tokens) { this.saved = tokens; this.facts.tokenAnswers++ }
  codeVerifier() { return this.verifier }
  saveCodeVerifier(verifier) { this.verifier = verifier }
  invalidateCredentials(scope) {
    this.facts.invalidations++
    if (scope === 'all' || scope === 'client') this.information = undefined
    if (scope === 'all' || scope === 'tokens') this.saved = undefined
  }
  async redirectToAuthorization(url) {
    this.facts.authorizations++
    this.answer = await visit(url, password)
  }
}

const provider = new Provider()
let client

async function connect() {
  try {
    await open()
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error
    const answer = provider.answer.searchParams
    if (answer.get('state') !== provider.expectedState) throw new Error('the answer has another state')
    // The first generation takes the code, the second all parameters, to check iss.
    await transport.finishAuth(generation === 'client' ? answer : answer.get('code'))
    await open()
  }
  return client.getServerVersion()
}

let transport

async function open() {
  transport = new StreamableHTTPClientTransport(new URL('/mcp', server), { authProvider: provider })
  client = new Client({ name: `mcpkeep-test-${generation}`, version: '1.0.0' })
  await client.connect(transport)
}

const commands = {
  connect,
  list: async () => (await client.listTools()).tools.map((tool) => tool.name),
  call: async (name) => {
    const result = await client.callTool({ name, arguments: {} })
    if (result.isError) throw new Error(JSON.stringify(result.content))
    return result.structuredContent
  },
  facts: async () => provider.facts,
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = line.trim().split(' ')
  let answer
  try {
    answer = { ok: true, result: await commands[command](...args) }
  } catch (error) {
    answer = { ok: false, error: String(error?.stack ?? error) }
  }
  console.log(JSON.stringify(answer))
}
process.exit(0)
