import { ask } from "./ceremony.js";
import { enrolment } from "./enrolment.js";

const waiting = document.querySelector("[data-waiting]");

async function look() {
  // Whatever goes wrong on the way, the page goes on asking until its time is over.
  const { state } = await ask("/recovery/state", {}).catch(() => ({ state: "waiting" }));
  if (state === "approved") window.location.assign("/recovery");
  if (state === "over") window.location.assign("/recovery?over=1");
}

if (waiting) window.setInterval(look, Number(waiting.dataset.waiting) * 1000);
if (document.querySelector("[data-register]")) {
  enrolment({
    options: "/recovery/passkey/options",
    passkey: "/recovery/passkey",
    totp: "/recovery/totp",
    password: "/recovery/password",
  });
}
