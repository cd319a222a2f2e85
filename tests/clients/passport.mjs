// A web application with express and passport-openidconnect signs in johndoe. Arguments: the server's address, and
// the secret of the client `old`, which knows no PKCE.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import Strategy from 'passport-openidconnect'
import { Browser } from './browser.mjs'

const [base, secret] = process.argv.slice(2)
const found = await (await fetch(`${base}/.well-known/openid-configuration`)).json()
const app = express()
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const own = `http://127.0.0.1:${server.address().port}`

app.use(session({ secret: 'of this test', resave: false, saveUninitialized: false }))
app.use(passport.session())
const options = {
  issuer: found.issuer,
  authorizationURL: found.authorization_endpoint,
  tokenURL: found.token_endpoint,
  userInfoURL: found.userinfo_endpoint,
  clientID: 'old',
  clientSecret: secret,
  callbackURL: `${own}/cb`,
  scope: ['profile', 'email', 'me', 'offline_access'],
  nonce: true,
  skipUserProfile: false,
}
passport.use(new Strategy(options, (issuer, profile, context, idToken, accessToken, refreshToken, params, done) => {
  done(null, { issuer, profile, idToken, accessToken, refreshToken })
}))
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))
app.get('/login', passport.authenticate('openidconnect'))
app.get('/cb', passport.authenticate('openidconnect', { failureRedirect: '/refused' }), (_, response) => response.redirect('/'))
app.get('/', (request, response) => (request.user ? response.json(request.user) : response.sendStatus(401)))
app.get('/logout', (request, response, next) => {
  const query = new URLSearchParams({ id_token_hint: request.user.idToken, post_logout_redirect_uri: `${own}/cb` })
  request.logout((error) => (error ? next(error) : response.redirect(`${found.end_session_endpoint}?${query}`)))
})

const [here, there] = [new Browser(), new Browser()]
const visit = async (path) => {
  const response = await here.send(new URL(path, own))
  return { status: response.status, to: response.headers.get('location'), body: await response.text() }
}
const signIn = async () => {
  const back = await there.open((await visit('/login')).to, `${own}/cb`)
  return [back, await visit(back)]
}

const [back, signedIn] = await signIn()
assert.equal(signedIn.to, '/', signedIn.body)
const user = JSON.parse((await visit('/')).body)
assert.equal(user.issuer, base)
assert.equal(user.profile.username, 'johndoe')
assert.match(user.refreshToken, /^bwr_/)
const me = await fetch(`${base}/users/me`, { headers: { authorization: `Bearer ${user.accessToken}` } })
assert.equal((await me.json()).username, 'johndoe')
// The same answer once more has another state by now.
assert.equal((await visit(back)).to, '/refused')

const out = (await visit('/logout')).to
assert.ok((await there.open(out, `${own}/cb`)).href.startsWith(`${own}/cb`))
assert.equal((await visit('/')).status, 401)
// The session at the server has ended, too: it asks for the password again.
const asked = await there.send((await visit('/login')).to)
assert.match(asked.headers.get('location'), /\/auth\/login\?/)
await signIn()
assert.equal(JSON.parse((await visit('/')).body).profile.username, 'johndoe')
server.close()
server.closeAllConnections()
