import { useQuery } from '@tanstack/react-query';
import { type Language, languagesQuery } from './queries';

/** The catalogue's entry of a language by its id; undefined until it is known. */
export function useLanguages(): (id: string | undefined) => Language | undefined {
  const { data } = useQuery(languagesQuery);
  return (id) => data?.find((l) => l.id === id);
}
