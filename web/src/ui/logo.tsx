/** The mark: a wheel over two waves. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden focusable="false">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <g fill="none" stroke="oklch(1 0 0)" strokeWidth="2.4" strokeLinecap="round">
        <path d="M16 6v9M11.5 8.5l9 4M20.5 8.5l-9 4" />
        <path d="M6 20c2.5 0 2.5-2 5-2s2.5 2 5 2 2.5-2 5-2 2.5 2 5 2" />
        <path d="M6 25c2.5 0 2.5-2 5-2s2.5 2 5 2 2.5-2 5-2 2.5 2 5 2" strokeOpacity="0.6" />
      </g>
    </svg>
  );
}
