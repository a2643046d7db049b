import DOMPurify from 'dompurify';
import { marked } from 'marked';

/**
 * Markdown from a script as markup that is safe in our own page: no script, no form, no style, no frame, links only to
 * the web and to mail, pictures only from the value itself (nothing is loaded from elsewhere).
 */
export function markdownHtml(text: string): string {
  const html = marked.parse(text, { async: false, gfm: true, breaks: false });
  const purify = DOMPurify(window);
  purify.addHook('afterSanitizeAttributes', (node) => {
    if (node.nodeName === 'A') {
      node.setAttribute('target', '_blank');
      node.setAttribute('rel', 'noopener noreferrer');
    }
    if (
      node.nodeName === 'IMG' &&
      !/^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i.test(node.getAttribute('src') ?? '')
    ) {
      const link = document.createElement('a');
      const src = node.getAttribute('src') ?? '';
      if (/^https?:\/\//i.test(src)) {
        link.href = src;
        link.target = '_blank';
        link.rel = 'noopener noreferrer';
      }
      link.textContent = node.getAttribute('alt') || src || 'picture';
      node.replaceWith(link);
    }
  });
  return purify.sanitize(html, {
    ALLOWED_TAGS: [
      'a',
      'b',
      'blockquote',
      'br',
      'code',
      'del',
      'details',
      'dd',
      'div',
      'dl',
      'dt',
      'em',
      'h1',
      'h2',
      'h3',
      'h4',
      'h5',
      'h6',
      'hr',
      'i',
      'img',
      'input',
      'kbd',
      'li',
      'ol',
      'p',
      'pre',
      's',
      'span',
      'strong',
      'sub',
      'summary',
      'sup',
      'table',
      'tbody',
      'td',
      'th',
      'thead',
      'tr',
      'ul',
    ],
    ALLOWED_ATTR: [
      'align',
      'alt',
      'checked',
      'colspan',
      'disabled',
      'height',
      'href',
      'open',
      'rowspan',
      'src',
      'start',
      'title',
      'type',
      'width',
    ],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#|data:image\/(?:png|jpeg|gif|webp|svg\+xml)[;,])/i,
    FORBID_ATTR: ['style', 'class', 'id', 'name'],
  });
}

/**
 * HTML from a script as a document for a sandboxed frame of an origin of its own. The frame allows no script; here we only
 * make it fit our content policy: scripts and handlers go (they would be refused, and noisily), style attributes become
 * rules of a style element that bears the page's nonce, what would be loaded from elsewhere is left out.
 */
export function frameDocument(html: string, nonce: string): string {
  const doc = new DOMParser().parseFromString(html, 'text/html');
  for (const el of doc.querySelectorAll(
    'script, iframe, frame, object, embed, base, meta, link, portal, template, form > [type=submit]',
  ))
    el.remove();
  const rules: string[] = [];
  for (const el of doc.querySelectorAll('*')) {
    for (const attr of [...el.attributes]) {
      const name = attr.name.toLowerCase();
      const value = attr.value.trim();
      if (name.startsWith('on') || name === 'srcdoc' || name === 'ping' || name === 'action' || name === 'formaction')
        el.removeAttribute(attr.name);
      else if (name === 'nonce') el.removeAttribute(attr.name);
      else if (name === 'style') {
        // Braces could close our rule; a declaration list needs none.
        rules.push(`[data-style="${rules.length}"]{${value.replace(/[{}<]/g, '')}}`);
        el.setAttribute('data-style', String(rules.length - 1));
        el.removeAttribute('style');
      } else if (['src', 'srcset', 'poster', 'background'].includes(name) && !/^data:image\//i.test(value))
        el.removeAttribute(attr.name);
      else if (['href', 'xlink:href'].includes(name)) {
        if (el.localName === 'a' && /^(https?:|mailto:)/i.test(value)) {
          el.setAttribute('target', '_blank');
          el.setAttribute('rel', 'noopener noreferrer');
        } else if (!value.startsWith('#')) el.removeAttribute(attr.name);
      }
    }
  }
  for (const style of doc.querySelectorAll('style')) style.setAttribute('nonce', nonce);
  const base = doc.createElement('style');
  base.setAttribute('nonce', nonce);
  base.textContent = `:root{color-scheme:light;font:14px/1.5 system-ui,sans-serif;background:#fff;color:#1a2023}body{margin:12px}table{border-collapse:collapse}td,th{padding:4px 8px}\n${rules.join('\n')}`;
  doc.head.prepend(base);
  return `<!doctype html>${doc.documentElement.outerHTML}`;
}
