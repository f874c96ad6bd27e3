// What the page does beyond HTML and htmx. Everything that matters works without it.
// @ts-check

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const hour = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** @param {Date} at */
function tellAgo(at) {
  const seconds = (at.getTime() - Date.now()) / 1000;
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  return relative.format(Math.round(seconds / length), unit);
}

/** Tells times in the zone of whoever looks. @param {ParentNode} root */
function localiseTimes(root) {
  for (const time of root.querySelectorAll('time')) {
    const at = new Date(time.dateTime);
    const text = exact.format(at);
    time.title = text;
    const format = time.dataset['format'];
    time.textContent = format === 'relative' ? tellAgo(at) : format === 'hour' ? hour.format(at) : text;
  }
}

/**
 * Fields for a time are filled in, and sent, in the zone of whoever looks; times that were typed keep theirs.
 * @param {ParentNode} root
 */
function localiseFields(root) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  for (const field of root.querySelectorAll('input[name=zone]:not([data-kept])'))
    if (field instanceof HTMLInputElement) field.value = timeZone;
  for (const name of root.querySelectorAll('[data-zone]')) name.textContent = timeZone;
}

/** Says something to screen readers. @param {string} text */
function announce(text) {
  const announcer = document.getElementById('announcer');
  if (announcer) announcer.textContent = text;
}

/** @param {Element} button */
async function copy(button) {
  const block = button.closest('.copyable')?.querySelector('pre');
  const text = block?.textContent ?? '';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not allowed here, e.g. without TLS: the text is marked, to be copied by hand.
    if (block) getSelection()?.selectAllChildren(block);
    announce('Press Ctrl+C to copy');
    return;
  }
  button.textContent = 'Copied';
  announce('Copied');
  setTimeout(() => (button.textContent = 'Copy'), 2000);
}

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-copy]') : null;
  if (button) void copy(button);
});

document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof Element && event.target.closest('input, select, textarea');
  const search = document.querySelector('input[type=search]');
  if (event.key === '/' && !isTyping && search instanceof HTMLInputElement) {
    event.preventDefault();
    search.focus();
  }
  if (event.key !== 'Escape') return;
  const open = event.target instanceof Element ? event.target.closest('details[open]') : null;
  if (!(open instanceof HTMLDetailsElement)) return;
  open.open = false;
  open.querySelector('summary')?.focus();
});

/** A scrollable block can be reached by keyboard; one that fits need not be. @param {ParentNode} root */
function prepare(root) {
  localiseTimes(root);
  localiseFields(root);
}

/** Rows that a log shows at most, and that wait while its reader is elsewhere. */
const maxRows = 200;
/** Milliseconds between two times that new rows are told of: a burst is told once. */
const tellMs = 2000;
/** @type {Map<string, Element>} */
const held = new Map();
let arrived = 0;
let isTelling = false;

/** A row of the log that comes while it is looked at. @param {Element} rows @param {string} html */
function receiveRow(rows, html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  const row = template.content.firstElementChild;
  if (!row) return;
  prepare(template.content);
  const shown = document.getElementById(row.id);
  if (shown) {
    row.classList.remove('arrives');
    shown.replaceWith(row);
    return;
  }
  arrived += 1;
  // Who has scrolled past the top of the log keeps what is before their eyes.
  const isAtTop = rows.getBoundingClientRect().top >= 0 && held.size === 0;
  if (isAtTop && rows.matches('[data-live=shown]')) showRows(rows, [row]);
  else hold(row);
  if (!isTelling) tellNews();
}

/** @param {Element} row */
function hold(row) {
  held.set(row.id, row);
  const [oldest] = held.keys();
  if (oldest && held.size > maxRows) held.delete(oldest);
}

/** @param {Element} rows @param {Iterable<Element>} news oldest first */
function showRows(rows, news) {
  for (const row of news) rows.prepend(row);
  while (rows.children.length > maxRows) rows.lastElementChild?.remove();
}

/** Tells how many there are, now and again while more come. */
function tellNews() {
  const chip = document.querySelector('[data-news]');
  if (chip instanceof HTMLElement) {
    chip.hidden = held.size === 0;
    chip.textContent = `${held.size}${held.size < maxRows ? '' : '+'} new`;
  }
  isTelling = arrived > 0;
  if (!isTelling) return;
  if (held.size === 0) announce(arrived === 1 ? '1 new delivery' : `${arrived} new deliveries`);
  arrived = 0;
  setTimeout(tellNews, tellMs);
}

document.addEventListener('htmx:sseBeforeMessage', (event) => {
  const rows = event.target;
  if (!(event instanceof CustomEvent) || !(rows instanceof Element) || !rows.matches('[data-live]')) return;
  event.preventDefault();
  receiveRow(rows, event.detail.data);
});

document.addEventListener('click', (event) => {
  const chip = event.target instanceof Element ? event.target.closest('[data-news]') : null;
  const rows = document.querySelector('[data-live=shown]');
  if (!chip || !rows) return;
  event.preventDefault();
  showRows(rows, held.values());
  held.clear();
  tellNews();
  rows.closest('section')?.scrollIntoView();
  rows.querySelector('a')?.focus();
});

document.addEventListener('htmx:afterSwap', (event) => {
  if (!(event.target instanceof Element)) return;
  prepare(event.target.parentElement ?? event.target);
  // Screen readers tell only of what changes in a place that was there before.
  if (event.target.matches('[role=status]'))
    announce(event.target.textContent.replaceAll(/\s+/g, ' ').trim());
});
setInterval(() => localiseTimes(document), 30_000);
prepare(document);

// On a phone the tabs are wider than the screen. `scrollIntoView` would let the Tab key begin there.
const tab = document.querySelector('.tabs [aria-current]');
const tabs = tab?.closest('.tabs');
if (tabs && tab instanceof HTMLElement)
  tabs.scrollLeft = tab.offsetLeft - (tabs.clientWidth - tab.clientWidth) / 2;
