export function main({ a, b = 3, c: { d } }, { x, y }: { x: string; y?: number }, [p, q]: [string, number], { z = "q" } = {}, ...rest: string[]) {}
