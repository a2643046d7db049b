function main(a: string) {}
export function helper(a: string) {}
export default main;
