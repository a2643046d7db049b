// The wrapper of one job: reads args.json, calls main of the user's module, writes result.json. SPEC stands above it.
import { readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";

const job = process.cwd(); // the script may leave it
const root = import.meta.dir.slice(0, -"/.tidemill".length);
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
let started = now();
let finished = false;

// ---- arguments

const unsafe = (v) => Number.isInteger(v) && !Number.isSafeInteger(v);

function readArgs() {
  const text = readFileSync(`${job}/args.json`, "utf8");
  if (!SPEC.bigints) return JSON.parse(text);
  // Integers that a number cannot hold stay exact where the script asks for a bigint.
  return JSON.parse(text, (_, v, at) => (unsafe(v) && /^-?\d+$/.test(at.source) ? BigInt(at.source) : v));
}

// Turns the exact integers of readArgs back into numbers where no bigint was asked for.
function plain(v) {
  if (!SPEC.bigints) return v;
  if (typeof v === "bigint") return Number(v);
  if (Array.isArray(v)) return v.map(plain);
  if (v && typeof v === "object") for (const k of Object.keys(v)) v[k] = plain(v[k]);
  return v;
}

function bytes(as, text) {
  const b = Buffer.from(text, "base64");
  switch (as) {
    case "Buffer": return b;
    case "ArrayBuffer": return new Uint8Array(b).buffer;
    case "Blob": return new Blob([b]);
    case "File": return new File([b], "file");
  }
  return new Uint8Array(b);
}

class ArgumentError extends TypeError {}
ArgumentError.prototype.name = "ArgumentError";

function convert(c, v, where) {
  if (!c) return plain(v);
  if (v === null || v === undefined) return v;
  const wrong = (what) => new ArgumentError(`the argument ${where} is not ${what}: ${encode(v)}`);
  switch (c.k) {
    case "ref":
      return convert(SPEC.defs[c.name], v, where);
    case "date": {
      if (typeof v !== "string" && typeof v !== "number") return plain(v);
      const d = new Date(v);
      if (Number.isNaN(d.getTime())) throw wrong("a date");
      return d;
    }
    case "bigint":
      if (typeof v === "bigint") return v;
      if ((typeof v === "string" && /^-?\d+$/.test(v)) || Number.isInteger(v)) return BigInt(v);
      return v;
    case "bytes":
      return typeof v === "string" ? bytes(c.as, v) : v;
    case "url":
      if (typeof v !== "string") return v;
      if (!URL.canParse(v)) throw wrong("an address");
      return new URL(v);
    case "array":
      return Array.isArray(v) ? v.map((e, i) => convert(c.of, e, `${where}[${i}]`)) : plain(v);
    case "set":
      return Array.isArray(v) ? new Set(v.map((e, i) => convert(c.of, e, `${where}[${i}]`))) : plain(v);
    case "tuple":
      return Array.isArray(v) ? v.map((e, i) => convert(c.items[i], e, `${where}[${i}]`)) : plain(v);
  }
  if (typeof v !== "object" || Array.isArray(v)) return plain(v);
  if (c.k === "map") return new Map(Object.entries(v).map(([k, e]) => [k, convert(c.of, e, `${where}.${k}`)]));
  for (const k of Object.keys(v)) {
    v[k] = convert(c.props && Object.hasOwn(c.props, k) ? c.props[k] : c.of, v[k], `${where}.${k}`);
  }
  return v;
}

// ---- results

function encode(value) {
  const text = JSON.stringify(value, function (key, v) {
    const raw = this[key];
    switch (typeof raw) {
      case "bigint":
        return Number.isSafeInteger(Number(raw)) ? Number(raw) : String(raw);
      case "object":
        if (raw === null) return null;
        if (ArrayBuffer.isView(raw)) {
          if (!(raw instanceof Uint8Array || raw instanceof DataView)) return Array.from(raw);
          return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("base64");
        }
        if (raw instanceof ArrayBuffer) return Buffer.from(raw).toString("base64");
        if (raw instanceof Map) return Object.fromEntries(raw);
        if (raw instanceof Set) return [...raw];
        if (raw instanceof Error) return { name: raw.name, message: raw.message, stack: cleanStack(raw), ...raw };
    }
    return v;
  });
  return text ?? "null";
}

// Where a value refers to itself, as a path; "" when it does not.
function cycle(value, path, above) {
  if (value === null || typeof value !== "object") return "";
  if (above.includes(value)) return path;
  const entries = value instanceof Map ? value : value instanceof Set ? [...value].entries() : Object.entries(value);
  for (const [k, v] of entries) {
    const found = above.length < 500 && cycle(v, `${path}.${String(k)}`, [...above, value]);
    if (found) return found;
  }
  return "";
}

class ResultError extends Error {}
ResultError.prototype.name = "ResultError";

function encodeResult(value) {
  try {
    return encode(value);
  } catch (e) {
    let at = "";
    try {
      at = cycle(value, "result", []);
    } catch {} // a getter that throws, which is what e tells
    const error = new ResultError(at ? `the result refers to itself at ${at}, so it cannot be JSON` : `the result cannot be JSON: ${e?.message ?? e}`);
    error.stack = "";
    throw error;
  }
}

// ---- errors

const clean = (text) => String(text).replaceAll(`${root}/`, "").replaceAll(/[^\s(]*\/packages-[0-9a-f]{40}\//g, "");

function cleanStack(e) {
  if (typeof e?.stack !== "string") return "";
  const lines = e.stack.split("\n").filter((line) => {
    if (!/^\s+at /.test(line)) return true;
    return !/\.tidemill\/|\bnode:|\bbun:|\(?native:|\[native code\]|processTicksAndRejections|\(unknown\)|<anonymous>$/.test(line);
  });
  return clean(lines.join("\n")).trimEnd();
}

function describe(e) {
  if (e && typeof e === "object" && e.position?.line) { // Bun could not read a module
    const at = e.position;
    return { name: "SyntaxError", message: clean(e.message), stack: clean(`${at.file}:${at.line}:${at.column}`) };
  }
  if (e instanceof Error || (e && typeof e === "object" && typeof e.message === "string")) {
    let stack = cleanStack(e);
    for (let cause = e.cause, i = 0; cause && i < 8; cause = cause.cause, i++) {
      stack += `\nCaused by: ${cleanStack(cause) || clean(cause?.message ?? String(cause))}`;
    }
    if (e instanceof AggregateError) for (const inner of e.errors) stack += `\nOne of: ${cleanStack(inner) || clean(String(inner))}`;
    const out = { name: e.name === "ResolveMessage" ? "ImportError" : String(e.name || "Error"), message: clean(e.message), stack };
    const { name, message, stack: _, cause, errors, ...extra } = { ...e };
    if (Object.keys(extra).length > 0) out.extra = extra;
    return out;
  }
  const message = typeof e === "string" ? e : typeof e === "object" && e !== null ? encode(e) : `${String(e)} was thrown`;
  const out = { name: "Error", message, stack: "" };
  if (e && typeof e === "object") out.extra = e;
  return out;
}

// ---- ending

function finish(envelope, code) {
  if (finished) return;
  finished = true;
  writeFileSync(`${job}/result.json.tmp`, envelope);
  renameSync(`${job}/result.json.tmp`, `${job}/result.json`);
  process.exit(code);
}

function fail(e) {
  const stamps = `"start":${started},"end":${now()}`;
  let error;
  try {
    error = encode(describe(e));
  } catch {
    error = encode({ name: "Error", message: "what was thrown cannot be shown", stack: "" });
  }
  finish(`{"ok":false,"error":${error},${stamps}}`, 1);
}

// ---- streams

let streaming = true;
function emit(text) {
  let rest = Buffer.from(JSON.stringify(text) + "\n");
  while (streaming && rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(3, rest));
    } catch (e) {
      if (e.code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      else streaming = false; // nobody listens
    }
  }
}

async function drain(items) {
  const all = [];
  let text = true;
  const decoder = new TextDecoder();
  for await (let item of items) {
    if (item instanceof Uint8Array) item = decoder.decode(item, { stream: true });
    text = text && typeof item === "string";
    all.push(item);
    emit(typeof item === "string" ? item : encodeResult(item));
  }
  return text ? all.join("") : all;
}

const isStream = (v) =>
  v !== null && typeof v === "object" && (typeof v[Symbol.asyncIterator] === "function" || (typeof v.next === "function" && typeof v[Symbol.iterator] === "function"));

// ---- the run

process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
process.on("beforeExit", () => fail({ name: "Error", message: "main never ended: it awaits something that cannot happen any more" }));

async function run() {
  try {
    const given = readArgs();
    const args = [];
    for (const p of SPEC.args) {
      const v = Object.hasOwn(given, p.name) ? convert(p.conv, given[p.name], p.name) : undefined;
      if (p.rest) args.push(...(Array.isArray(v) ? v : v === undefined ? [] : [v]));
      else args.push(v);
    }
    started = now();
    const { main } = await import(`${root}/${SPEC.file}`);
    if (typeof main !== "function") throw Object.assign(new Error("the script exports no function main"), { stack: "" });
    let value = await main(...args);
    if (isStream(value)) value = await drain(value);
    const ended = now();
    finish(`{"ok":true,"result":${encodeResult(value)},"start":${started},"end":${ended}}`, 0);
  } catch (e) {
    fail(e);
  }
}

// Not awaited: a module that waits for ever would keep the process from ending.
run();
