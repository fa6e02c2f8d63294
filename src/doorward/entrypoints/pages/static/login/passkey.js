import { ask, get, onSubmit } from "./ceremony.js";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const { passkey, resource, path, flow, need } = form.dataset;
  onSubmit(form, form.querySelector("[data-trouble]"), async () => {
    const credential = await get(await ask(`${passkey}/options`, { need }));
    return ask(passkey, { credential, resource, path, flow, need });
  });
}
