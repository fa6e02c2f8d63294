import { ask, create, onSubmit, sentence } from "./ceremony.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const trouble = find("trouble");
const secret = window.location.hash.slice(1);
window.history.replaceState(null, "", window.location.pathname);
let ticket = "";

function fail(error) {
  trouble.textContent = sentence(error);
  trouble.hidden = false;
}

async function welcome() {
  if (!secret) throw new Error("This link is not complete. Open it again from the message that brought it.");
  const person = await ask("/invitation/read", { secret });
  find("greeting").textContent = `Welcome, ${person.name}`;
  find("account").value = person.email;
  for (const field of document.querySelectorAll("input[name=invitation]")) field.value = secret;
  find("choices").hidden = false;
}

async function enrol() {
  if (ticket) return;
  const totp = await ask("/invitation/totp", { secret });
  ticket = totp.ticket;
  find("secret").textContent = totp.secret.match(/.{1,4}/g).join(" ");
  const qr = find("qr");
  qr.setAttribute("viewBox", `0 0 ${totp.qr_size} ${totp.qr_size}`);
  qr.querySelector("path").setAttribute("d", totp.qr_path);
}

onSubmit(find("register"), trouble, async () => {
  const credential = await create(await ask("/webauthn/register/options", { secret }));
  return ask("/webauthn/register", { secret, credential });
});
onSubmit(find("password"), trouble, () =>
  ask("/invitation/password", {
    secret,
    ticket,
    password: document.getElementById("password").value,
    code: document.getElementById("code").value,
  }),
);
find("other").addEventListener("toggle", (event) => event.target.open && enrol().catch(fail));
welcome().catch(fail);
