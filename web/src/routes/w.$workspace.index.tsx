import { createFileRoute } from '@tanstack/react-router';

export const Route = createFileRoute('/w/$workspace/')({
  component: RouteComponent,
});

function RouteComponent() {
  return <div>Hello "/w/$workspace/"!</div>;
}
