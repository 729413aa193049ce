import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import type { ComponentPropsWithoutRef } from 'react';
import { useRefusal } from '../app/may.ts';

type Props = ButtonProps & Omit<ComponentPropsWithoutRef<'button'>, keyof ButtonProps>;

/**
 * A button that does what the route `needs` does, e.g. `POST /v1/people`. Whose roles do not allow it finds it off, with
 * the reason on hover and focus. So does whom it is refused to for another reason, `refusal`.
 */
export function ActButton({
  needs,
  refusal: other,
  ...button
}: Props & { readonly needs: string; readonly refusal?: string | undefined }) {
  const refusal = useRefusal(needs) ?? other;
  if (refusal === undefined) return <Button {...button} />;
  return (
    <Tooltip label={refusal}>
      <Button
        {...button}
        type="button"
        data-disabled
        aria-disabled
        aria-description={refusal}
        onClick={(event) => event.preventDefault()}
      />
    </Tooltip>
  );
}
