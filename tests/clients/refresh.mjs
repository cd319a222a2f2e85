// oauth4webapi, openid-client and oidc-client-ts renew tokens. Arguments: the server's address, and the
// secret of the client `web`; the client `spa` has none.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { InMemoryWebStorage, OidcClient, WebStorageStateStore } from 'oidc-client-ts'
import * as client from 'openid-client'

const [base, secret] = process.argv.slice(2)
const issuer = new URL(base)
const login = { username: 'johndoe', password: '1234', scope: 'me items' }
const insecure = { [oauth.allowInsecureRequests]: true }

async function opensItems(token, scope = 'me items') {
  const response = await fetch(`${base}/users/me/items`, { headers: { authorization: `Bearer ${token.access_token}` } })
  assert.equal(response.status, scope.includes('items') ? 200 : 401, await response.text())
  assert.equal(token.scope, scope)
}

// Only a client that has a secret keeps its refresh token.
const kept = (id) => id === 'web'

const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
const server = await oauth.processDiscoveryResponse(issuer, discovered)
for (const [id, auth] of [
  ['spa', oauth.None()],
  ['web', oauth.ClientSecretBasic(secret)],
  ['web', oauth.ClientSecretPost(secret)],
]) {
  const as = { client_id: id }
  const granted = await oauth.genericTokenEndpointRequest(server, as, auth, 'password', login, insecure)
  const first = await oauth.processGenericTokenEndpointResponse(server, as, granted)
  let token = first
  for (let renewals = 0; renewals < 3; renewals += 1) {
    const renewed = await oauth.refreshTokenGrantRequest(server, as, auth, token.refresh_token, insecure)
    const next = await oauth.processRefreshTokenResponse(server, as, renewed)
    assert.equal(next.refresh_token === token.refresh_token, kept(id))
    await opensItems(next)
    token = next
  }
  const asked = { ...insecure, additionalParameters: { scope: 'me' } }
  const narrow = await oauth.refreshTokenGrantRequest(server, as, auth, token.refresh_token, asked)
  token = await oauth.processRefreshTokenResponse(server, as, narrow)
  await opensItems(token, 'me')
  if (kept(id)) continue
  const again = await oauth.refreshTokenGrantRequest(server, as, auth, first.refresh_token, insecure)
  await assert.rejects(oauth.processRefreshTokenResponse(server, as, again), { error: 'invalid_grant' })
}

for (const [id, auth] of [
  ['spa', client.None()],
  ['web', client.ClientSecretBasic(secret)],
  ['web', client.ClientSecretPost(secret)],
]) {
  const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }
  const config = await client.discovery(issuer, id, undefined, auth, options)
  const first = await client.genericGrantRequest(config, 'password', login)
  let token = first
  for (let renewals = 0; renewals < 3; renewals += 1) {
    const next = await client.refreshTokenGrant(config, token.refresh_token)
    assert.equal(next.refresh_token === token.refresh_token, kept(id))
    await opensItems(next)
    token = next
  }
  const shown = client.tokenIntrospection(config, token.access_token)
  if (kept(id)) assert.equal((await shown).active, true)
  else await assert.rejects(shown, { error: 'invalid_client' })
  await client.tokenRevocation(config, token.refresh_token)
  await assert.rejects(client.refreshTokenGrant(config, token.refresh_token), { error: 'invalid_grant' })
}

for (const [id, rest] of [
  ['spa', {}],
  ['web', { client_secret: secret }],
]) {
  const oidc = new OidcClient({
    authority: base,
    metadata: { issuer: base, token_endpoint: `${base}/token`, revocation_endpoint: `${base}/oauth/revoke` },
    client_id: id,
    redirect_uri: `${base}/callback`,
    scope: login.scope,
    stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    ...rest,
  })
  let token = await oidc.processResourceOwnerPasswordCredentials({ ...login, skipUserInfo: true })
  for (let renewals = 0; renewals < 3; renewals += 1) {
    const next = await oidc.useRefreshToken({ state: { ...token, profile: {} } })
    assert.equal(next.refresh_token === token.refresh_token, kept(id))
    await opensItems(next)
    token = next
  }
  await oidc.revokeToken(token.refresh_token, 'refresh_token')
  await assert.rejects(oidc.useRefreshToken({ state: { ...token, profile: {} } }), {
    error: 'invalid_grant',
  })
}
