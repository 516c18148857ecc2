// The live page of a real run in a real browser; `.ci/a11y` installs what it needs and calls it.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const [, , executablePath, neonbench, pictures] = process.argv;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "neonbench-live-"));
const faults = [], started = [];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function check(what, isGood, found = "") {
  console.log(`${isGood ? "ok   " : "FAULT"} ${what}${found === "" ? "" : `: ${found}`}`);
  if (!isGood) faults.push(what);
}

/** Starts the binary; its process, and the first line of `from` that `wanted` matches. */
async function start(args, from, wanted) {
  const child = spawn(neonbench, args, { cwd: folder });
  started.push(child);
  child.ended = new Promise((done) => child.on("exit", done));
  for (const stream of ["stdout", "stderr"]) if (stream !== from) child[stream].resume();
  const lines = createInterface({ input: child[from] });
  const found = await new Promise((done, failed) => {
    lines.on("line", (line) => { const match = line.match(wanted); if (match) done(match); });
    child.on("exit", (code) => failed(new Error(`neonbench ${args[0]} ended with ${code}`)));
  });
  return [child, found];
}

writeFileSync(join(folder, "steady.toml"), `schema = 1
[limits]
pool = 5
[service]
${["get", "patch", "put", "search", "metadata"].map((it) => `${it} = { law = "constant", time = "40ms" }`).join("\n")}
`);
const accounts = 10_000;
const serve = ["serve", "--addr", "127.0.0.1:0", "--json", "--profile", "steady.toml", "--resources", String(accounts)];
const [, [, baseUrl]] = await start(serve, "stdout", /"base_url":"([^"]+)"/);
const live = /^live page: (http:\/\/127\.0\.0\.1:(\d+)\/t\/\w+)/;
const run = ["run", "--base-url", baseUrl, "--resources", String(accounts), "--profile", "steady.toml"];
const [runner, [, url, port]] = await start([...run, "--strategy", "pipelined", "--live"], "stderr", live);

const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage();
const complaints = [];
page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
page.on("pageerror", (error) => complaints.push(String(error)));
const text = (of, id) => of.$eval(`#${id}`, (it) => it.textContent.replace(/\s+/g, " ").trim());
/** Accounts that have ended, by the list below the bar. */
const ended = (of) => of.$eval("#verdicts .migrated b", (it) => Number(it.textContent.replaceAll(",", "")));
async function until(what, seconds, is) {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; await sleep(100)) if (await is()) return true;
  return false;
}

const size = (await (await page.goto(url)).buffer()).length;
check("the token leaves the address", page.url() === `http://127.0.0.1:${port}/`, page.url());
check("the page has at most 60 kB", size <= 60_000, `${size} bytes`);
const requests = await page.evaluate(() => performance.getEntriesByType("resource").map((it) => it.name));
check("one response paints it", requests.every((name) => name.endsWith("/events")), requests.join(" "));
check("accounts land on it", await until("landing", 20, async () => (await ended(page)) > 50), await text(page, "verdicts"));
check("it says when the run is done", await until("eta", 60, async () => /Done between|Done at/.test(await text(page, "sentence"))), await text(page, "sentence"));

for (const [width, height] of [[390, 844], [1280, 900]]) {
  for (const scheme of ["light", "dark"]) {
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
    await sleep(1_200);
    await page.evaluate(axe).catch(() => {});
    const found = await page.evaluate(() => window.axe ? window.axe.run(document, { resultTypes: ["violations"] }) : null);
    const view = `${width} px, ${scheme}`;
    check(`axe, ${view}`, found?.violations.length === 0, found?.violations.map((it) => it.id).join(" "));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(`nothing overflows, ${view}`, wide <= 0, `${wide} px`);
    check(`nothing moves, ${view}`, (await page.evaluate(() => document.getAnimations().length)) === 0);
    if (pictures) await page.screenshot({ path: join(pictures, `live-${width}-${scheme}.png`), fullPage: true });
  }
}
check("no policy is violated", complaints.length === 0, complaints.join(" "));

// Without scripts the page loads itself again.
const plain = await browser.newPage();
await plain.setJavaScriptEnabled(false);
await plain.goto(`http://127.0.0.1:${port}/`);
const first = await ended(plain);
check("it counts on without scripts", await until("refresh", 15, async () => (await ended(plain).catch(() => first)) > first), `from ${first}`);
await plain.close();

// A page of another port, in the same browser, which has the cookie.
const foreign = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(`<iframe src="http://127.0.0.1:${port}/"></iframe><img src="http://127.0.0.1:${port}/state">`));
await new Promise((done) => foreign.listen(0, "127.0.0.1", done));
const evil = await browser.newPage();
const answers = [];
const network = await evil.createCDPSession();
await network.send("Network.enable");
// Answers that a script may not read are no `response` of the page.
network.on("Network.responseReceivedExtraInfo", ({ statusCode }) => { if (statusCode !== 200) answers.push(statusCode); });
for (const host of ["127.0.0.1", "localhost"]) {
  await evil.goto(`http://${host}:${foreign.address().port}/`);
  const read = await evil.evaluate(async (target) => {
    const tries = {
      fetch: () => fetch(target + "/state", { credentials: "include" }).then((it) => it.text()),
      post: () => fetch(target + "/", { method: "POST", mode: "no-cors", credentials: "include", body: "x" }).then((it) => it.text()),
      events: () => new Promise((done, failed) => {
        const source = new EventSource(target + "/events", { withCredentials: true });
        source.addEventListener("tick", (event) => done(event.data));
        source.onerror = () => { source.close(); failed(new Error("refused")); };
      }),
      frame: async () => document.querySelector("iframe").contentDocument.body.textContent,
    };
    const read = [];
    for (const [name, attempt] of Object.entries(tries)) {
      const found = await attempt().catch(() => "");
      if (found !== "") read.push(name);
    }
    return read;
  }, `http://127.0.0.1:${port}`);
  check(`a page of http://${host}:${foreign.address().port} reads nothing`, read.length === 0, read.join(" "));
}
check("each of its requests was refused", answers.length >= 10 && answers.every((status) => [403, 405].includes(status)), answers.join(" "));
const rebound = await evil.goto(`http://rebound.localhost:${port}/`);
check("another name for this machine is refused", rebound.status() === 421, rebound.status());
const stranger = await (await browser.createBrowserContext()).newPage();
const refused = await stranger.goto(`http://127.0.0.1:${port}/`);
check("a browser without the cookie is refused", refused.status() === 401, refused.status());
await evil.close();
foreign.close();

// Killed, shown from the store, resumed to its end.
runner.kill("SIGKILL");
const killed = Date.now();
const isSilent = () => page.$eval("#silence", (it) => !it.hidden);
const isSaid = await until("silence", 10, isSilent);
check("a killed run is said within 5 s", isSaid && Date.now() - killed <= 5_000, `${((Date.now() - killed) / 1_000).toFixed(1)} s`);
check("the page names the way on", (await text(page, "silence")).includes("neonbench resume 1"));
const [stored, [, storedUrl]] = await start(["live", "1"], "stderr", live);
await stranger.goto(storedUrl);
check("the store shows it", /neonbench resume 1/.test(await stranger.$eval("main", (it) => it.textContent)), await text(stranger, "state"));
if (pictures) await stranger.screenshot({ path: join(pictures, "live-stored.png"), fullPage: true });
const [resumed, [, resumedUrl]] = await start(["resume", "1", "--live"], "stderr", live);
await page.goto(resumedUrl);
const isOver = await until("end", 240, () => page.$eval("#end", (it) => it.textContent.trim() !== "").catch(() => false));
check("the end is shown", isOver, await text(page, "end"));
check("the page of the store shows it too", await until("end", 10, () => stranger.$eval("#end", (it) => it.textContent.trim() !== "")));
if (pictures) await page.screenshot({ path: join(pictures, "live-end.png"), fullPage: true });
check("the run ends when its viewers have seen it", (await resumed.ended) === 0);
stored.kill("SIGINT");

await browser.close();
for (const child of started) child.kill("SIGKILL");
rmSync(folder, { recursive: true, force: true });
if (faults.length > 0) {
  console.error(`\n${faults.length} faults`);
  process.exit(1);
}
process.exit(0);
