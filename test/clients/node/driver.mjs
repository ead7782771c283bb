// A client's side of the conversation with the test, which test/clients/doc.go
// describes: one JSON document a line, both ways.

import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** The first argument: where the server is, and how this client is known there. */
export const setup = JSON.parse(process.argv[2])

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/**
 * Has the test's person open a URL in the browser.
 * @param {URL} url an authorization request
 * @returns {Promise<URL>} the authorization response
 */
export async function open(url) {
  say({ open: url.href })
  const { value } = await lines.next()
  return new URL(JSON.parse(value).answer)
}

/**
 * Answers the test's commands until there are no more.
 * @param {Record<string, (command: object) => unknown>} commands by name
 */
export async function serve(commands) {
  for (;;) {
    const { value, done } = await lines.next()
    if (done) process.exit(0)
    const command = JSON.parse(value)
    try {
      say({ result: (await commands[command.do](command)) ?? null })
    } catch (error) {
      say({ error: String(error?.stack ?? error) })
    }
  }
}
