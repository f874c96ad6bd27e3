import type { InputAttributes } from './form.tsx';
import { Field } from './form.tsx';

type Props = { locationId: string; uuid?: string; mistake?: string | undefined };

/** Asks what happened to a session. */
export function SessionSearch({ locationId, uuid = '', mistake }: Props) {
  const input = (attributes: InputAttributes) => (
    <div class="search">
      <input
        {...attributes}
        type="search"
        value={uuid}
        required
        placeholder="41509791-3de8-5bb9-b4fc-a9753da95aad"
        autocomplete="off"
        spellcheck={false}
      />
      <button>Search</button>
    </div>
  );
  return (
    <search>
      <form action={`/locations/${locationId}/sessions`}>
        <Field label="What happened to a session?" name="uuid" mistake={mistake}>
          {input}
        </Field>
      </form>
    </search>
  );
}
