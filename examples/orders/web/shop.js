// Logs in, lists orders, places one. The token stays in memory: closing the page forgets it.
const login = document.getElementById("login");
const order = document.getElementById("order");
const said = document.getElementById("said");
const orders = document.getElementById("orders");
let token = "";

async function ask(path, options = {}) {
  const headers = { ...options.headers, authorization: `Bearer ${token}` };
  const response = await fetch(path, { ...options, headers });
  const body = await response.json();
  if (!response.ok) {
    const detail = body.detail;
    throw new Error(typeof detail === "string" ? detail : detail.map((one) => one.msg).join(", "));
  }
  return body;
}

async function list() {
  const all = await ask("/orders");
  orders.replaceChildren(
    ...all.map(({ quantity, item }) => {
      const line = document.createElement("li");
      line.textContent = `${quantity} ${item}`;
      return line;
    }),
  );
}

function on(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "";
    try {
      await work(new FormData(form));
    } catch (error) {
      said.textContent = error.message;
    }
  });
}

on(login, async (fields) => {
  fields.append("scope", "me orders:read orders:write");
  const response = await fetch("/token", { method: "POST", body: new URLSearchParams(fields) });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  token = body.access_token;
  [login.hidden, order.hidden] = [true, false];
  await list();
});

on(order, async (fields) => {
  const body = JSON.stringify({ item: fields.get("item"), quantity: Number(fields.get("quantity")) });
  await ask("/orders", { method: "POST", headers: { "content-type": "application/json" }, body });
  await list();
});
