// Services get tokens of their own. Arguments: the server's address, the secret of the client `svc`, and
// the folder with the key of the client `signer`.
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

const [base, secret, folder] = process.argv.slice(2)
const issuer = new URL(base)
const pkcs8 = createPrivateKey(readFileSync(`${folder}/key.pem`)).export({ type: 'pkcs8', format: 'der' })
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const key = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
const insecure = { [oauth.allowInsecureRequests]: true }

const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
const server = await oauth.processDiscoveryResponse(issuer, discovered)
for (const [id, auth] of [
  ['svc', oauth.ClientSecretBasic(secret)],
  ['svc', oauth.ClientSecretPost(secret)],
  ['signer', oauth.PrivateKeyJwt(key)],
]) {
  const response = await oauth.clientCredentialsGrantRequest(server, { client_id: id }, auth, { scope: 'items' }, insecure)
  const token = await oauth.processClientCredentialsResponse(server, { client_id: id }, response)
  assert.equal(token.scope, 'items')
}

for (const [id, auth] of [
  ['svc', client.ClientSecretBasic(secret)],
  ['svc', client.ClientSecretPost(secret)],
  ['signer', client.PrivateKeyJwt(key)],
]) {
  const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }
  const config = await client.discovery(issuer, id, undefined, auth, options)
  const token = await client.clientCredentialsGrant(config, { scope: 'items' })
  assert.equal(token.scope, 'items')
}

// A wrong secret is an error that both understand.
const wrong = oauth.ClientSecretBasic('wrong')
const refused = await oauth.clientCredentialsGrantRequest(server, { client_id: 'svc' }, wrong, {}, insecure)
await assert.rejects(
  oauth.processClientCredentialsResponse(server, { client_id: 'svc' }, refused),
  (error) => error instanceof oauth.WWWAuthenticateChallengeError || error.error === 'invalid_client',
)
