import {
  ActionIcon,
  Button,
  FileInput,
  MultiSelect,
  NativeSelect,
  PasswordInput,
  SegmentedControl,
  Select,
  Switch,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconArrowUp, IconPlus, IconTrash, IconX } from '@tabler/icons-react';
import { useEffect, useId, useRef, useState } from 'react';
import { CodeEditor } from '~/editor/code-editor';
import { FieldFrame } from './field-frame';
import {
  choiceLabel,
  choiceOf,
  controlOf,
  discriminator,
  fieldsOf,
  initial,
  isGroup,
  type JsonSchema,
  plain,
  resourceType,
  same,
  shown,
  typeWord,
  type Values,
} from './schema';
import classes from './schema-form.module.css';
import { jsonProblem, type Problems } from './validate';

export interface ControlProps {
  id: string;
  name: string;
  /** Where the value is, from the arguments down: "customer.tags.0". */
  path: string;
  schema: JsonSchema;
  root: JsonSchema;
  required: boolean;
  value: unknown;
  problems: Problems;
  disabled?: boolean;
  onChange: (value: unknown) => void;
}

/** The control of one value, chosen by its schema. */
export function Control(props: ControlProps) {
  switch (controlOf(props.schema)) {
    case 'text':
      return <TextControl {...props} />;
    case 'textarea':
      return <TextareaControl {...props} />;
    case 'code':
      return <CodeControl {...props} />;
    case 'password':
      return <PasswordControl {...props} />;
    case 'number':
      return <NumberControl {...props} />;
    case 'boolean':
      return <BooleanControl {...props} />;
    case 'select':
      return <SelectControl {...props} />;
    case 'multiselect':
      return <MultiSelectControl {...props} />;
    case 'datetime':
      return <DateTimeControl {...props} />;
    case 'date':
      return <TextControl {...props} type="date" />;
    case 'time':
      return <TextControl {...props} type="time" />;
    case 'file':
      return <FileControl {...props} />;
    case 'resource':
      return <ResourceControl {...props} />;
    case 'list':
      return <ListControl {...props} />;
    case 'object':
      return <ObjectControl {...props} />;
    case 'oneof':
      return <OneOfControl {...props} />;
    case 'constant':
      return <code className={classes.constant}>{JSON.stringify(props.schema.const)}</code>;
    case 'json':
      return <JsonControl {...props} />;
  }
}

/** Attributes that tie an input to its label and notes. */
function tie(p: ControlProps) {
  return {
    id: p.id,
    disabled: p.disabled,
    error: p.problems[p.path] !== undefined,
    'aria-describedby': `${p.id}-note`,
    'aria-required': p.required,
  } as const;
}

const textOf = (v: unknown): string => (typeof v === 'string' ? v : v === undefined || v === null ? '' : String(v));

/** A cleared text is left out, unless that would bring a default back. */
const cleared = (s: JsonSchema): unknown => (typeof s.default === 'string' && s.default !== '' ? '' : undefined);

const inputTypes: Record<string, string> = { email: 'email', uri: 'url' };

function TextControl({ type, ...p }: ControlProps & { type?: string }) {
  const s = p.schema;
  return (
    <TextInput
      {...tie(p)}
      type={type ?? inputTypes[s.format ?? ''] ?? 'text'}
      step={type === 'time' ? 1 : undefined}
      value={textOf(p.value)}
      placeholder={
        s.placeholder ??
        (p.value === null ? 'null' : s.format === 'uuid' ? '00000000-0000-0000-0000-000000000000' : undefined)
      }
      autoComplete="off"
      spellCheck={false}
      onChange={(e) => p.onChange(e.currentTarget.value === '' ? cleared(s) : e.currentTarget.value)}
    />
  );
}

function TextareaControl(p: ControlProps) {
  return (
    <Textarea
      {...tie(p)}
      autosize
      minRows={3}
      maxRows={16}
      value={textOf(p.value)}
      placeholder={p.schema.placeholder}
      onChange={(e) => p.onChange(e.currentTarget.value === '' ? cleared(p.schema) : e.currentTarget.value)}
    />
  );
}

function CodeControl(p: ControlProps) {
  return (
    <div className={classes.codeBox}>
      <CodeEditor
        compact
        mode={p.schema.format ?? 'text'}
        label={p.schema.title ?? p.name}
        value={textOf(p.value)}
        readOnly={p.disabled}
        onChange={(v) => p.onChange(v === '' ? cleared(p.schema) : v)}
      />
    </div>
  );
}

function PasswordControl(p: ControlProps) {
  return (
    <PasswordInput
      {...tie(p)}
      value={textOf(p.value)}
      autoComplete="new-password"
      placeholder={p.schema.placeholder}
      onChange={(e) => p.onChange(e.currentTarget.value === '' ? undefined : e.currentTarget.value)}
    />
  );
}

/** Keeps what was typed, so that "1." and "-" survive; what is no number goes on as text and is told apart by validation. */
function NumberControl(p: ControlProps) {
  const [text, setText] = useState(() => textOf(p.value));
  const [last, setLast] = useState(p.value);
  // The value changed from outside (another default, the JSON mode): show that.
  if (!Object.is(last, p.value)) {
    setLast(p.value);
    if (numberOf(text) !== p.value) setText(textOf(p.value));
  }
  const s = p.schema;
  const range =
    s.minimum !== undefined && s.maximum !== undefined
      ? `${s.minimum} to ${s.maximum}`
      : s.minimum !== undefined
        ? `${s.minimum} or more`
        : s.maximum !== undefined
          ? `${s.maximum} or less`
          : undefined;
  const set = (next: string) => {
    setText(next);
    const v = next.trim() === '' ? undefined : numberOf(next);
    setLast(v);
    p.onChange(v);
  };
  return (
    <TextInput
      {...tie(p)}
      inputMode={s.type === 'integer' ? 'numeric' : 'decimal'}
      autoComplete="off"
      value={text}
      placeholder={s.placeholder ?? (p.value === null ? 'null' : range)}
      classNames={{ input: classes.number }}
      onChange={(e) => set(e.currentTarget.value)}
      onKeyDown={(e) => {
        if (e.key !== 'ArrowUp' && e.key !== 'ArrowDown') return;
        const now = numberOf(text === '' ? '0' : text);
        if (typeof now !== 'number') return;
        e.preventDefault();
        const next = now + (e.key === 'ArrowUp' ? 1 : -1) * (e.shiftKey ? 10 : 1);
        set(String(Math.max(s.minimum ?? -Infinity, Math.min(s.maximum ?? Infinity, next))));
      }}
    />
  );
}

function numberOf(text: string): number | string | undefined {
  const t = text.trim();
  if (t === '') return undefined;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(t) ? Number(t) : text;
}

/** Two states when one of them is meant anyway; three when "not given" means something of its own. */
function BooleanControl(p: ControlProps) {
  const label = p.schema.title ?? p.name;
  if (!p.schema.nullable && (p.required || p.schema.default !== undefined)) {
    return (
      <Switch
        id={p.id}
        aria-label={label}
        aria-describedby={`${p.id}-note`}
        checked={p.value === true}
        disabled={p.disabled}
        onChange={(e) => p.onChange(e.currentTarget.checked)}
      />
    );
  }
  return (
    <SegmentedControl
      aria-label={label}
      disabled={p.disabled}
      value={p.value === undefined || p.value === null ? '' : String(p.value)}
      onChange={(v) => p.onChange(v === '' ? (p.schema.nullable ? null : undefined) : v === 'true')}
      data={[
        { value: '', label: 'Not set' },
        { value: 'true', label: 'True' },
        { value: 'false', label: 'False' },
      ]}
    />
  );
}

const keyOf = (v: unknown): string => JSON.stringify(v);
const labelOf = (s: JsonSchema, v: unknown): string =>
  s.enumLabels?.[String(v)] ?? (typeof v === 'string' ? v : JSON.stringify(v));

function SelectControl(p: ControlProps) {
  const list = p.schema.enum ?? [];
  const data = list.map((v) => ({ value: keyOf(v), label: labelOf(p.schema, v) }));
  const set = (k: string | null) => p.onChange(k === null || k === '' ? undefined : list.find((v) => keyOf(v) === k));
  if (list.length > 8) {
    return (
      <Select
        {...tie(p)}
        searchable
        clearable={!p.required}
        data={data}
        value={p.value === undefined ? null : keyOf(p.value)}
        onChange={set}
        placeholder="Choose"
        nothingFoundMessage="No such choice"
      />
    );
  }
  return (
    <NativeSelect
      {...tie(p)}
      data={[{ value: '', label: p.required ? 'Choose…' : 'Not set' }, ...data]}
      value={p.value === undefined ? '' : keyOf(p.value)}
      onChange={(e) => set(e.currentTarget.value)}
    />
  );
}

function MultiSelectControl(p: ControlProps) {
  const list = p.schema.items?.enum ?? [];
  const value = Array.isArray(p.value) ? p.value : [];
  return (
    <MultiSelect
      {...tie(p)}
      searchable={list.length > 8}
      clearable
      data={list.map((v) => ({ value: keyOf(v), label: labelOf(p.schema.items as JsonSchema, v) }))}
      value={value.map(keyOf)}
      onChange={(keys) => p.onChange(keys.map((k) => list.find((v) => keyOf(v) === k)))}
      placeholder={value.length === 0 ? 'Choose any' : undefined}
    />
  );
}

/** Shows the viewer's own time and sends UTC. */
function DateTimeControl(p: ControlProps) {
  return (
    <TextInput
      {...tie(p)}
      type="datetime-local"
      step={1}
      value={localTime(p.value)}
      onChange={(e) => {
        const d = new Date(e.currentTarget.value);
        p.onChange(Number.isNaN(d.getTime()) ? undefined : d.toISOString());
      }}
    />
  );
}

export function localTime(v: unknown): string {
  if (typeof v !== 'string' || v === '') return '';
  const d = new Date(v);
  if (Number.isNaN(d.getTime())) return '';
  const two = (n: number) => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

const MAX_FILE = 50 << 20;

function FileControl(p: ControlProps) {
  const [file, setFile] = useState<File | null>(null);
  const [problem, setProblem] = useState('');
  const size = typeof p.value === 'string' ? Math.floor((p.value.length * 3) / 4) : 0;
  const take = async (f: File | null) => {
    setProblem('');
    if (!f) {
      setFile(null);
      p.onChange(undefined);
      return;
    }
    if (f.size > MAX_FILE) {
      setProblem('Files up to 50 MB can be sent from here. Send a larger one by the API or pass where it lies.');
      return;
    }
    setFile(f);
    p.onChange(await base64(f));
  };
  return (
    <>
      <FileInput
        {...tie(p)}
        clearable
        value={file}
        placeholder={size > 0 ? `${size.toLocaleString()} bytes given` : 'Choose a file'}
        accept={p.schema.contentMediaType}
        onChange={(f) => void take(f)}
      />
      {problem && (
        <p className={classes.error} role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:[^,]*,/, ''));
    reader.onerror = () => reject(reader.error ?? new Error('the file cannot be read'));
    reader.readAsDataURL(file);
  });
}

const RESOURCE = '$res:';

/** A resource is named by its path; the value that is sent says so with a prefix. */
function ResourceControl(p: ControlProps) {
  const type = resourceType(p.schema);
  if (typeof p.value === 'object' && p.value !== null) return <JsonControl {...p} />;
  return (
    <TextInput
      {...tie(p)}
      leftSection={<span className={classes.prefix}>{RESOURCE}</span>}
      leftSectionWidth={44}
      value={textOf(p.value).replace(RESOURCE, '')}
      placeholder={`Path of a ${type} resource, like f/data/${type}`}
      autoComplete="off"
      spellCheck={false}
      onChange={(e) => {
        const path = e.currentTarget.value.trim().replace(RESOURCE, '');
        p.onChange(path === '' ? undefined : RESOURCE + path);
      }}
    />
  );
}

function JsonControl(p: ControlProps) {
  const [text, setText] = useState(() => jsonText(p.value));
  const [error, setError] = useState('');
  const last = useRef(p.value);
  useEffect(() => {
    if (same(last.current, p.value)) return;
    last.current = p.value;
    setText(jsonText(p.value));
    setError('');
  }, [p.value]);
  const edit = (next: string) => {
    setText(next);
    if (next.trim() === '') {
      setError('');
      last.current = undefined;
      p.onChange(undefined);
      return;
    }
    try {
      const v: unknown = JSON.parse(next);
      setError('');
      last.current = v;
      p.onChange(v);
    } catch (e) {
      setError(jsonProblem(e));
    }
  };
  const hint =
    p.schema.type === 'object' ? '{ }' : p.schema.type === 'array' ? '[ ]' : 'Any JSON: "text", 1, true, { }, [ ]';
  return (
    <>
      <div className={classes.codeBox}>
        <CodeEditor
          compact
          mode="json"
          label={p.schema.title ?? p.name}
          value={text}
          readOnly={p.disabled}
          placeholder={hint}
          onChange={edit}
        />
      </div>
      {error && (
        <p className={classes.error} role="alert">
          {error}
        </p>
      )}
    </>
  );
}

const jsonText = (v: unknown): string => (v === undefined ? '' : JSON.stringify(v, null, 2));

/** Null is a value of its own where the schema allows it: not the same as leaving it out. */
export function NullButton({
  label,
  schema,
  value,
  disabled,
  onChange,
}: Pick<ControlProps, 'schema' | 'value' | 'disabled' | 'onChange'> & { label: string }) {
  // A boolean that may be left out has a choice for that already.
  if (!schema.nullable || schema.type === 'boolean') return null;
  return (
    <button
      type="button"
      className={classes.nullButton}
      aria-pressed={value === null}
      aria-label={`Null for ${label}`}
      disabled={disabled}
      onClick={() => onChange(value === null ? undefined : null)}
    >
      null
    </button>
  );
}

/** A control with its own frame, for parts of objects and lists. */
function Part({ label, ...p }: Omit<ControlProps, 'id'> & { label: string }) {
  const id = useId();
  return (
    <FieldFrame
      id={id}
      label={p.schema.title ?? label}
      type={typeWord(p.schema)}
      required={p.required}
      description={p.schema.description}
      error={p.problems[p.path]}
      group={isGroup(p.schema)}
      tools={
        <NullButton
          label={p.schema.title ?? label}
          schema={p.schema}
          value={p.value}
          disabled={p.disabled}
          onChange={p.onChange}
        />
      }
    >
      <Control {...p} id={id} name={label} />
    </FieldFrame>
  );
}

function ObjectControl(p: ControlProps & { hide?: string }) {
  const values = (typeof p.value === 'object' && p.value !== null && !Array.isArray(p.value) ? p.value : {}) as Values;
  return (
    <div className={classes.nested}>
      {fieldsOf(p.schema)
        .filter((f) => f.name !== p.hide)
        .map((f) => {
          const s = plain(f.schema, p.root);
          return (
            <Part
              key={`${f.name} ${controlOf(s)}`}
              label={f.name}
              name={f.name}
              path={`${p.path}.${f.name}`}
              schema={s}
              root={p.root}
              required={f.required}
              value={shown(s, f.required, values, f.name)}
              problems={p.problems}
              disabled={p.disabled}
              onChange={(v) => {
                const next = { ...values };
                if (v === undefined) delete next[f.name];
                else next[f.name] = v;
                p.onChange(next);
              }}
            />
          );
        })}
    </div>
  );
}

function ListControl(p: ControlProps) {
  const items = plain(p.schema.items ?? {}, p.root);
  const list = Array.isArray(p.value) ? p.value : [];
  // Items have no names: keys of our own keep a row's state with it when rows move.
  const [keys, setKeys] = useState<number[]>([]);
  if (keys.length !== list.length) {
    const next = keys.slice(0, list.length);
    while (next.length < list.length) next.push(freeKey(next));
    setKeys(next);
  }
  const label = p.schema.title ?? p.name;
  const big = isGroup(items) && controlOf(items) !== 'boolean';
  const change = (values: unknown[], k: number[]) => {
    setKeys(k);
    p.onChange(values);
  };
  return (
    <div className={classes.list}>
      {list.map((v, i) => {
        const path = `${p.path}.${i}`;
        return (
          <div key={keys[i]} className={big ? classes.card : classes.item}>
            <div className={classes.itemBody}>
              <ListItem
                {...p}
                path={path}
                name={`${label} ${i + 1}`}
                schema={items}
                required
                value={v}
                onChange={(next) => change(list.with(i, next ?? null), keys)}
              />
              {p.problems[path] && <p className={classes.error}>{p.problems[path]}</p>}
            </div>
            <div className={classes.itemTools}>
              {i > 0 && (
                <ActionIcon
                  size={26}
                  aria-label={`Move ${label} ${i + 1} up`}
                  disabled={p.disabled}
                  onClick={() => change(swap(list, i), swap(keys, i))}
                >
                  <IconArrowUp size={14} />
                </ActionIcon>
              )}
              <ActionIcon
                size={26}
                aria-label={`Remove ${label} ${i + 1}`}
                disabled={p.disabled}
                onClick={() => change(list.toSpliced(i, 1), keys.toSpliced(i, 1))}
              >
                {big ? <IconTrash size={14} /> : <IconX size={14} />}
              </ActionIcon>
            </div>
          </div>
        );
      })}
      <Button
        className={classes.add}
        size="xs"
        variant="subtle"
        leftSection={<IconPlus size={14} aria-hidden />}
        aria-label={`Add to ${label}`}
        disabled={p.disabled || (p.schema.maxItems !== undefined && list.length >= p.schema.maxItems)}
        onClick={() => change([...list, initial(items, true) ?? blank(items)], [...keys, freeKey(keys)])}
      >
        Add
      </Button>
    </div>
  );
}

/** One item: its control is named by the list and its number, as it has no label in sight. */
function ListItem(p: Omit<ControlProps, 'id'>) {
  const id = useId();
  return (
    <>
      <label id={`${id}-label`} htmlFor={id} className="visually-hidden">
        {p.name}
      </label>
      <Control {...p} id={id} />
      <span id={`${id}-note`} hidden />
    </>
  );
}

const freeKey = (keys: readonly number[]): number => Math.max(-1, ...keys) + 1;

function swap<T>(list: readonly T[], i: number): T[] {
  return list.with(i, list[i - 1] as T).with(i - 1, list[i] as T);
}

function blank(s: JsonSchema): unknown {
  switch (controlOf(s)) {
    case 'list':
    case 'multiselect':
      return [];
    case 'object':
      return {};
    case 'boolean':
      return false;
    case 'number':
      return 0;
    case 'select':
      return s.enum?.[0];
    case 'json':
    case 'oneof':
      return null;
    default:
      return '';
  }
}

function OneOfControl(p: ControlProps) {
  const choices = (p.schema.oneOf ?? p.schema.anyOf ?? []).map((c) => plain(c, p.root));
  const found = choiceOf(choices, p.value);
  const [picked, setPicked] = useState(Math.max(0, found));
  const at = found >= 0 ? found : Math.min(picked, choices.length - 1);
  // What was entered under a choice comes back when that choice does.
  const kept = useRef(new Map<number, unknown>());
  const choice = choices[at] as JsonSchema;
  const mark = discriminator(choice);
  const names = choices.map((c, i) => choiceLabel(c, i));
  const pick = (i: number) => {
    kept.current.set(at, p.value);
    setPicked(i);
    const c = choices[i] as JsonSchema;
    const d = discriminator(c);
    const start = kept.current.get(i) ?? (d ? { [d.name]: d.value } : (initial(c, true) ?? blank(c)));
    p.onChange(start);
  };
  const label = `${p.schema.title ?? p.name} kind`;
  const short = names.length <= 4 && names.join('').length <= 36;
  return (
    <div className={classes.nested}>
      {short ? (
        <SegmentedControl
          aria-label={label}
          disabled={p.disabled}
          value={String(at)}
          onChange={(v) => pick(Number(v))}
          data={names.map((n, i) => ({ value: String(i), label: n }))}
        />
      ) : (
        <NativeSelect
          aria-label={label}
          disabled={p.disabled}
          value={String(at)}
          onChange={(e) => pick(Number(e.currentTarget.value))}
          data={names.map((n, i) => ({ value: String(i), label: n }))}
        />
      )}
      {controlOf(choice) === 'object' ? (
        <ObjectControl
          {...p}
          key={at}
          schema={choice}
          hide={mark?.name}
          onChange={(v) => p.onChange(mark ? { [mark.name]: mark.value, ...(v as Values) } : v)}
        />
      ) : controlOf(choice) === 'constant' ? null : (
        <ListItem {...p} key={at} schema={choice} name={p.schema.title ?? p.name} />
      )}
    </div>
  );
}
