// Loaded only when the server no longer knows us: a sign-in dialog over the page, then the request is sent again.
let pending = [];

export function ended(request) {
  if (request) pending.push(request);
  if (document.getElementById("signed-out")) return;
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.id = "signed-out";
  dialog.setAttribute("aria-labelledby", "signed-out-title");
  dialog.innerHTML = `
    <div class="dialog-head"><h2 id="signed-out-title">You were signed out</h2></div>
    <div class="dialog-body"><p class="muted">What you typed is still on this page. Sign in in the new tab, come back here
      and go on.</p></div>
    <div class="dialog-foot"><a class="btn first" target="_blank" rel="noopener">Sign in</a>
      <button class="btn btn-primary" type="button">Go on</button></div>`;
  dialog.querySelector("a").href = document.body.dataset.login || "/accounts/login/";
  dialog.querySelector("button").addEventListener("click", () => goOn(dialog));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

async function goOn(dialog) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.redirected || !answer.ok) {
    dialog.querySelector("p").textContent = "You are not signed in yet. Sign in in the other tab first.";
    return;
  }
  renewToken(page.body.getAttribute("hx-headers"));
  dialog.close();
  const again = pending;
  pending = [];
  for (const { verb, path, elt, target, parameters } of again) {
    delete parameters.csrfmiddlewaretoken;
    htmx.ajax(verb, path, { source: elt, target, values: parameters });
  }
}

// Signing in changes the CSRF token: take the new one from the fresh page.
function renewToken(headers) {
  document.body.setAttribute("hx-headers", headers);
  const token = JSON.parse(headers)["X-CSRFToken"];
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = token;
}
