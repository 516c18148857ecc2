"use strict";
const waiting = new Map();
let heard = Date.now(), spoke = heard, isOver = "over" in document.body.dataset;
const byId = (id) => document.getElementById(id);

/** Times of day below `root` in the viewer's zone. */
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime), written = time.textContent;
    const parts = [at.getHours(), at.getMinutes(), at.getSeconds()].slice(0, written.split(":").length);
    const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) + ", ";
    const isToday = at.toDateString() === new Date().toDateString();
    time.textContent = (isToday ? "" : day) + parts.map((part) => String(part).padStart(2, "0")).join(":");
  }
}
/** A button for each command below `root`. */
function addButtons(root) {
  for (const command of root.querySelectorAll(".command")) {
    const button = document.createElement("button"), code = command.querySelector("code");
    const say = (word) => { button.textContent = word; };
    say("Copy");
    button.setAttribute("aria-label", "Copy: " + command.querySelector("span").textContent);
    const select = () => { getSelection().selectAllChildren(code); say("Selected"); };
    button.addEventListener("click", () => {
      if (!navigator.clipboard) return select();
      navigator.clipboard.writeText(code.textContent).then(() => { say("Copied"); setTimeout(say, 2000, "Copy"); }, select);
    });
    command.append(button);
  }
}
function dress(root) { localise(root); addButtons(root); }

/** A part that somebody selects or has the focus in stays as it is until then, and nobody is spoken to twice in 10 s. */
function isHeld(part) {
  const selection = getSelection();
  if (part.id === "spoken") return Date.now() - spoke < 10000;
  return part.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(part, true));
}
function put(parts) {
  for (const [id, html] of Object.entries(parts ?? {})) waiting.set(id, html);
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
  source.addEventListener("tick", take);
  source.addEventListener("mark", take);
  source.addEventListener("end", (event) => { take(event); isOver = true; source.close(); });
  // Some browsers give up when nobody listens at the other end.
  source.addEventListener("error", () => { if (source.readyState === 2 && !isOver) setTimeout(listen, 2000); });
}
function watch() {
  put();
  const isSilent = !isOver && Date.now() - heard > 4000, silence = byId("silence");
  if (isSilent && silence.hidden) {
    byId("heard").dateTime = new Date(heard).toISOString();
    byId("heard").textContent = "::";
    localise(silence);
  }
  silence.hidden = !isSilent;
}
dress(document);
if (!isOver) listen();
setInterval(watch, 250);
