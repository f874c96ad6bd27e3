const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };

/** A text of HTML as it reads. @example decoded('&lt;b&gt;'); // '<b>' */
function decoded(html: string): string {
  return html.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_entity, name: string) => entities[name] ?? '');
}

/** What people read of a page: its text without tags, in one line. */
export function textOf(html: string): string {
  return decoded(html.replaceAll(/<[^>]*>/g, ' ')).replaceAll(/\s+/g, ' ');
}

/** The value of an input, the text of a textarea, or what is selected; undefined where there is no such field. */
export function valueOf(html: string, name: string): string | undefined {
  const input = new RegExp(`<input[^>]* name="${name}"[^>]* value="([^"]*)"`).exec(html);
  const area = new RegExp(`<textarea[^>]* name="${name}"[^>]*>([^<]*)</textarea>`).exec(html);
  const select = new RegExp(`<select[^>]* name="${name}".*?<option value="([^"]*)" selected`).exec(html);
  const value = input?.[1] ?? area?.[1] ?? select?.[1];
  return value === undefined ? undefined : decoded(value);
}
