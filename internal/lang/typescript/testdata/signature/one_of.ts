type Circle = { kind: "circle"; radius: number };
type Square = { kind: "square"; side: number };
type Shape = Circle | Square;
export function main(
  shape: Shape, more: Shape | { kind: "line"; length: number }, labelled: { label: "a"; x: string } | { label: "b"; y: Date },
  typed: { type: "t1" } | { type: "t2" } | null, untagged: { a: string } | { b: string },
) {}
