interface Address {
  /** Street and number */
  street: string;
  city?: string; // where it is
  readonly zip: number;
  "with-dash": boolean;
  method(): void;
  callback: (x: string) => void;
}
/** A person. */
interface Person extends Address {
  name: string;
  street: "overridden" | "street";
}
type Point = { x: number; y: number };
type Named = Point & { name: string } & Record<string, unknown>;
class Config { host: string = "localhost"; port = 80; private secret?: string; static shared = 1; #hidden = 2 }
export function main(
  person: Person, point: Point, named: Named, inline: { a: string; b?: { c: number } }, map: Map<string, number>,
  rec: Record<string, number>, keyed: Record<"a" | "b", string>, index: { [key: string]: boolean }, config: Config,
  mapped: { [K in "x" | "y"]: number }, empty: {},
) {}
