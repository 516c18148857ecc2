"use strict";
// Adds sorting, filters and sliders; everything is there without it.
// A table of a few rows is read faster than it is sorted, and each button is a stop on the way through the page.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 4) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => {
        const cell = row.cells[column];
        if (!cell) return "";
        const number = parseFloat((cell.querySelector("[data-value]") ?? cell).dataset.value ?? cell.textContent.replace(/[,\s]/g, ""));
        return Number.isNaN(number) ? cell.textContent : number;
      };
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        return up ? order : -order;
      });
      body.append(...rows);
    });
  });
}
for (const table of document.querySelectorAll("table.filtered")) {
  if (table.tBodies[0].rows.length < 12) continue;
  const label = document.createElement("label");
  label.className = "filter";
  const input = document.createElement("input");
  input.type = "search";
  const found = document.createElement("output");
  label.append("Show rows with ", input);
  table.parentElement.before(label, found);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    found.textContent = shown === 0 ? "no row has that" : shown + " of " + rows.length + " rows";
  });
}
// A box that scrolls is reached by keyboard, and named after what it shows; one that does not is no stop.
const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (!scrolls) { target.removeAttribute("tabindex"); continue; }
    target.tabIndex = 0;
    if (target.hasAttribute("aria-labelledby") || target.hasAttribute("aria-label")) continue;
    const name = target.closest("details")?.querySelector("summary") ?? target.closest("section")?.querySelector("h1, h2, h3");
    target.setAttribute("role", "group");
    target.setAttribute("aria-label", name?.textContent ?? "scrolls");
  }
});
for (const box of document.querySelectorAll(".scroll, pre")) boxes.observe(box);
const sliders = document.getElementById("sliders");
if (sliders) {
  const grid = JSON.parse(document.getElementById("grid").textContent);
  const part = (name) => document.getElementById("w-" + name);
  const share = (ratio) => {
    const percent = ratio * 100;
    if (percent > 0 && percent < 0.05) return "< 0.1 %";
    return percent.toFixed(percent > 0 && percent < 9.95 ? 1 : 0) + " %";
  };
  const duration = (s) => {
    if (s < 0.9995) return (s * 1e3).toFixed(0) + " ms";
    if (s < 59.95) return s < 9.995 ? s.toFixed(2) + " s" : s.toFixed(1) + " s";
    const whole = Math.round(s);
    if (whole < 3600) return Math.floor(whole / 60) + " min " + String(whole % 60).padStart(2, "0") + " s";
    const minutes = Math.round(s / 60);
    return Math.floor(minutes / 60) + " h " + String(minutes % 60).padStart(2, "0") + " min";
  };
  const show = () => {
    const at = (name) => Number(part(name).value);
    const [strategy, pool, service, workers, batch] = ["strategy", "pool", "service", "workers", "batch"].map(at);
    const name = grid.strategies[strategy];
    // A slider's own value is a place in a list, which says nothing when it is spoken.
    const label = (input, text, applies = true) => {
      part(input).disabled = !applies;
      const said = applies ? String(text) : "makes no difference to " + name;
      part(input).nextElementSibling.textContent = said;
      part(input).setAttribute("aria-valuetext", said);
    };
    label("workers", grid.workers[workers], name === "parallel" || name === "hybrid");
    label("batch", grid.batch_sizes[batch], name === "hybrid");
    label("pool", grid.pools[pool] || "no limit");
    label("service", "× " + grid.service_times[service]);
    const index = (((strategy * grid.pools.length + pool) * grid.service_times.length + service)
      * grid.workers.length + workers) * grid.batch_sizes.length + batch;
    const [seconds, refused] = [grid.makespans_s[index], grid.refused[index]];
    part("answer").textContent = seconds > 0
      ? duration(seconds) + " for " + grid.accounts.toLocaleString("en") + (grid.accounts === 1 ? " account, " : " accounts, ") + share(refused) + " of the calls refused"
      : "no figure: the run failed its audit, or took twice as long as one call after another";
  };
  sliders.addEventListener("input", show);
  sliders.addEventListener("submit", (event) => event.preventDefault());
  sliders.hidden = false;
  show();
}
