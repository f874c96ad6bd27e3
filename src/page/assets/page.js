// What the page does beyond HTML and htmx. Everything that matters works without it.
// @ts-check

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });
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
    time.textContent = time.dataset['format'] === 'relative' ? tellAgo(at) : text;
  }
}

/** Fields for a time are filled in, and sent, in the zone of whoever looks. @param {ParentNode} root */
function localiseFields(root) {
  for (const field of root.querySelectorAll('input[name=zone]'))
    if (field instanceof HTMLInputElement) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
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

document.addEventListener('htmx:afterSwap', (event) => {
  if (event.target instanceof Element) prepare(event.target.parentElement ?? event.target);
});
setInterval(() => localiseTimes(document), 30_000);
prepare(document);
