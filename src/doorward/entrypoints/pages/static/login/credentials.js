import { enrolment } from "./enrolment.js";

const here = "/account/credentials";

if (document.querySelector("[data-register]")) {
  enrolment(
    {
      options: `${here}/passkeys/options`,
      passkey: `${here}/passkeys`,
      totp: `${here}/totp`,
      password: `${here}/password`,
    },
    {},
    () => ({ name: document.getElementById("passkey-name").value }),
  );
}
