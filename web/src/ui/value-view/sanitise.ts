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
    // Of forms only the ticks of a task list stay, and nobody can change them.
    if (node.nodeName === 'INPUT') {
      if (node.getAttribute('type') === 'checkbox') node.setAttribute('disabled', '');
      else node.remove();
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
  return purify.sanitize(quiet(html.replace(/<style\b[\s\S]*?(?:<\/style\s*>|$)/gi, ''), ''), {
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
    // These hold no address; the pattern above is for those that do.
    ADD_URI_SAFE_ATTR: [
      'align',
      'checked',
      'colspan',
      'disabled',
      'height',
      'open',
      'rowspan',
      'start',
      'type',
      'width',
    ],
    FORBID_ATTR: ['style', 'class', 'id', 'name'],
  });
}

/**
 * HTML from a script as a document for a sandboxed frame of an origin of its own. The frame allows no script; here we only
 * make it fit our content policy: scripts and handlers go (they would be refused, and noisily), style attributes become
 * rules of a style element that bears the page's nonce, what would be loaded from elsewhere is left out.
 */
export function frameDocument(html: string, nonce: string): string {
  const doc = new DOMParser().parseFromString(quiet(html, nonce), 'text/html');
  for (const el of doc.querySelectorAll(BARRED)) el.remove();
  const rules: string[] = [];
  for (const el of doc.querySelectorAll('*')) {
    for (const attr of [...el.attributes]) {
      const name = attr.name.toLowerCase();
      if (name === HELD || name === 'style') {
        // Braces could close our rule; a declaration list needs none.
        rules.push(`[data-style="${rules.length}"]{${local(attr.value).replace(/[{}<]/g, '')}}`);
        el.setAttribute('data-style', String(rules.length - 1));
        el.removeAttribute(attr.name);
      } else if (!mayStay(el, name, attr.value.trim())) el.removeAttribute(attr.name);
    }
    if (el.localName === 'a' && el.hasAttribute('href')) {
      el.setAttribute('target', '_blank');
      el.setAttribute('rel', 'noopener noreferrer');
    }
  }
  for (const style of doc.querySelectorAll('style')) {
    // First the nonce: changed text is judged at once.
    style.setAttribute('nonce', nonce);
    const text = style.textContent ?? '';
    if (local(text) !== text) style.textContent = local(text);
  }
  const base = doc.createElement('style');
  base.setAttribute('nonce', nonce);
  base.textContent = `${BASE}\n${rules.join('\n')}`;
  doc.head.prepend(base);
  return `<!doctype html>${doc.documentElement.outerHTML}`;
}

const BARRED = 'script, iframe, frame, object, embed, base, meta, link, portal, template, noscript, style[src]';
const BASE =
  ':root{color-scheme:light;font:14px/1.5 system-ui,sans-serif;background:#fff;color:#1a2023}body{margin:12px}table{border-collapse:collapse}td,th{padding:4px 8px}';
const HELD = 'data-held-style';

function mayStay(el: Element, name: string, value: string): boolean {
  if (name.startsWith('on') || ['srcdoc', 'ping', 'action', 'formaction', 'nonce'].includes(name)) return false;
  if (['src', 'srcset', 'poster', 'background'].includes(name)) return /^data:image\//i.test(value);
  if (name === 'href' || name === 'xlink:href') {
    return value.startsWith('#') || (el.localName === 'a' && /^(https?:|mailto:)/i.test(value));
  }
  return true;
}

/** Style text that loads nothing. */
function local(css: string): string {
  return css.replace(/@import[^;]*;?/gi, '').replace(/url\(\s*(?!['"]?data:image\/)[^)]*\)/gi, 'none');
}

/**
 * A browser tells of style attributes and handlers that the policy refuses while it parses, before anybody could take them
 * away. This takes most of them out of the text first. It is for silence only: what it misses is taken out of the tree.
 */
function quiet(html: string, nonce: string): string {
  return html.replace(/<[a-z][^>]*>/gi, (tag) =>
    tag
      .replace(/([\s"'/])on[a-z]+(?=\s*=)/gi, '$1data-dropped')
      .replace(/([\s"'/])style(?=\s*=)/gi, `$1${HELD}`)
      .replace(/^<style\b/i, `<style nonce="${nonce}"`),
  );
}
