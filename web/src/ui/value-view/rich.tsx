import { useMemo } from 'react';
import { nonce } from '../nonce';
import { frameDocument, markdownHtml } from './sanitise';
import classes from './value-view.module.css';

/** Loaded when a value asks for it: the sanitiser and the Markdown reader are no part of the first page. */
export function Markdown({ text, label }: { text: string; label: string }) {
  const html = useMemo(() => markdownHtml(text), [text]);
  return (
    // sanitised in markdownHtml, with tests of the known attacks.
    <article className={classes.markdown} aria-label={label} dangerouslySetInnerHTML={{ __html: html }} />
  );
}

/** The frame has an origin of its own and no right to run scripts, submit forms or move our page. */
export function HtmlFrame({ html, label }: { html: string; label: string }) {
  const doc = useMemo(() => frameDocument(html, nonce()), [html]);
  return (
    <iframe className={classes.html} title={label} sandbox="allow-popups" srcDoc={doc} referrerPolicy="no-referrer" />
  );
}
