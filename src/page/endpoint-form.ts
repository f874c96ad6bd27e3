import { mask } from '../http/custom-headers.ts';
import type { FormValues } from './form-values.ts';

/** A webhook's settings as they are typed. A stored header has a value that nobody sees, and keeps it unless another is typed. */
export type EndpointForm = {
  url: string;
  description: string;
  actions: string[];
  headers: { name: string; value: string; isStored: boolean }[];
};

/** A form for a webhook that is to be added. */
export const emptyEndpointForm: EndpointForm = {
  url: '',
  description: '',
  actions: ['create', 'delete'],
  headers: [],
};

/** Reads the form; rows of headers without name and value are left out. */
export function readEndpointForm({ one, all }: FormValues): EndpointForm {
  const [names, values, stored] = [all('headerName'), all('headerValue'), all('storedHeader')];
  const headers = names.map((name, n) => ({
    name: name.trim(),
    value: values[n] ?? '',
    isStored: stored.includes(name),
  }));
  return {
    url: one('url').trim(),
    description: one('description').trim(),
    actions: all('actions'),
    headers: headers.filter(({ name, value }) => name !== '' || value !== ''),
  };
}

/** The form as the API takes it: a stored header whose value is left alone keeps it. */
export function toEndpointBody({ headers, ...settings }: EndpointForm) {
  const entries = headers.map(({ name, value, isStored }) => [name, value === '' && isStored ? mask : value]);
  return { ...settings, headers: Object.fromEntries(entries) };
}
