// Passkeys: asks the server for a ceremony's options, hands them to the browser, and sends back what its authenticator says.
"use strict";

// What the server says, or an error with its reason.
async function ask(path, body, formToken) {
  const headers = { "content-type": "application/json" };
  if (formToken) headers["x-form-token"] = formToken;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.status === 200 ? answer.json() : null;
}

const CEREMONIES = {
  "sign-in": async () => {
    const options = await ask("/v1/sign-in/passkey/options", {});
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    await ask("/v1/sign-in/passkey", credential.toJSON());
  },
  "sign-up": async (form) => {
    const options = await ask("/v1/sign-up/options", { display_name: form.elements.display_name.value });
    await make(options, "/v1/sign-up", "First passkey");
  },
  "add": async (form) => {
    const token = form.dataset.formToken;
    const options = await ask("/v1/me/passkeys/options", {}, token);
    await make(options, "/v1/me/passkeys", form.elements.label.value, token);
  },
};

async function make(options, path, label, formToken) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  await ask(path, { label, credential: credential.toJSON() }, formToken);
}

function reason(error) {
  if (error.name === "NotAllowedError") return "No passkey was used. Try again, or choose another way.";
  if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
  if (error.name === "SecurityError") return "The browser does not allow passkeys at this address.";
  if (error instanceof TypeError) return "This server does not answer at the moment. Try again soon.";
  return error.message;
}

document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const problem = form.closest(".with-script").querySelector("[data-problem]");
    if (!globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON) {
      problem.textContent = "This browser is too old for passkeys here. Update it, or sign in with a key.";
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      continue;
    }
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.textContent = "";
      const button = form.querySelector("button");
      button.disabled = true;
      try {
        await CEREMONIES[form.dataset.passkey](form);
        location.assign("/you");
      } catch (error) {
        problem.textContent = reason(error);
      } finally {
        button.disabled = false;
      }
    });
  }
});
