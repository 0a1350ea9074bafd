import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api } from './api.ts';
import { App } from './app.tsx';
import { Login } from './login.tsx';

function Door() {
  const [signedIn, setSignedIn] = useState<boolean | undefined>();
  const [problem, setProblem] = useState('');
  useEffect(() => {
    api.me().then(
      (me) => setSignedIn(me.signedIn),
      (error: Error) => setProblem(error.message),
    );
  }, []);
  if (problem !== '') return <p class="door">{problem}</p>;
  if (signedIn === undefined) return null;
  return signedIn ? <App /> : <Login onSignedIn={() => setSignedIn(true)} />;
}

const root = document.getElementById('app');
if (root !== null) render(<Door />, root);
