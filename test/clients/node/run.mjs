// An MCP client made of an official TypeScript SDK, with the SDK's own OAuth code.
//
//   node run.mjs SETUP      setup.library is sdk (1.x) or client (2.x)

import { readFile } from 'node:fs/promises'
import { open, serve, setup } from './driver.mjs'

const secondGeneration = setup.library === 'client'
const { auth, Client, StreamableHTTPClientTransport, UnauthorizedError } = await load()

/** The packages of the two generations of the SDK export the same names. */
async function load() {
  if (secondGeneration) return import('@modelcontextprotocol/client')
  const [client, transport, auth] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    import('@modelcontextprotocol/sdk/client/auth.js'),
  ])
  return { ...client, ...transport, ...auth }
}

/** Keeps what the SDK's OAuth code asks an application to keep. */
class Provider {
  redirectUrl = setup.redirectUri
  clientMetadataUrl = setup.documentUrl
  clientMetadata = {
    client_name: `TypeScript ${setup.library}`,
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: setup.clientSecret ? 'client_secret_post' : 'none',
  }
  information = setup.clientId && { client_id: setup.clientId, client_secret: setup.clientSecret }
  state() { return (this.expectedState = crypto.randomUUID()) }
  clientInformation() { return this.information }
  saveClientInformation(information) { this.information = information }
  tokens() { return this.saved }
  saveTokens(tokens) { this.saved = tokens }
  codeVerifier() { return this.verifier }
  saveCodeVerifier(verifier) { this.verifier = verifier }
  invalidateCredentials(scope) {
    if (scope === 'all' || scope === 'client') this.information = undefined
    if (scope === 'all' || scope === 'tokens') this.saved = undefined
  }
  async redirectToAuthorization(url) { this.answer = (await open(url)).searchParams }
}

const provider = new Provider()
if (!setup.documentUrl) delete provider.clientMetadataUrl
// An application that was given its id has nothing to register instead.
if (setup.clientId && !setup.stored) delete provider.saveClientInformation
let client, transport

/** Does something, after signing in when the SDK says that this is needed. */
async function signedIn(action) {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error
    if (provider.answer.get('state') !== provider.expectedState) throw new Error('the answer has another state')
    // The first generation takes the code, the second all parameters, to check iss.
    await transport.finishAuth(secondGeneration ? provider.answer : provider.answer.get('code'))
    return action()
  }
}

async function connect() {
  transport = new StreamableHTTPClientTransport(new URL(setup.server), { authProvider: provider })
  client = new Client({ name: `mcpkeep-test-${setup.library}`, version: '1.0.0' })
  await client.connect(transport)
}

async function call({ tool, arguments: args }) {
  const result = await signedIn(() => client.callTool({ name: tool, arguments: args }))
  return { isError: result.isError ?? false, structured: result.structuredContent, content: result.content }
}

/** Signs in for a scope, as an application can where the SDK (1.x) only refreshes. */
async function askFor({ scope }) {
  provider.saved = undefined
  if ((await auth(provider, { serverUrl: setup.server, scope })) === 'AUTHORIZED') return
  await auth(provider, { serverUrl: setup.server, authorizationCode: provider.answer.get('code') })
}

/** The version of the installed package. */
async function version() {
  const manifest = new URL(`node_modules/@modelcontextprotocol/${setup.library}/package.json`, import.meta.url)
  return JSON.parse(await readFile(manifest)).version
}

await serve({ connect: () => signedIn(connect), call, askFor, version })
