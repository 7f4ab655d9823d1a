/**
 * Passkeys. A form with `data-passkey` is sent once the browser has made a key (`create`) or signed with one (`get`);
 * what it is asked for stands in the page (`data-options`), or is fetched from where the form goes.
 */

/** @typedef {{type: string, id: string, transports?: string[]}} Descriptor */

/** @param {string} text */
function toBytes(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** @param {ArrayBuffer | null | undefined} buffer */
function toText(buffer) {
  if (!buffer) return null;
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @param {Descriptor[] | undefined} list */
const described = (list) => list?.map((one) => ({ ...one, id: toBytes(one.id) }));

/**
 * Ask the browser, and put its answer into what JSON can carry. Newer browsers do both halves themselves; not all do.
 * @param {"create" | "get"} kind
 * @param {any} options  as the server wrote them: bytes in base64url
 */
async function ask(kind, options) {
  const asked = { ...options.publicKey, challenge: toBytes(options.publicKey.challenge) };
  if (asked.user) asked.user = { ...asked.user, id: toBytes(asked.user.id) };
  if (asked.excludeCredentials) asked.excludeCredentials = described(asked.excludeCredentials);
  if (asked.allowCredentials) asked.allowCredentials = described(asked.allowCredentials);
  const made = /** @type {any} */ (await navigator.credentials[kind]({ publicKey: asked }));
  const { response } = made;
  const said = kind === "create"
    ? { attestationObject: toText(response.attestationObject), transports: response.getTransports?.() ?? [] }
    : { authenticatorData: toText(response.authenticatorData), signature: toText(response.signature), userHandle: toText(response.userHandle) };
  return {
    id: made.id,
    rawId: toText(made.rawId),
    type: made.type,
    authenticatorAttachment: made.authenticatorAttachment ?? undefined,
    clientExtensionResults: made.getClientExtensionResults(),
    response: { clientDataJSON: toText(response.clientDataJSON), ...said },
  };
}

/** @param {HTMLFormElement} form */
async function optionsOf(form) {
  const inPage = document.getElementById(form.dataset.options ?? "");
  if (inPage) return JSON.parse(inPage.textContent ?? "");
  const answer = await fetch(form.action, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new Error(`no options: ${answer.status}`);
  return (await answer.json()).request_options;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} which  `refused`, `known` or `unable`
 */
function say(form, which) {
  const words = form.querySelector("[data-passkey-words]");
  if (!(words instanceof HTMLElement)) return;
  words.querySelector("span")?.replaceChildren(words.dataset[which] ?? "");
  words.hidden = false;
}

/** @param {HTMLFormElement} form */
function arm(form) {
  const credential = form.elements.namedItem("credential");
  if (!(credential instanceof HTMLInputElement)) return;
  const kind = form.dataset.passkey === "create" ? "create" : "get";
  const isAble = "credentials" in navigator && "PublicKeyCredential" in window;
  // Without passkeys the sign-in page is what it always was; a page made for them says why it cannot help.
  if (isAble || form.dataset.options) form.hidden = false;
  if (!isAble) say(form, "unable");
  form.addEventListener("submit", async (event) => {
    if (credential.value) return;
    event.preventDefault();
    if (!isAble) return;
    try {
      credential.value = JSON.stringify(await ask(kind, await optionsOf(form)));
    } catch (fault) {
      say(form, fault instanceof DOMException && fault.name === "InvalidStateError" ? "known" : "refused");
      return;
    }
    form.submit();
  });
}

for (const form of document.querySelectorAll("form[data-passkey]")) if (form instanceof HTMLFormElement) arm(form);
