#!/usr/bin/env bun
import data from "./data" with { type: "json" };
@decorator class X { accessor y = 1; static { } }
export async function main(this: void, a: string, b?: number) {
  using res = open();
  await using other = open();
  const v = a satisfies string;
  const re = /[/}]"/v;
  label: for await (const x of y) { break label }
  return a?.b ?? (a ||= `x${`y${1}`}`);
}
