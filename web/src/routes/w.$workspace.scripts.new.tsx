import { createFileRoute } from '@tanstack/react-router';

// The page of this route follows from the script and run features.
export const Route = createFileRoute('/w/$workspace/scripts/new')({ component: () => null });
