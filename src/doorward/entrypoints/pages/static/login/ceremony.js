// The two passkey ceremonies (WebAuthn level 2), and asking the server.

const UNEXPECTED = "Something went wrong. Reload the page and try again.";

function bytes(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const withId = (descriptor) => ({ ...descriptor, id: bytes(descriptor.id) });

export async function ask(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("doorward could not be reached. Check your connection and try again.");
  }
  const answer = await response.json().catch(() => ({ title: UNEXPECTED }));
  if (!response.ok && answer.location) {
    window.location.assign(answer.location);
    return new Promise(() => {});
  }
  if (!response.ok) {
    throw new Error([answer.title, answer.remedy].filter(Boolean).join(" ") || UNEXPECTED);
  }
  return answer;
}

export async function create(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: withId(options.user),
    excludeCredentials: (options.excludeCredentials ?? []).map(withId),
  };
  const made = await navigator.credentials.create({ publicKey });
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

export async function get(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: (options.allowCredentials ?? []).map(withId),
  };
  const found = await navigator.credentials.get({ publicKey });
  const { response } = found;
  return {
    id: found.id,
    rawId: text(found.rawId),
    type: found.type,
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    },
  };
}

const SENTENCES = {
  NotAllowedError: "The passkey was not used: it was cancelled, or took too long. Try again.",
  InvalidStateError: "This device has a passkey for you already. Sign in with it.",
  NotSupportedError: "This device cannot make such a passkey. Use another device, or a password.",
  SecurityError: "Passkeys do not work at this address. Use the address you were given.",
};

export function sentence(error) {
  if (!window.PublicKeyCredential && error instanceof TypeError) {
    return "This browser knows no passkeys. Use a password and a code, or another browser.";
  }
  return SENTENCES[error.name] ?? (error.message || UNEXPECTED);
}

export function onSubmit(form, trouble, act) {
  // Until here a click would send the form itself, which nothing answers.
  form.querySelector("button").disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.hidden = true;
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const { location: next } = await act();
      window.location.assign(next);
    } catch (error) {
      trouble.textContent = sentence(error);
      trouble.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}
