/** Grüße @param größe wie groß */
export function main(größe: "klein" | "groß" | "\u{1F600}" | "\ud83d\ude00!", $dollar: string = "ü\n\"\\", _x: number) {}
