async function work(a: string, n: number) {}
const other = 1;
export { other, work as main };
