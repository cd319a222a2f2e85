// openid-client and oauth4webapi sign in johndoe. Arguments: the server's address, and the secret of the
// client `web`; the client `spa` has none.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { Browser } from './browser.mjs'

const [base, secret] = process.argv.slice(2)
const issuer = new URL(base)
const callback = 'http://127.0.0.1:1/cb'
const scope = 'openid profile email me offline_access'

for (const [id, auth] of [['web', client.ClientSecretBasic(secret)], ['web', client.ClientSecretPost(secret)], ['spa', client.None()]]) {
  const browser = new Browser()
  const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }
  const config = await client.discovery(issuer, id, {}, auth, options)
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback, scope, state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const back = await browser.open(url, callback)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  const tokens = await client.authorizationCodeGrant(config, back, checks)
  const claims = tokens.claims()
  assert.equal(claims.aud, id)
  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
  assert.equal(info.preferred_username, 'johndoe')
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.equal(renewed.claims().sub, claims.sub)
  await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: 'invalid_grant' })
  const out = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: callback, state: 'bye' })
  assert.equal((await browser.open(out, callback)).searchParams.get('state'), 'bye')
  const silent = client.buildAuthorizationUrl(config, {
    redirect_uri: callback, scope, state, prompt: 'none',
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const refused = await browser.open(silent, callback)
  await assert.rejects(client.authorizationCodeGrant(config, refused, checks), { error: 'login_required' })
}

const insecure = { [oauth.allowInsecureRequests]: true }
const discovered = await oauth.discoveryRequest(issuer, insecure)
const server = await oauth.processDiscoveryResponse(issuer, discovered)
for (const [id, auth] of [['web', oauth.ClientSecretBasic(secret)], ['spa', oauth.None()]]) {
  const as = { client_id: id }
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(server.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: id, redirect_uri: callback, response_type: 'code', scope, state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const back = await new Browser().open(url, callback)
  const parameters = oauth.validateAuthResponse(server, as, back, state)
  const response = await oauth.authorizationCodeGrantRequest(server, as, auth, parameters, callback, verifier, insecure)
  const tokens = await oauth.processAuthorizationCodeResponse(server, as, response, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(server, response, insecure)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const asked = await oauth.userInfoRequest(server, as, tokens.access_token, insecure)
  const info = await oauth.processUserInfoResponse(server, as, sub, asked)
  assert.equal(info.preferred_username, 'johndoe')
}
