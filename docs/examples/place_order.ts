// Places an order with the generated TypeScript client (docs/clients.md).
// Environment: LINLI_URL, LINLI_TOKEN (an access token), ROUND, HOUSEHOLD and ITEM (ids).
import { Linli } from "./linli-client";
import { createClient } from "./linli-client/client";

export async function placeOrder(env: Record<string, string>) {
  const linli = new Linli({ client: createClient({ baseUrl: env.LINLI_URL, auth: env.LINLI_TOKEN }) });
  const { data: order, error: problem } = await linli.orders.create({
    headers: { "Idempotency-Key": crypto.randomUUID() },
    body: { round_id: env.ROUND, household_id: env.HOUSEHOLD, lines: [{ item_id: env.ITEM, qty: 1 }] },
  });
  if (problem) throw new Error(`${problem.code}: ${problem.detail}`);
  return order;
}
