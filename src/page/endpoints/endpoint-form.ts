import type { FormValues } from '../forms/form-values.ts';
import { readHeaders, toHeaders, type TypedHeader } from '../forms/header-values.ts';

/** A webhook's settings as they are typed. */
export type EndpointForm = {
  url: string;
  description: string;
  actions: string[];
  headers: TypedHeader[];
};

/** A form for a webhook that is to be added. */
export const emptyEndpointForm: EndpointForm = {
  url: '',
  description: '',
  actions: ['create', 'delete'],
  headers: [],
};

/** Reads the form. */
export function readEndpointForm(values: FormValues): EndpointForm {
  return {
    url: values.one('url').trim(),
    description: values.one('description').trim(),
    actions: values.all('actions'),
    headers: readHeaders(values),
  };
}

/** The form as the API takes it. */
export function toEndpointBody({ headers, ...settings }: EndpointForm) {
  return { ...settings, headers: toHeaders(headers) };
}
