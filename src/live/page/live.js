"use strict";
const waiting = new Map(), byId = (id) => document.getElementById(id);
let heard = Date.now(), spoke = heard, isOver = "over" in document.body.dataset;

// Times of day in the viewer's zone, and a button for each command.
function dress(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime), parts = [at.getHours(), at.getMinutes(), at.getSeconds()];
    const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) + ", ";
    const shown = parts.slice(0, time.textContent.split(":").length).map((part) => String(part).padStart(2, "0"));
    time.textContent = (at.toDateString() === new Date().toDateString() ? "" : day) + shown.join(":");
  }
  for (const command of root.querySelectorAll(".command:not(:has(button))")) {
    const button = document.createElement("button"), code = command.querySelector("code");
    const say = (word) => { button.textContent = word; };
    say("Copy");
    button.setAttribute("aria-label", "Copy: " + command.querySelector("span").textContent);
    const select = () => { getSelection().selectAllChildren(code); say("Selected"); };
    const copied = () => { say("Copied"); setTimeout(say, 2000, "Copy"); };
    button.addEventListener("click", () => {
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(copied, select); else select();
    });
    command.append(button);
  }
}
// A part in which somebody has selected or has the focus waits; nobody is spoken to twice within 10 s.
function isHeld(part) {
  const selection = getSelection();
  if (part.id === "spoken") return Date.now() - spoke < 10000;
  return part.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(part, true));
}
function put(parts = {}) {
  for (const [id, html] of Object.entries(parts)) waiting.set(id, html);
  for (const [id, html] of waiting) {
    const part = byId(id);
    if (!part || isHeld(part)) continue;
    waiting.delete(id);
    part.innerHTML = html;
    dress(part);
    if (id === "spoken") spoke = Date.now();
  }
}
function listen() {
  const source = new EventSource("/events");
  const take = (event) => { heard = Date.now(); put(JSON.parse(event.data).parts); };
  for (const name of ["tick", "mark", "end"]) source.addEventListener(name, take);
  source.addEventListener("end", () => { isOver = true; source.close(); });
  // Some browsers give up where nobody answers.
  source.addEventListener("error", () => { if (source.readyState === 2 && !isOver) setTimeout(listen, 2000); });
}
dress(document);
if (!isOver) listen();
setInterval(() => {
  put();
  const isSilent = !isOver && Date.now() - heard > 4000, silence = byId("silence"), time = byId("heard");
  if (isSilent && silence.hidden) { time.dateTime = new Date(heard).toISOString(); time.textContent = "::"; dress(silence); }
  silence.hidden = !isSilent;
}, 250);
