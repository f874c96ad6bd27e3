import { clean } from './output.ts';

/** A cell: its text, which may come from anywhere, and how it is painted. */
export type Cell = string | { text: string; paint: (text: string) => string };

/**
 * Rows in aligned columns, two spaces apart, under their heads.
 * @example table(['ID', 'TITLE'], [['kamen-test', 'Kamen Test']]); // 'ID          TITLE\nkamen-test  Kamen Test'
 */
export function table(heads: Cell[], rows: Cell[][]): string {
  return align([heads, ...rows]);
}

/** Rows in aligned columns without heads. */
export function align(rows: Cell[][]): string {
  const lines = rows.map((row) => row.map(toText));
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => widthOf(line[column] ?? ''))),
  );
  return rows
    .map((row) =>
      row.map((cell, column) => pad(cell, column === row.length - 1 ? 0 : (widths[column] ?? 0))).join('  '),
    )
    .join('\n');
}

function toText(cell: Cell): string {
  return clean(typeof cell === 'string' ? cell : cell.text);
}

function pad(cell: Cell, width: number): string {
  const text = toText(cell);
  const painted = typeof cell === 'string' ? text : cell.paint(text);
  return painted + ' '.repeat(Math.max(0, width - widthOf(text)));
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** What terminals draw two columns wide: East Asian letters and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns that a terminal needs for a text. */
function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}
