// A package from npm, pinned in the import: the version is resolved into the script's lockfile at deploy.
import { z } from "zod@3.23.8";

const Order = z.object({ id: z.number().int(), customer: z.string().min(1), total: z.coerce.number().nonnegative() });

type Currency = "EUR" | "USD" | "GBP";

/**
 * Checks raw orders and shows the good ones as a table.
 * @param rows what the shop sent
 * @param currency printed beside the totals
 */
export async function main(
  rows: { id: number; customer: string; total: string }[] = [
    { id: 1, customer: "Ada", total: "12.50" },
    { id: 2, customer: "Grace", total: "99" },
    { id: 3, customer: "", total: "7" },
  ],
  currency: Currency = "EUR",
) {
  const good = [];
  for (const row of rows) {
    const parsed = Order.safeParse(row);
    if (parsed.success) {
      good.push({ ...parsed.data, currency });
    } else {
      console.warn(`order ${row.id} left out: ${parsed.error.issues.map((i) => `${i.path.join(".")} ${i.message}`).join("; ")}`);
    }
  }
  return good;
}
