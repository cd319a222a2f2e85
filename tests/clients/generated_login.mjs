// A client that @hey-api/openapi-ts has made of the document is compiled strictly, logs in and calls.
// Arguments: the server's address, the document's file, a folder to write to.

import { createClient } from "@hey-api/openapi-ts";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import ts from "typescript";

const [base, document, folder] = process.argv.slice(2);
const [source, compiled] = [join(folder, "source"), join(folder, "compiled")];
const logs = { level: "silent" };
await createClient({ input: document, output: source, plugins: ["@hey-api/client-fetch"], logs });

const program = ts.createProgram([join(source, "index.ts")], {
  // Its imports name no file extension, which Node's own modules would need.
  module: ts.ModuleKind.CommonJS,
  moduleResolution: ts.ModuleResolutionKind.Node10,
  outDir: compiled,
  skipLibCheck: true,
  strict: true,
  target: ts.ScriptTarget.ES2022,
});
const { diagnostics } = program.emit();
const faults = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
const texts = faults.map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, "\n"));
assert.deepEqual(texts, []);

const { loginForAccessToken, readOwnItems } = createRequire(import.meta.url)(compiled);
const logIn = (body) => loginForAccessToken({ baseUrl: base, body });

const login = await logIn({ username: "johndoe", password: "1234", scope: "me items" });
assert.equal(login.response.status, 200);
const items = await readOwnItems({ baseUrl: base, auth: login.data.access_token });
assert.deepEqual(items.data, [{ item_id: "Foo", owner: "johndoe" }]);

assert.ok((await logIn({ username: "johndoe", password: "1234" })).data.access_token);
const refused = await logIn({ username: "johndoe", password: "wrong" });
assert.equal(refused.response.status, 400);
assert.equal(refused.error.detail, "Incorrect username or password");
