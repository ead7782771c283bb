// A person with a browser: opens the authorization URL, fills in the forms,
// and stops at the redirect that leaves the server.

const maxSteps = 20

/**
 * Visits an authorization URL as a person who knows the password and approves.
 * @param {URL} start
 * @param {string} password
 * @returns {Promise<URL>} where the server sent the browser in the end
 */
export async function visit(start, password) {
  const cookies = new Map()
  let request = { url: start, method: 'GET' }
  for (let step = 0; step < maxSteps; step++) {
    const response = await send(request, cookies)
    if (response.status >= 300 && response.status < 400) {
      const target = new URL(response.headers.get('location'), request.url)
      if (target.origin !== start.origin) return target
      request = { url: target, method: 'GET' }
      continue
    }
    request = fillIn(request.url, response.status, await response.text(), password)
  }
  throw new Error('the pages never end')
}

async function send({ url, method, body }, cookies) {
  const headers = { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
  if (method === 'POST') headers.origin = url.origin
  const response = await fetch(url, { method, body, headers, redirect: 'manual' })
  for (const line of response.headers.getSetCookie()) {
    const [name, value] = line.split(';', 1)[0].split('=')
    cookies.set(name, value)
  }
  return response
}

function fillIn(url, status, html, password) {
  const form = /<form method="post" action="([^"]*)"/.exec(html)
  if (!form) throw new Error(`HTTP ${status}: a page without a form`)
  const body = new URLSearchParams()
  for (const [, name, value] of html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) {
    body.append(unescapeHTML(name), unescapeHTML(value))
  }
  if (/name="password"/.test(html)) body.set('password', password)
  if (/name="action" value="approve"/.test(html)) body.set('action', 'approve')
  return { url: new URL(unescapeHTML(form[1]), url), method: 'POST', body }
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"' }

function unescapeHTML(text) {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (entities[name] ?? whole))
}
