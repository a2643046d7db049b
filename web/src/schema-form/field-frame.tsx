import type { ReactNode } from 'react';
import classes from './schema-form.module.css';

export interface FieldFrameProps {
  id: string;
  label: string;
  type: string;
  required: boolean;
  description?: string;
  error?: string;
  /** The children are several controls: they get a group's name instead of a label. */
  group?: boolean;
  tools?: ReactNode;
  onBlur?: () => void;
  children: ReactNode;
}

/** Name, type, description and problem around a control. Controls take `id` and `${id}-note` for what describes them. */
export function FieldFrame({
  id,
  label,
  type,
  required,
  description,
  error,
  group,
  tools,
  onBlur,
  children,
}: FieldFrameProps) {
  const name = (
    <>
      <span className={classes.name}>{label}</span>
      {required && (
        <span className={classes.required} aria-hidden>
          *
        </span>
      )}
    </>
  );
  return (
    <div
      className={classes.field}
      role={group ? 'group' : undefined}
      aria-labelledby={group ? `${id}-label` : undefined}
      data-invalid={error !== undefined || undefined}
      onBlur={(e) => {
        // Moving within a group of fields is not leaving it.
        if (!e.currentTarget.contains(e.relatedTarget)) onBlur?.();
      }}
    >
      <div className={classes.head}>
        {group ? (
          <span id={`${id}-label`} className={classes.label}>
            {name}
          </span>
        ) : (
          <label id={`${id}-label`} htmlFor={id} className={classes.label}>
            {name}
          </label>
        )}
        <span className={classes.type}>{type}</span>
        {tools}
      </div>
      {children}
      <div id={`${id}-note`} className={classes.note}>
        {error !== undefined && (
          <p className={classes.error} role="alert">
            {error}
          </p>
        )}
        {description && <p className={classes.description}>{description}</p>}
      </div>
    </div>
  );
}
