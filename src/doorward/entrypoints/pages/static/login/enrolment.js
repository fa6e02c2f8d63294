// Making a passkey, or a password with an authenticator app: what three pages share.

import { ask, create, onSubmit, sentence } from "./ceremony.js";

const find = (name) => document.querySelector(`[data-${name}]`);

export function fail(error) {
  const trouble = find("trouble");
  trouble.textContent = sentence(error);
  trouble.hidden = false;
}

// `paths` are where to ask; `given` is sent along with each question, `named` with a new passkey.
export function enrolment(paths, given = {}, named = () => ({})) {
  const trouble = find("trouble");
  const [register, password, other] = ["register", "password", "other"].map(find);
  let ticket = "";

  async function scan() {
    if (ticket) return;
    const totp = await ask(paths.totp, given);
    ticket = totp.ticket;
    find("secret").textContent = totp.secret.match(/.{1,4}/g).join(" ");
    const qr = find("qr");
    qr.setAttribute("viewBox", `0 0 ${totp.qr_size} ${totp.qr_size}`);
    qr.querySelector("path").setAttribute("d", totp.qr_path);
  }

  onSubmit(register, trouble, async () => {
    const credential = await create(await ask(paths.options, given));
    return ask(paths.passkey, { ...given, ...named(), credential });
  });
  onSubmit(password, trouble, () =>
    ask(paths.password, {
      ...given,
      ticket,
      password: document.getElementById("password").value,
      code: document.getElementById("code").value,
    }),
  );
  other.addEventListener("toggle", (event) => event.target.open && scan().catch(fail));
}
