import { mask } from '../../http/custom-headers.ts';
import type { FormValues } from './form-values.ts';

/** A header as it is typed. A stored one has a value that nobody sees, and keeps it unless another is typed. */
export type TypedHeader = { name: string; value: string; isStored: boolean };

/** Reads the rows of headers; those without name and value are left out. */
export function readHeaders({ all }: FormValues): TypedHeader[] {
  const [names, values, stored] = [all('headerName'), all('headerValue'), all('storedHeader')];
  return names
    .map((name, n) => ({
      name: name.trim(),
      value: values[n] ?? '',
      isStored: name !== '' && stored[n] === name,
    }))
    .filter(({ name, value }) => name !== '' || value !== '');
}

/** The headers as the API takes them: a stored one whose value is left alone keeps it. */
export function toHeaders(headers: TypedHeader[]): Record<string, string> {
  const entries = headers.map(({ name, value, isStored }) => [name, value === '' && isStored ? mask : value]);
  return Object.fromEntries(entries);
}
