export function HomePage({ workspace, query }: { workspace: string; query: string }) {
  return (
    <h1>
      {workspace} {query}
    </h1>
  );
}
