import { useView } from '../view.ts';
import { Copyable } from './copyable.tsx';

/** What the form before this page has to say, once. */
export function Flashed() {
  const { flash } = useView();
  if (!flash) return null;
  if (flash.kind === 'done')
    return (
      <p class="notice good" role="status">
        {flash.text}
      </p>
    );
  return (
    <section class="secret" aria-labelledby="secret-title">
      <h2 id="secret-title">{flash.title}</h2>
      <p>{flash.note}</p>
      <Copyable label={flash.title} text={flash.secret} />
      <p>
        <strong>It is shown this once.</strong> Whoever loses it has to make a new one.
      </p>
      <a class="button" href="">
        I have stored it
      </a>
    </section>
  );
}
