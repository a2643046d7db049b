// Sets the colour scheme before the first paint, from what the viewer chose here, else from the system.
(() => {
  let choice = 'auto';
  try {
    choice = localStorage.getItem('ui.colour-scheme') ?? 'auto';
  } catch {
    // Storage is off: follow the system.
  }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const scheme = choice === 'light' || choice === 'dark' ? choice : dark ? 'dark' : 'light';
  document.documentElement.setAttribute('data-mantine-color-scheme', scheme);
})();
