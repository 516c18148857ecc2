// The mock of the Neon CRM API for a test: `const neon = await start()`, then `neon.baseUrl`, then `await neon.stop()`.
"use strict";
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const readline = require("node:readline");

/** Path of the binary: $NEONBENCH, or that of the platform's package. */
function binary() {
  if (process.env.NEONBENCH) return process.env.NEONBENCH;
  const platform = `@neonbench/${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${platform}/bin/neonbench`);
  } catch {
    throw new Error(`neonbench: ${platform} is not installed; there may be no binary for this platform. NEONBENCH can name one`);
  }
}

/** Flags of `neonbench serve`: `{ profile: "documented", resources: 20, seed: 2 }`. */
function flags(settings) {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== false);
  const flag = (name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return given.flatMap(([name, value]) => (value === true ? [flag(name)] : [flag(name), String(value)]));
}

/** Starts a mock on a free port; it answers once the promise is fulfilled, and ends with this process at the latest. */
async function start({ profile = "unlimited", orgId = "demo", apiKey = "demo", ...settings } = {}) {
  const words = ["serve", "--addr", "127.0.0.1:0", "--json", "--exit-with-stdin", ...flags({ profile, orgId, apiKey, ...settings })];
  const child = spawn(binary(), words, { stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (text) => (complaint += text));
  const ended = once(child, "exit");
  ended.catch(() => {}); // it is told below
  const line = once(readline.createInterface({ input: child.stdout }), "line");
  // Once the streams are closed, too, the complaint is whole.
  const first = await Promise.race([line, once(child, "close")]);
  if (typeof first[0] !== "string" || !first[0].startsWith("{")) throw new Error(`neonbench: ${complaint.trim()}`);
  const { base_url: baseUrl, admin_url: adminUrl, admin_token: adminToken, pid } = JSON.parse(first[0]);
  // A test that forgets to stop it ends all the same, and the mock with it.
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();
  const stop = async () => {
    child.ref();
    child.stdin.end();
    await ended;
  };
  return { baseUrl, adminUrl, adminToken, orgId, apiKey, pid, stop, ...admin(adminUrl, adminToken) };
}

/** The admin routes as functions. */
function admin(url, token) {
  const ask = async (route, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const method = body === undefined ? "GET" : "POST";
    const answer = await fetch(url + route, { method, headers, body: body === undefined ? body : JSON.stringify(body) });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`neonbench: ${answer.status}: ${json[0].message}`);
    return json;
  };
  const failNext = async (...ways) => {
    for (const way of ways) await ask("faults", typeof way === "number" ? { statuses: [way] } : { kinds: [way] });
  };
  return {
    calls: async () => (await ask("journal?limit=1000&values=true")).calls.reverse(),
    counters: () => ask("counters"),
    stateDigest: async () => (await ask("state")).digest,
    fail: (rule) => ask("faults", { tables: [rule] }).then(() => undefined),
    failNext,
    setProfile: (name) => ask("profile", { name }).then(() => undefined),
    reset: (seed) => ask("reset", seed === undefined ? {} : { seed }).then(() => undefined),
    snapshot: (name = "default") => ask("snapshot", { name }).then(() => undefined),
    restore: (name = "default") => ask("restore", { name }).then(() => undefined),
  };
}

module.exports = { start, binary };
