interface Tree { value: string; children: Tree[]; parent?: Tree }
type Json = string | number | Json[] | { [k: string]: Json };
type A = { b: B }; type B = { a: A };
type Self = Self;
interface Loop extends Loop { x: string }
export function main(tree: Tree, json: Json, a: A, self: Self, loop: Loop) {}
