// A browser without a window: it keeps the cookies of one server, logs johndoe in, and allows what is asked.

export class Browser {
  cookies = new Map()

  async send(url, init = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...init.headers, cookie, 'sec-fetch-site': 'same-origin' }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/)
      if (line.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }

  // Goes on until it is sent to `end`; returns where.
  async open(url, end) {
    let next = new URL(url)
    for (let step = 0; step < 15; step += 1) {
      const response = await this.send(next)
      const to = response.headers.get('location') ?? (await this.answer(await response.text(), next))
      next = new URL(to, next)
      if (next.href.startsWith(end)) return next
    }
    throw new Error(`never sent to ${end}`)
  }

  // Sends the form of a page; returns where that leads.
  async answer(page, at) {
    const unescape = (text) => text.replaceAll('&#38;', '&').replaceAll('&amp;', '&')
    const value = (pattern) => unescape(page.match(pattern)?.[1] ?? '')
    const action = value(/<form method="post" action="([^"]*)"/)
    if (!action) throw new Error(`no form: ${page}`)
    const fields = { form_token: value(/name="form_token" value="([^"]*)"/) }
    if (action.includes('/auth/login')) Object.assign(fields, { username: 'johndoe', password: '1234' })
    if (action.includes('/auth/consent')) fields.decision = 'allow'
    const sent = await this.send(new URL(action, at), { method: 'POST', body: new URLSearchParams(fields) })
    const location = sent.headers.get('location')
    if (!location) throw new Error(`${sent.status}: ${await sent.text()}`)
    return location
  }
}
