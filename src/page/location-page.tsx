import type { Child } from 'hono/jsx';
import { Layout } from './layout.tsx';
import { type NamedLocation, useView } from './view.ts';

const tabs = {
  overview: { title: 'Overview', path: '' },
  webhooks: { title: 'Webhooks', path: '/webhooks' },
  deliveries: { title: 'Deliveries', path: '/deliveries' },
  api: { title: 'API', path: '/api' },
  registeredWebhooks: { title: 'Registered webhooks', path: '/registered-webhooks' },
  flows: { title: 'Flows', path: '/flows' },
  audit: { title: 'Audit', path: '/audit' },
} as const;

/** The tabs of a location. */
export type Tab = keyof typeof tabs;

type Props = {
  location: NamedLocation;
  tab: Tab;
  /** What the page is about, when it is one thing of the tab. */
  title?: string;
  children?: Child;
};

/** The path of a tab. @example pathOfTab('kamen-test', 'webhooks'); // '/locations/kamen-test/webhooks' */
export function pathOfTab(locationId: string, tab: Tab): string {
  return `/locations/${locationId}${tabs[tab].path}`;
}

/** A page of a location, below its tabs. */
export function LocationPage({ location, tab, title, children }: Props) {
  const { onlyLocationId } = useView();
  const crumbs = [
    ...(onlyLocationId ? [] : [{ title: 'Locations', path: '/locations' }]),
    { title: location.title, path: pathOfTab(location.id, 'overview') },
    ...(tab === 'overview' ? [] : [{ title: tabs[tab].title, path: pathOfTab(location.id, tab) }]),
    ...(title ? [{ title, path: '' }] : []),
  ];
  const shownTitle = title ?? (tab === 'overview' ? location.title : tabs[tab].title);
  return (
    <Layout title={shownTitle} crumbs={crumbs} tabs={<Tabs location={location} current={tab} />}>
      {children}
    </Layout>
  );
}

function Tabs({ location, current }: { location: NamedLocation; current: Tab }) {
  return (
    <nav class="tabs" aria-label={location.title}>
      <ul>
        {Object.entries(tabs).map(([name, { title, path }]) => (
          <li>
            <a href={`/locations/${location.id}${path}`} aria-current={name === current ? 'page' : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
