/** What texts are painted with, by their SGR codes. */
const colors = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Color = keyof typeof colors;

/** Where a command writes: for people, or with `isJson` for programs. */
type OutputOptions = { isJson: boolean; hasColor: boolean };

/** The two outputs of a command. Results go to standard output, and what is said about them to standard error. */
export class Output {
  readonly isJson: boolean;
  readonly #hasColor: boolean;

  constructor({ isJson, hasColor }: OutputOptions) {
    this.isJson = isJson;
    this.#hasColor = hasColor && process.stdout.isTTY && !isJson;
  }

  /** Whether somebody watches: progress is then drawn in place. */
  get isTty(): boolean {
    return process.stdout.isTTY && !this.isJson;
  }

  /** A result: JSON for programs, `text` for people. */
  show(value: unknown, text: () => string): void {
    process.stdout.write(this.isJson ? `${toJson(value, 2)}\n` : `${text()}\n`);
  }

  /** One result of a stream, a line of JSON for programs. */
  showNext(value: unknown, text: () => string): void {
    process.stdout.write(this.isJson ? `${toJson(value)}\n` : `${text()}\n`);
  }

  /** A word to people that is no result. */
  note(text: string): void {
    if (!this.isJson) process.stderr.write(`${text}\n`);
  }

  /** What people must know, and programs too. */
  warn(text: string): void {
    process.stderr.write(this.isJson ? `${toJson({ warning: text })}\n` : `Warning: ${text}\n`);
  }

  /** Draws over the line that was drawn last; only on a terminal. */
  redraw(text: string): void {
    process.stdout.write(`\r${text}\u001b[K`);
  }

  paint(color: Color, text: string): string {
    return this.#hasColor ? `\u001b[${colors[color]}m${text}\u001b[0m` : text;
  }
}

/** JSON whose texts steer no terminal: what JSON itself leaves as it is, is escaped as well. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(steering, escape);
}

/**
 * A text of others as one line that steers no terminal: control characters, and those that turn the direction of
 * writing, are shown as their escapes.
 * @example clean('a\u001b[2Jb\n'); // 'a\\u001b[2Jb\\u000a'
 */
export function clean(text: string): string {
  return text.replace(control, escape);
}

// oxlint-disable-next-line no-control-regex -- they are what it looks for
const control = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const steering = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
