import { SegmentedControl } from '@mantine/core';
import { useId, useState } from 'react';
import { CodeEditor } from '~/editor/code-editor';
import { Control, NullButton } from './controls';
import { FieldFrame } from './field-frame';
import {
  argumentsOf,
  controlOf,
  fieldsOf,
  isGroup,
  type JsonSchema,
  plain,
  shown,
  typeWord,
  type Values,
} from './schema';
import classes from './schema-form.module.css';
import { jsonProblem, type Problems, REQUIRED } from './validate';

export interface SchemaFormProps {
  schema: JsonSchema | undefined;
  /** What the person has touched. Defaults are not in it. */
  values: Values;
  onChange: (values: Values) => void;
  /** Messages by place, from `check` and from the server ("args." already taken off). */
  problems?: Problems;
  heading?: string;
  /** Offers to edit the arguments as JSON. */
  jsonMode?: boolean;
  disabled?: boolean;
  /** Says "required" of every field, also of those nobody has been at: somebody tried to send it. */
  showAll?: boolean;
  /** What a form without fields says. */
  empty?: string;
}

/** A form that is the schema: one field per property, in its order. */
export function SchemaForm({
  schema,
  values,
  onChange,
  problems = {},
  heading,
  jsonMode = true,
  disabled,
  showAll = false,
  empty,
}: SchemaFormProps) {
  const [asJson, setAsJson] = useState(false);
  const [seen, setSeen] = useState<ReadonlySet<string>>(() => new Set());
  const fields = fieldsOf(schema);
  const root = schema ?? {};

  return (
    <div className={classes.form}>
      {(heading || jsonMode) && (
        <div className={classes.mode}>
          {heading && <h2>{heading}</h2>}
          {jsonMode && (
            <SegmentedControl
              aria-label="Edit the arguments as"
              value={asJson ? 'json' : 'form'}
              onChange={(v) => setAsJson(v === 'json')}
              data={[
                { value: 'form', label: 'Form' },
                { value: 'json', label: 'JSON' },
              ]}
            />
          )}
        </div>
      )}
      {asJson ? (
        <JsonArguments schema={schema} values={values} onChange={onChange} problems={problems} />
      ) : fields.length === 0 ? (
        <p className={classes.none}>{empty ?? 'No arguments.'}</p>
      ) : (
        fields.map((f) => {
          const s = plain(f.schema, root);
          return (
            <TopField
              key={`${f.name} ${controlOf(s)}`}
              name={f.name}
              schema={s}
              root={root}
              required={f.required}
              value={shown(s, f.required, values, f.name)}
              disabled={disabled}
              problems={problems}
              seen={showAll || seen.has(f.name)}
              onSeen={() => setSeen((old) => (old.has(f.name) ? old : new Set(old).add(f.name)))}
              onChange={(v) => onChange({ ...values, [f.name]: v })}
            />
          );
        })
      )}
    </div>
  );
}

interface TopFieldProps {
  name: string;
  schema: JsonSchema;
  root: JsonSchema;
  required: boolean;
  value: unknown;
  disabled?: boolean;
  problems: Problems;
  seen: boolean;
  onSeen: () => void;
  onChange: (value: unknown) => void;
}

function TopField({ name, schema, root, required, value, disabled, problems, seen, onSeen, onChange }: TopFieldProps) {
  const id = useId();
  const shownProblems = seen ? problems : withoutRequired(problems);
  return (
    <FieldFrame
      id={id}
      label={schema.title ?? name}
      type={typeWord(schema)}
      required={required}
      description={schema.description}
      error={shownProblems[name]}
      group={isGroup(schema)}
      onBlur={onSeen}
      tools={
        <NullButton
          label={schema.title ?? name}
          schema={schema}
          value={value}
          disabled={disabled}
          onChange={onChange}
        />
      }
    >
      <Control
        id={id}
        name={name}
        path={name}
        schema={schema}
        root={root}
        required={required}
        value={value}
        problems={shownProblems}
        disabled={disabled}
        onChange={onChange}
      />
    </FieldFrame>
  );
}

/** "Required" is not said of a field nobody has been at yet; everything else is said at once. */
function withoutRequired(problems: Problems): Problems {
  return Object.fromEntries(Object.entries(problems).filter(([, message]) => message !== REQUIRED));
}

function JsonArguments({
  schema,
  values,
  onChange,
  problems,
}: Pick<SchemaFormProps, 'schema' | 'values' | 'onChange'> & { problems: Problems }) {
  const [text, setText] = useState(() => JSON.stringify(argumentsOf(schema, values), null, 2));
  const [error, setError] = useState('');
  const edit = (next: string) => {
    setText(next);
    try {
      const v: unknown = JSON.parse(next === '' ? '{}' : next);
      if (typeof v !== 'object' || v === null || Array.isArray(v)) {
        setError('The arguments must be one object: { … }.');
        return;
      }
      setError('');
      // A name that was taken out is cleared, not put back by its default.
      const cleared = Object.fromEntries(fieldsOf(schema).map((f) => [f.name, undefined]));
      onChange({ ...cleared, ...v });
    } catch (e) {
      setError(jsonProblem(e));
    }
  };
  const rest = Object.entries(problems).filter(([, m]) => m !== '');
  return (
    <div>
      <div className={classes.jsonBox}>
        <CodeEditor compact mode="json" label="Arguments as JSON" value={text} onChange={edit} />
      </div>
      {error && (
        <p className={classes.error} role="alert">
          {error}
        </p>
      )}
      {!error && rest.length > 0 && (
        <ul className={classes.errors}>
          {rest.map(([at, message]) => (
            <li key={at}>
              <code>{at}</code> {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
