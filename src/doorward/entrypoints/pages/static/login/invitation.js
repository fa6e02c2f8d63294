import { ask } from "./ceremony.js";
import { enrolment, fail } from "./enrolment.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const secret = window.location.hash.slice(1);
window.history.replaceState(null, "", window.location.pathname);

async function welcome() {
  if (!secret) throw new Error("This link is not complete. Open it again from the message that brought it.");
  const person = await ask("/invitation/read", { secret });
  find("greeting").textContent = `Welcome, ${person.name}`;
  find("account").value = person.email;
  for (const field of document.querySelectorAll("input[name=invitation]")) field.value = secret;
  find("choices").hidden = false;
}

enrolment(
  {
    options: "/webauthn/register/options",
    passkey: "/webauthn/register",
    totp: "/invitation/totp",
    password: "/invitation/password",
  },
  { secret },
);
welcome().catch(fail);
