import { ActionIcon, Button, SegmentedControl, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconAlertTriangle, IconBan, IconCheck, IconCopy, IconDownload, IconFile } from '@tabler/icons-react';
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react';
import { AnsiText } from '../log-view/ansi-text';
import { DataTable } from './data-table';
import { bytesText, formatJson } from './json';
import { JsonTree } from './json-tree';
import { bytesOf, saveBlob, saveText } from './save';
import { type ErrorValue, type Shape, shapeOf } from './shape';
import classes from './value-view.module.css';

const Markdown = lazy(() => import('./rich').then((m) => ({ default: m.Markdown })));
const HtmlFrame = lazy(() => import('./rich').then((m) => ({ default: m.HtmlFrame })));

const NAMES: Record<Shape['kind'], string> = {
  json: 'JSON',
  text: 'Text',
  table: 'Table',
  image: 'Image',
  markdown: 'Markdown',
  html: 'HTML',
  file: 'File',
  error: 'Error',
  list: 'Parts',
};

export interface ValueViewProps {
  value: unknown;
  /** What this is, for those who do not see it, and in the names of files: "Result". */
  label: string;
  /** Shown as the heading of the view. */
  heading?: string;
  fileName?: string;
  /** Where the value can be had as it is; without it what is shown is saved. */
  downloadUrl?: string;
  /** Shown above an error: where it happened. */
  excerpt?: ReactNode;
}

/** Any JSON value in the way it asks for, and always as JSON too. */
export function ValueView({ value, label, heading, fileName = 'result', downloadUrl, excerpt }: ValueViewProps) {
  const shape = useMemo(() => shapeOf(value), [value]);
  const [asJson, setAsJson] = useState(false);
  const { copy, copied } = useClipboard({ timeout: 1200 });
  const rich = shape.kind !== 'json' && !asJson;

  const tools = (
    <>
      {shape.kind !== 'json' && (
        <SegmentedControl
          aria-label="View"
          size="xs"
          value={asJson ? 'json' : 'rich'}
          onChange={(v) => setAsJson(v === 'json')}
          data={[
            { value: 'rich', label: NAMES[shape.kind] },
            { value: 'json', label: 'JSON' },
          ]}
        />
      )}
      <Tooltip label={copied ? 'Copied' : `Copy the ${label.toLowerCase()}`}>
        <ActionIcon
          size={26}
          aria-label={`Copy the ${label.toLowerCase()}`}
          onClick={() => copy(typeof value === 'string' ? value : formatJson(value))}
        >
          {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
        </ActionIcon>
      </Tooltip>
      <Tooltip label={`Download the ${label.toLowerCase()}`}>
        {downloadUrl ? (
          <ActionIcon
            size={26}
            component="a"
            href={downloadUrl}
            download={`${fileName}.json`}
            aria-label={`Download the ${label.toLowerCase()}`}
          >
            <IconDownload size={15} />
          </ActionIcon>
        ) : (
          <ActionIcon
            size={26}
            aria-label={`Download the ${label.toLowerCase()}`}
            onClick={() => saveText(formatJson(value), `${fileName}.json`, 'application/json')}
          >
            <IconDownload size={15} />
          </ActionIcon>
        )}
      </Tooltip>
    </>
  );

  if (!rich) return <JsonTree value={value} label={label} heading={heading} tools={tools} />;
  if (shape.kind === 'table')
    return <DataTable table={shape} label={label} heading={heading} fileName={fileName} tools={tools} />;
  return (
    <div className={classes.column}>
      <div className={classes.bar}>
        {heading && <h2 className={classes.heading}>{heading}</h2>}
        <span className={classes.spring} />
        {tools}
      </div>
      <div className={classes.scroll}>
        <Suspense fallback={null}>
          <Rich shape={shape} label={label} excerpt={excerpt} fileName={fileName} />
        </Suspense>
      </div>
    </div>
  );
}

function Rich({
  shape,
  label,
  excerpt,
  fileName,
}: {
  shape: Shape;
  label: string;
  excerpt: ReactNode;
  fileName: string;
}) {
  switch (shape.kind) {
    case 'text':
      return (
        <>
          {excerpt}
          <pre className={classes.text}>
            {shape.text === '' ? <span className="quiet">Empty text</span> : shape.text}
          </pre>
        </>
      );
    case 'image':
      return <img className={classes.image} src={shape.src} alt={label} />;
    case 'markdown':
      return <Markdown text={shape.text} label={label} />;
    case 'html':
      return <HtmlFrame html={shape.html} label={label} />;
    case 'file':
      return <FileValue shape={shape} />;
    case 'error':
      return <ErrorValueView error={shape.error} excerpt={excerpt} />;
    case 'list':
      return (
        <div className={classes.parts}>
          {shape.items.map((item, i) => (
            // the parts of a value have no other identity.
            <section key={i} className={classes.part} aria-label={`${label} part ${i + 1}`}>
              <ValueView value={item} label={`${label} part ${i + 1}`} fileName={`${fileName}-${i + 1}`} />
            </section>
          ))}
        </div>
      );
    default:
      return null;
  }
}

function FileValue({ shape }: { shape: Extract<Shape, { kind: 'file' }> }) {
  const bytes = useMemo(() => bytesOf(shape.content), [shape.content]);
  return (
    <div className={classes.file}>
      <IconFile size={28} aria-hidden />
      <div>
        <strong dir="auto">{shape.name}</strong>
        <div className="quiet">{bytesText(bytes.length)}</div>
      </div>
      <Button
        leftSection={<IconDownload size={15} aria-hidden />}
        onClick={() => saveBlob(new Blob([bytes], { type: shape.type }), shape.name)}
      >
        Download
      </Button>
    </div>
  );
}

function ErrorValueView({ error, excerpt }: { error: ErrorValue; excerpt: ReactNode }) {
  const extra = Object.keys(error.extra).length > 0;
  // Somebody's wish is no failure; the name is the one that stands in results, the word is the UI's.
  const cancelled = error.name === 'Canceled';
  return (
    <div className={classes.error} role="group" aria-label="Error">
      <div className={classes.errorHead} data-cancelled={cancelled || undefined}>
        {cancelled ? <IconBan size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
        <div className={classes.errorText}>
          {cancelled ? (
            <strong>{error.message.replace(/^canceled/, 'Cancelled') || 'Cancelled'}</strong>
          ) : (
            <>
              <strong>{error.name}</strong>
              <pre className={classes.message}>
                <AnsiText text={error.message} />
              </pre>
            </>
          )}
        </div>
      </div>
      {excerpt}
      {error.stack.trim() !== '' && (
        <details open className={classes.details}>
          <summary>Stack</summary>
          <pre className={classes.stack}>
            <AnsiText text={error.stack} />
          </pre>
        </details>
      )}
      {extra && (
        <details className={classes.details}>
          <summary>More</summary>
          <pre className={classes.stack}>{formatJson(error.extra)}</pre>
        </details>
      )}
    </div>
  );
}
