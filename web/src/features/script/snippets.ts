export interface Snippet {
  id: string;
  title: string;
  mode: string;
  text: string;
}

/** How others call a script: ready to paste, with its own arguments. */
export function snippets(origin: string, workspace: string, path: string, args: unknown): Snippet[] {
  const url = `${origin}/api/w/${encodeURIComponent(workspace)}/jobs/run_wait_result/p/${path.split('/').map(encodeURIComponent).join('/')}`;
  const body = JSON.stringify(args);
  const pretty = JSON.stringify(args, null, 2);
  return [
    {
      id: 'curl',
      title: 'curl',
      mode: 'shell',
      text: `curl -sS ${shellQuote(url)} \\\n  -H "Authorization: Bearer $TIDEMILL_TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d ${shellQuote(body)}`,
    },
    {
      id: 'typescript',
      title: 'TypeScript',
      mode: 'typescript',
      text: `const response = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: {
    Authorization: \`Bearer \${process.env.TIDEMILL_TOKEN}\`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify(${pretty.replaceAll('\n', '\n  ')}),
});
if (!response.ok) throw new Error(await response.text());
const result = await response.json();`,
    },
    {
      id: 'python',
      title: 'Python',
      mode: 'python',
      text: `import json, os, urllib.request

request = urllib.request.Request(
    ${JSON.stringify(url)},
    data=json.dumps(${pythonOf(args, 4)}).encode(),
    headers={
        "Authorization": "Bearer " + os.environ["TIDEMILL_TOKEN"],
        "Content-Type": "application/json",
    },
)
with urllib.request.urlopen(request) as response:
    result = json.load(response)`,
    },
  ];
}

/** Single quotes stop every expansion; a quote inside ends, escapes and begins them again. */
export function shellQuote(s: string): string {
  return `'${s.replaceAll("'", `'\\''`)}'`;
}

/** A JSON value as a Python literal. */
export function pythonOf(v: unknown, indent = 0): string {
  if (v === null || v === undefined) return 'None';
  if (v === true) return 'True';
  if (v === false) return 'False';
  if (Array.isArray(v)) return `[${v.map((x) => pythonOf(x, indent)).join(', ')}]`;
  if (typeof v === 'object') {
    const entries = Object.entries(v);
    if (entries.length === 0) return '{}';
    const pad = ' '.repeat(indent + 4);
    return `{\n${entries.map(([k, x]) => `${pad}${JSON.stringify(k)}: ${pythonOf(x, indent + 4)},`).join('\n')}\n${' '.repeat(indent)}}`;
  }
  return JSON.stringify(v);
}
