// The npm package oidc-provider with its own pages, one client, and people that the
// tests add and remove:
//
//   node provider.mjs HOST:PORT REDIRECT_URI STATE_FILE
//
// PUT and DELETE /control/people/ID add and remove somebody. Everything is in the state
// file, so that it may be killed and started again.

import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const [address, redirectURI, file] = process.argv.slice(2)
const state = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { people: {}, rows: {}, key: newKey() }

function newKey() {
  return { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'first', use: 'sig', alg: 'RS256' }
}

function save() {
  writeFileSync(`${file}.new`, JSON.stringify(state))
  renameSync(`${file}.new`, file)
}

/** Adapter keeps what oidc-provider has to remember. */
class Adapter {
  constructor(model) {
    this.model = model
  }

  key(id) {
    return `${this.model}:${id}`
  }

  async upsert(id, payload) {
    state.rows[this.key(id)] = payload
    save()
  }

  async find(id) {
    return state.rows[this.key(id)]
  }

  async findByUid(uid) {
    return Object.entries(state.rows).find(([key, row]) => key.startsWith(`${this.model}:`) && row.uid === uid)?.[1]
  }

  async findByUserCode() {
    return undefined
  }

  async destroy(id) {
    delete state.rows[this.key(id)]
    save()
  }

  async consume(id) {
    state.rows[this.key(id)].consumed = Math.floor(Date.now() / 1000)
    save()
  }

  async revokeByGrantId(grantId) {
    for (const [key, row] of Object.entries(state.rows)) if (row.grantId === grantId) delete state.rows[key]
    save()
  }
}

const provider = new Provider(`http://${address}`, {
  adapter: Adapter,
  jwks: { keys: [state.key] },
  cookies: { keys: ['a secret of the tests'] },
  clients: [{
    client_id: 'mcpkeep', client_secret: 'secret of the tests', redirect_uris: [redirectURI],
    grant_types: ['authorization_code', 'refresh_token'],
  }],
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: 60, Grant: 86400, IdToken: 60, Interaction: 600, RefreshToken: 86400, Session: 86400 },
  findAccount: (_, id) => state.people[id] && { accountId: id, claims: () => ({ sub: id, ...state.people[id] }) },
})

const serve = provider.callback()

createServer((req, res) => {
  const [, control, kind, id] = req.url.split('/')
  if (control !== 'control' || kind !== 'people') {
    serve(req, res)
    return
  }
  let body = ''
  req.on('data', (chunk) => { body += chunk })
  req.on('end', () => {
    if (req.method === 'PUT') state.people[id] = JSON.parse(body)
    else delete state.people[id]
    save()
    res.end()
  })
}).listen(Number(address.split(':')[1]), address.split(':')[0], () => console.log(`listening on http://${address}`))
