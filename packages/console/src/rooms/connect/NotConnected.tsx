import { getRouteApi } from '@tanstack/react-router';
import { useEffect } from 'react';
import mark from '../../app/mark.svg';
import classes from '../sign-in/SignIn.module.css';
import { refusedWords } from './words.ts';

const route = getRouteApi('/connect');

/** What a client asked was not right, so that the browser is not sent to where it says. */
export function NotConnected() {
  const { refused = '' } = route.useSearch();
  useEffect(() => {
    document.title = 'Not connected · HiveKey';
  }, []);
  return (
    <main className={classes.room}>
      <div className={classes.form}>
        <p className={classes.brand}>
          <img src={mark} width={22} height={22} alt="" />
          HiveKey
        </p>
        <h1>The client was not connected</h1>
        <p role="alert" className={classes.refused}>
          {refusedWords(refused)} <code>{refused}</code>
        </p>
        <p className="muted">Nothing was given to it. Begin again at the client; if it stays, tell whoever makes it.</p>
      </div>
    </main>
  );
}
