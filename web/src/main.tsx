// First of all: it says which layer of styles stands above which.
import './ui/tokens/tokens.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Problem } from './api/problem';
import { queryClient } from './api/queries';
import { router } from './router';
import { keepStyles } from './ui/late-styles';
import { UiProvider } from './ui/provider';

keepStyles();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

createRoot(root, {
  // What the server refuses is told on the page, with what to do; only our own errors belong in the console too.
  onCaughtError: (error) => {
    if (!(error instanceof Problem)) console.error(error);
  },
}).render(
  <StrictMode>
    <UiProvider>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </UiProvider>
  </StrictMode>,
);
