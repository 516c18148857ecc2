// Node's own runner: `node --test`.
"use strict";
const { after, before, beforeEach, test } = require("node:test");
const assert = require("node:assert/strict");
const { spawn, spawnSync } = require("node:child_process");
const { once } = require("node:events");
const { join } = require("node:path");
const { binary, start } = require("neonbench");

let neon;
before(async () => (neon = await start({ resources: 20 })));
beforeEach(() => neon.reset());
after(() => neon.stop());

const get = (path, mock = neon) => {
  const basic = Buffer.from(`${mock.orgId}:${mock.apiKey}`).toString("base64");
  return fetch(mock.baseUrl + path, { headers: { authorization: `Basic ${basic}` } });
};
const write = (value) => {
  const basic = Buffer.from("demo:demo").toString("base64");
  const body = JSON.stringify({ individualAccount: { accountCustomFields: [{ id: "88", value }] } });
  const headers = { authorization: `Basic ${basic}`, "content-type": "application/json" };
  return fetch(`${neon.baseUrl}/accounts/7`, { method: "PATCH", headers, body });
};
const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const ends = async (pid) => {
  for (let tries = 0; tries < 500 && isAlive(pid); tries += 1) await new Promise((go) => setTimeout(go, 20));
  return !isAlive(pid);
};

test("a client is answered, and its calls are seen", async () => {
  const answer = await get("/accounts/7");
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).individualAccount.accountId, "7");
  const [call] = await neon.calls();
  assert.deepEqual([call.verb, call.path, call.status], ["GET", "/v2/accounts/7", 200]);
});

test("the next calls fail as ordered", async () => {
  await neon.failNext(503, "429");
  const statuses = [(await get("/accounts/1")).status, (await get("/accounts/1")).status, (await get("/accounts/1")).status];
  assert.deepEqual(statuses, [503, 429, 200]);
  assert.equal((await neon.counters()).rejected, 1);
  await assert.rejects(neon.failNext("time-out"), /`timeout`/);
});

test("calls fail by rule", async () => {
  await neon.fail({ status: 429, endpoints: ["PATCH /accounts/{id}"], records: [7], first: 1 });
  assert.deepEqual([(await write("a")).status, (await write("a")).status], [429, 200]);
});

test("state is reset, with another seed too, and restored", async () => {
  const before = await neon.stateDigest();
  await neon.snapshot();
  assert.equal((await write("new")).status, 200);
  assert.notEqual(await neon.stateDigest(), before);
  await neon.restore();
  assert.equal(await neon.stateDigest(), before);
  await neon.reset(2);
  assert.notEqual(await neon.stateDigest(), before);
});

test("a wrong setting says what is wrong", async () => {
  await assert.rejects(start({ profile: "docmented" }), /documented/);
});

test("a stopped mock is gone", async () => {
  const other = await start({ profile: "constant", orgId: "mine", apiKey: "secret" });
  assert.equal((await get("/accounts/1", other)).status, 200);
  await other.stop();
  assert.ok(await ends(other.pid));
});

test("a killed process leaves no mock, and one that ends does not wait for it", async () => {
  const script = (rest) => `require(${JSON.stringify(require.resolve("neonbench"))}).start().then((neon) => {console.log(neon.pid);${rest}})`;
  const killed = spawn(process.execPath, ["-e", script("setInterval(() => {}, 1000)")], { stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = await once(killed.stdout, "data");
  killed.kill("SIGKILL");
  assert.ok(await ends(Number(pid)));
  const ended = spawnSync(process.execPath, ["-e", script("")], { encoding: "utf8", timeout: 20_000 });
  assert.equal(ended.status, 0);
  assert.ok(await ends(Number(ended.stdout)));
});

test("the command passes on arguments, exit codes and SIGTERM", async () => {
  const command = join(require.resolve("neonbench"), "..", "bin", "neonbench.js");
  const version = spawnSync(process.execPath, [command, "--version"], { encoding: "utf8" });
  assert.equal(version.stdout, `neonbench ${require("neonbench/package.json").version}\n`);
  assert.equal(spawnSync(process.execPath, [command, "nothing"]).status, 2);
  const served = spawn(process.execPath, [command, "serve", "--addr", "127.0.0.1:0", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(served.stdout, "data");
  const { pid } = JSON.parse(String(line));
  served.kill("SIGTERM");
  await once(served, "close");
  assert.ok(await ends(pid));
  assert.equal(typeof binary(), "string");
});
