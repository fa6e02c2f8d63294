"use strict";

const state = document.getElementById("state");
const lines = document.getElementById("lines");
const form = document.getElementById("write");
const text = document.getElementById("text");

function say(sentence, name) {
  state.textContent = sentence;
  state.dataset.state = name;
}

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const socket = new WebSocket(`${scheme}//${location.host}/live`);

socket.addEventListener("open", () => say("Live.", "open"));
socket.addEventListener("close", () => say("The connection was closed.", "closed"));
socket.addEventListener("message", (event) => {
  const line = JSON.parse(event.data);
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = line.from;
  item.append(name, line.text);
  lines.append(item);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(text.value);
    text.value = "";
  }
});
