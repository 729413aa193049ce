import { Link, useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import classes from './ui.module.css';

/** The frame of every room: where one is, what can be done here, then the content. */
export function Page({
  title,
  name,
  up,
  mark,
  description,
  actions,
  fill = false,
  children,
}: {
  /** Of the document; the heading too unless `name` is given. */
  readonly title: string;
  readonly name?: ReactNode;
  /** The list this thing is one of. */
  readonly up?: { readonly to: string; readonly search?: Readonly<Record<string, string>>; readonly label: string };
  readonly mark?: ReactNode;
  readonly description?: ReactNode;
  readonly actions?: ReactNode;
  /** The content scrolls by itself and takes the height that is left. */
  readonly fill?: boolean;
  readonly children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    document.title = `${title} · HiveKey`;
  }, [title]);
  // A screen reader is told of the new room, and the keyboard starts at its top.
  // biome-ignore lint/correctness/useExhaustiveDependencies: focus moves when the path changes, and only then
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <div className={classes.page} data-fill={fill}>
      <header className={classes.pageHead}>
        <div className={classes.pageTitle}>
          {up === undefined ? null : (
            <nav aria-label="Breadcrumb" className={classes.crumb}>
              <Link to={up.to} {...(up.search === undefined ? {} : { search: up.search })}>
                {up.label}
              </Link>
              <span aria-hidden>/</span>
            </nav>
          )}
          <h1 ref={heading} tabIndex={-1} className="truncate">
            {name ?? title}
          </h1>
          {mark}
        </div>
        {actions === undefined ? null : <div className={classes.pageActions}>{actions}</div>}
        {description === undefined ? null : <p className={classes.pageDescription}>{description}</p>}
      </header>
      {children}
    </div>
  );
}

export function Section({
  title,
  aside,
  children,
}: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className={classes.section} aria-label={title}>
      <div className={classes.sectionHead}>
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** Names and values, one below the other. Rows without a value are left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) =>
        value === undefined || value === null || value === '' ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

export function Panel({ children }: { readonly children: ReactNode }) {
  return <div className={classes.panel}>{children}</div>;
}
