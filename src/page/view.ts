import { createContext, useContext } from 'hono/jsx';
import type { z } from '@hono/zod-openapi';
import type { AppEnv } from '../http/authorize.ts';
import type { locationSchema } from '../settings/location.ts';
import type { Api } from './api.ts';
import type { Flash } from './sign-in/flash.ts';
import type { Session } from './sign-in/session.ts';

/** What every page needs to be drawn, beside what it is about. */
export type View = {
  /** What a form sends back to show that it came from this page; empty while nobody is signed in. */
  csrf: string;
  theme: Theme;
  /** Whether somebody is signed in. */
  isSignedIn: boolean;
  /** The one location that a sign-in is bound to, whose page is then all there is. */
  onlyLocationId: string | null;
  flash: Flash | null;
};

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

/** What a page's handlers find in their context; `location` on the pages of a location only. */
export type PageEnv = AppEnv & {
  Variables: {
    view: View;
    session: Session;
    api: Api;
    /** Leaves something for the next page to show once. */
    leave: (flash: Flash) => void;
    location: NamedLocation & Pick<z.output<typeof locationSchema>, 'disableFailingAfterHours'>;
  };
};

/** A location as its pages name it. */
export type NamedLocation = { id: string; title: string };

const signedOut: View = {
  csrf: '',
  theme: 'system',
  isSignedIn: false,
  onlyLocationId: null,
  flash: null,
};

/** Hands the view down to whatever part of the page needs it. */
export const ViewContext = createContext<View>(signedOut);

/** The view of the page that is being drawn. */
export function useView(): View {
  return useContext(ViewContext);
}
