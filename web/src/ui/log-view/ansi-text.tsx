import { type ReactNode, useMemo } from 'react';
import { type Token, tokens } from './ansi';
import classes from './ansi-text.module.css';

/** Text with terminal colours, as elements: nothing in it becomes markup. Lines are the caller's. */
export function AnsiText({
  text,
  sgr = '',
  renderText,
}: {
  text: string;
  sgr?: string;
  /** Shows the characters of a token in another way, to mark parts of them. */
  renderText?: (token: Token) => ReactNode;
}) {
  const parts = useMemo(() => tokens(text, sgr), [text, sgr]);
  return (
    <span className={classes.text}>
      {parts.map((t, i) => {
        const style = {
          color: t.color,
          background: t.background,
          fontWeight: t.bold ? 600 : undefined,
          opacity: t.faint ? 0.7 : undefined,
          fontStyle: t.italic ? 'italic' : undefined,
          textDecoration: t.underline ? 'underline' : undefined,
        };
        const content = renderText ? renderText(t) : t.text;
        return t.href ? (
          <a key={i} href={t.href} target="_blank" rel="noopener noreferrer" style={style}>
            {content}
          </a>
        ) : (
          <span key={i} style={style}>
            {content}
          </span>
        );
      })}
    </span>
  );
}
