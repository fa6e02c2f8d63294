// Keys for the console: j and k move through rows, Enter opens (a link does), / goes to the filter.

"use strict";

const isTyping = (element) => element.closest("input, select, textarea") !== null;

const move = (step) => {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (rows.length === 0) return;
  const here = rows.indexOf(document.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step;
  rows[Math.max(0, Math.min(rows.length - 1, next))].focus();
};

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  "/": () => document.querySelector("[data-search]")?.focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const act = KEYS[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

// A hidden tab asks for nothing: each question would be a decision in the log.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});

const showStale = (stale) => {
  const note = document.getElementById("live-error");
  if (note !== null) note.hidden = !stale;
};

document.addEventListener("htmx:responseError", () => showStale(true));
document.addEventListener("htmx:sendError", () => showStale(true));
document.addEventListener("htmx:afterSwap", () => showStale(false));
