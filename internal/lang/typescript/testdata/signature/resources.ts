type Postgresql = { host: string };
export function main(own: Postgresql, db: Mysql, pg: RT.PgDatabase, s: CSlackBotToken[], t?: Openai, fn: Function, lower: lowercase) {}
