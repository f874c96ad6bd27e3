/** The folder of this package, which holds `src` and what is built from it in `dist`. */
export const root = new URL('..', import.meta.url);
