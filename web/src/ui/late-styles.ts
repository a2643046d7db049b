const PAUSE_MS = 2000;

/**
 * Asks again for styles of a page that did not arrive: the bundler asks once per document, so a page that was opened
 * while the server was away would stay bare.
 */
export function keepStyles(): void {
  window.addEventListener('vite:preloadError', (event) => {
    const href = /preload CSS for (\S+)/.exec(event.payload.message)?.[1];
    if (href) link(href);
  });
}

function link(href: string): void {
  const sheet = document.createElement('link');
  sheet.rel = 'stylesheet';
  sheet.href = href;
  sheet.addEventListener('error', () => {
    sheet.remove();
    setTimeout(() => link(href), PAUSE_MS);
  });
  document.head.append(sheet);
}
