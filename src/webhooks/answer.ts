import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';
import { maskInBytes, maskInJson, maskInText } from './hidden-values.ts';

/** The body of a third party's answer as apps get it: JSON, text, or bytes with their type. */
export type AnswerData = unknown;

/** A third party's answer as it came. */
export type RawAnswer = { body: Buffer; contentType: string; contentEncoding: string };

/** What was asked for and cannot be read. `too_large`: more than the cap, also after decompression. */
export type Unreadable = { unreadable: 'too_large' | 'protocol' };

const decompressors = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: inflateEither,
  br: promisify(brotliDecompress),
};

/** Servers disagree whether `deflate` has a zlib header (RFC 9110, 8.4.1.2), whose first byte names the method, 8. */
function inflateEither(body: Buffer, options: ZlibOptions): Promise<Buffer> {
  const hasHeader = ((body[0] ?? 0) & 0x0f) === 8;
  return promisify<Buffer, ZlibOptions, Buffer>(hasHeader ? inflate : inflateRaw)(body, options);
}

/**
 * Undoes the content encoding of an answer, never beyond `maxBytes` of output.
 * @example await decompress({ body, contentType: 'application/json', contentEncoding: 'gzip' }, 1024 * 1024);
 */
export async function decompress(
  { body, contentEncoding }: RawAnswer,
  maxBytes: number,
): Promise<Buffer | Unreadable> {
  const encoding = contentEncoding.trim().toLowerCase();
  if (body.length === 0 || encoding === '' || encoding === 'identity') return body;
  if (!isKnown(encoding)) return { unreadable: 'protocol' };
  try {
    return await decompressors[encoding](body, { maxOutputLength: maxBytes });
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return { unreadable: isTooLarge ? 'too_large' : 'protocol' };
  }
}

function isKnown(encoding: string): encoding is keyof typeof decompressors {
  return Object.hasOwn(decompressors, encoding);
}

/**
 * Reads a body by its content type: JSON is parsed (what claims to be and is not comes as text), text is decoded, anything
 * else is `{ contentType, base64 }`; null when it is empty. Hidden values are masked wherever they stand.
 * @param hidden values that the app must not see, e.g. credentials of the registration.
 */
export function readData(body: Buffer, contentType: string, hidden: string[]): AnswerData {
  if (body.length === 0) return null;
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  if (isJson(type)) return readJson(decode(body, []), hidden);
  if (isText(type)) return maskInText(decode(body, parameters), hidden);
  return {
    contentType: maskInText(contentType, hidden),
    base64: maskInBytes(body, hidden).toString('base64'),
  };
}

/** Levels of nesting; JSON that has more comes as text, for not everybody who reads it could follow. */
const maxLevels = 500;

function readJson(text: string, hidden: string[]): unknown {
  const value = parse(text);
  const isUsable = value !== undefined && isNestedWithin(value, maxLevels);
  return isUsable ? maskInJson(value, hidden) : maskInText(text, hidden);
}

/** undefined for what is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => isNestedWithin(item, levels - 1));
}

const isJson = (type: string) => /^application\/(.+\+)?json$/.test(type);
const isText = (type: string) =>
  type === '' || /^text\/|^application\/((.+\+)?xml|javascript|x-www-form-urlencoded)$/.test(type);

/** UTF-8, unless the answer names another charset that is known. What is not valid becomes U+FFFD. */
function decode(body: Buffer, parameters: string[]): string {
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  try {
    return new TextDecoder(charset?.replaceAll('"', '')).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}
