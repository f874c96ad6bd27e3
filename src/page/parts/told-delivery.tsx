import { OutcomeBadge } from './outcome.tsx';
import { type Told, tellDelivery, tellDetail } from '../words.ts';

type Props = {
  delivery: Told;
  /** Where more of it is shown. */
  path: string;
  /** The words of the link there. */
  link: string;
};

/** How a delivery went: in words, what to do about it, and in short for developers. */
export function ToldDelivery({ delivery, path, link }: Props) {
  const { what, advice } = tellDelivery(delivery);
  const detail = tellDetail(delivery);
  return (
    <div class="result">
      <OutcomeBadge outcome={delivery.outcome} />
      <p>
        {what} {advice}
      </p>
      <p class="hint">
        {detail && `${detail} · `}
        <a href={path}>{link}</a>
      </p>
    </div>
  );
}
