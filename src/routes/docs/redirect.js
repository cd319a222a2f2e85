// Where a sign-in comes back to: tells the page that has asked, which knows its answer by `state`, and closes.
// It needs no `opener.swaggerUIRedirectOauth2`, as Swagger UI's own does: a provider on the way may have cut the
// window off from the page.
const channel = new BroadcastChannel("bailiwick.sign-in");
const answer = location.search;
const state = new URLSearchParams(answer).get("state");
// Neither the history nor a bookmark keeps the code.
history.replaceState(null, "", location.pathname);
channel.onmessage = ({ data: { taken } }) => {
  if (taken === state) window.close();
};
channel.postMessage({ answer });
