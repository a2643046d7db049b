// The page carries a value that style elements must bear to be obeyed; whoever makes style elements takes it from here.

/** The nonce of this page's content policy; empty when the page has none (tests). */
export function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
}
