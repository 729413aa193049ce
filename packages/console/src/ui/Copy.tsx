import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { Scrolled } from './Scrolled.tsx';
import classes from './ui.module.css';

/** Copies `value`. `what` names it for the tooltip and for screen readers. */
function Copy({ value, what }: { readonly value: string; readonly what: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `Copy ${what}`}>
          <ActionIcon size={22} onClick={copy} aria-label={copied ? `${what} copied` : `Copy ${what}`}>
            {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** An identifier, hash or address: monospace, cut short where there is no room, copied whole. */
export function Identifier({ value, what }: { readonly value: string; readonly what: string }) {
  return (
    <span className={classes.identifier}>
      <Tooltip label={value}>
        <span className="mono truncate">{value}</span>
      </Tooltip>
      <Copy value={value} what={what} />
    </span>
  );
}

/** Text to paste elsewhere: a command, a configuration, a credential. */
export function CodeBlock({
  code,
  what,
  wrap = false,
}: {
  readonly code: string;
  readonly what: string;
  readonly wrap?: boolean;
}) {
  return (
    <div className={classes.codeBlock}>
      <Scrolled label={what}>
        <pre data-wrap={wrap}>{code}</pre>
      </Scrolled>
      <span className={classes.codeCopy}>
        <Copy value={code} what={what} />
      </span>
    </div>
  );
}
