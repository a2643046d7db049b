const colors = ["red", "green"] as const;
const table = { de: 1, en: 2 };
type Order = { state: "open" | "done"; lines: { sku: string }[] };
export function main(color: (typeof colors)[number], language: keyof typeof table, state: Order["state"], line: Order["lines"][number], key: keyof Order) {}
