// Vitest: `npx vitest run`.
import { start } from "neonbench";
import { afterAll, beforeAll, expect, test } from "vitest";

let neon;
beforeAll(async () => (neon = await start({ profile: "constant" })));
afterAll(() => neon.stop());

test("six reads at once are one too many", async () => {
  const headers = { authorization: `Basic ${btoa(`${neon.orgId}:${neon.apiKey}`)}` };
  const read = () => fetch(`${neon.baseUrl}/accounts/1`, { headers }).then((answer) => answer.status);
  const statuses = await Promise.all(Array.from({ length: 6 }, read));
  expect(statuses.sort()).toEqual([200, 200, 200, 200, 200, 429]);
});
