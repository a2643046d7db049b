/** Overloaded. */
export function main(a: string): string;
export function main(a: number): number;
export function main(a: string | number, b?: boolean): any { return a }
