// axe-core and Lighthouse on each page below a folder; `.ci/a11y` installs them beside this file and calls it.
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import lighthouse from "lighthouse";
import puppeteer from "puppeteer-core";

const [, , executablePath, folder] = process.argv;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = {
  light: { width: 1280, scheme: "light" },
  dark: { width: 1280, scheme: "dark" },
  "390 px": { width: 390, scheme: "light" },
  "390 px, dark": { width: 390, scheme: "dark" },
};

/** More stops than that between the page's start and its end are a long way for a keyboard. */
const MAX_STOPS = 25;

const pages = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".html")).sort();
// Lighthouse takes no files.
const server = createServer((request, response) => {
  const name = decodeURIComponent(request.url.slice(1));
  if (!pages.includes(name)) { response.writeHead(404).end(); return; }
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(readFileSync(join(folder, name)));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = (name) => `http://127.0.0.1:${server.address().port}/${name}`;
const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const faults = [];

/** Opens all details of `page`, and waits until they are laid out. */
async function openAll(page) {
  await page.evaluate(async () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  });
}

/** The violations of `name` in `view`, with its details as they are and all open. */
async function violations(name, view) {
  const page = await browser.newPage();
  const { width, scheme } = VIEWS[view];
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(address(name));
  await page.evaluate(axe);
  let count = 0;
  for (const state of ["as it opens", "all open"]) {
    if (state === "all open") await openAll(page);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, help, nodes } of found.violations) {
      count += nodes.length;
      faults.push(`${name}, ${view}, ${state}: ${id}, ${help}: ${nodes.length} times, first at ${nodes[0].target} ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary?.split("\n")[1] ?? ""}`);
    }
  }
  await page.close();
  return count;
}

/** What a keyboard and a screen reader meet: stops of the tab key, sliders without spoken values, and the
 * smallest text of a chart, in px. */
async function met(name) {
  const page = await browser.newPage();
  const found = { stops: 0, unspoken: 0, px: Infinity };
  for (const width of [390, 1280, 1920]) {
    await page.setViewport({ width, height: 900 });
    await page.goto(address(name));
    const stops = await page.evaluate(() => {
      const can = "a[href], button, input, select, summary, [tabindex='0']";
      return [...document.querySelectorAll(can)].filter((it) => it.checkVisibility() && !it.disabled).length;
    });
    await openAll(page);
    const here = await page.evaluate(() => {
      const sliders = [...document.querySelectorAll("input[type=range]")];
      const unspoken = sliders.filter((slider) => !slider.getAttribute("aria-valuetext")).length;
      const scale = (svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      const texts = [...document.querySelectorAll("svg text")].filter((text) => text.checkVisibility());
      const sizes = texts.map((text) => parseFloat(getComputedStyle(text).fontSize) * scale(text.ownerSVGElement));
      return { unspoken, px: Math.min(...sizes) };
    });
    found.stops = Math.max(found.stops, stops);
    found.unspoken += here.unspoken;
    found.px = Math.min(found.px, here.px);
  }
  await page.close();
  if (found.unspoken > 0) faults.push(`${name}: ${found.unspoken} sliders have no spoken value`);
  if (found.stops > MAX_STOPS) faults.push(`${name}: ${found.stops} stops of the tab key`);
  if (found.px < 11) faults.push(`${name}: a text in a chart has ${found.px.toFixed(1)} px`);
  return found;
}

async function score(name) {
  const port = Number(new URL(browser.wsEndpoint()).port);
  const { lhr } = await lighthouse(address(name), { port, onlyCategories: ["accessibility"], logLevel: "error" });
  for (const audit of Object.values(lhr.audits)) {
    if (audit.score !== null && audit.score < 1) faults.push(`${name}: Lighthouse, ${audit.id}: ${audit.title}`);
  }
  return lhr.categories.accessibility.score;
}

const heads = [...Object.keys(VIEWS).map((view) => `axe, ${view}`), "Lighthouse", "tab stops", "text of charts"];
const wide = Math.max(...pages.map((name) => name.length));
const show = (name, cells) =>
  console.log([name.padEnd(wide), ...cells.map((cell, place) => String(cell).padStart(heads[place].length))].join("  "));
show("page", heads);
for (const name of pages) {
  const counts = [];
  for (const view of Object.keys(VIEWS)) counts.push(await violations(name, view));
  const { stops, px } = await met(name);
  const points = await score(name);
  if (!(points >= 1)) faults.push(`${name}: Lighthouse gives ${points}`);
  show(name, [...counts, points.toFixed(2), stops, px === Infinity ? "no chart" : `≥ ${px.toFixed(1)} px`]);
}
await browser.close();
server.close();
if (faults.length > 0) {
  console.error(`\n${faults.join("\n")}`);
  process.exit(1);
}
