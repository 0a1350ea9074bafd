import { useState } from 'preact/hooks';
import { api } from './api.ts';

export function Login({ onSignedIn }: { readonly onSignedIn: () => void }) {
  const [problem, setProblem] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = event.target instanceof HTMLFormElement ? new FormData(event.target).get('password') : '';
    api.login(typeof field === 'string' ? field : '').then(onSignedIn, (error: Error) => setProblem(error.message));
  };
  return (
    <form class="door" onSubmit={submit}>
      <img src="/icon.svg" alt="" width="56" height="56" />
      <h1>Fresco</h1>
      <label>
        Password
        <input type="password" name="password" autocomplete="current-password" required />
      </label>
      <button type="submit" class="primary">
        Sign in
      </button>
      <p role="alert">{problem}</p>
    </form>
  );
}
