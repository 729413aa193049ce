/** Short words in the corner: what was done, or why it was not. */
import { notifications } from '@mantine/notifications';
import { asApiError } from '../api/problem.ts';

const CLOSE = { closeButtonProps: { 'aria-label': 'Dismiss' } };

export function notifyDone(message: string): void {
  notifications.show({ ...CLOSE, message, color: 'teal' });
}

export function notifyError(error: unknown): void {
  const { message, remedy, code, requestId } = asApiError(error);
  notifications.show({
    ...CLOSE,
    title: message,
    message: `${remedy} (${[code, requestId].filter((each) => each !== undefined).join(', ')})`,
    color: 'red',
    autoClose: false,
  });
}
