// Verifies an access token as another service does: with the published keys, by jose.
//
// Usage: node verify_jwks.mjs SERVER ISSUER TOKEN
import assert from 'node:assert/strict';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [server, issuer, token] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(`${server}/oauth/jwks`));
const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience: issuer, typ: 'at+jwt' });
assert.equal(payload.username, 'johndoe');
assert.ok(protectedHeader.kid);
await assert.rejects(jwtVerify(token.slice(0, -8) + 'AAAAAAAA', keys, { issuer, audience: issuer }));
await assert.rejects(jwtVerify(token, keys, { issuer, audience: 'https://other.example' }));
