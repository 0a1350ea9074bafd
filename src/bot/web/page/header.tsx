import { useState } from 'preact/hooks';
import { GalleryIcon, MenuIcon, MoonIcon, SunIcon } from './icons.tsx';
import type { PageEvent, PageState } from './page-state.ts';

const themeKey = 'fresco-theme';

function isDarkNow(): boolean {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
}
const remembered = localStorage.getItem(themeKey);
if (remembered !== null) document.documentElement.dataset['theme'] = remembered;

export function Header({ state, tell }: { readonly state: PageState; readonly tell: (event: PageEvent) => void }) {
  const [isDark, setDark] = useState(isDarkNow);
  const toggleTheme = () => {
    const next = isDark ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = next;
    localStorage.setItem(themeKey, next);
    setDark(!isDark);
  };
  const title = state.conversations.find(({ id }) => id === state.open)?.title;
  return (
    <header>
      <button
        type="button"
        class="icon-button only-narrow"
        aria-label="Conversations"
        aria-expanded={state.isSidebarOpen}
        onClick={() => tell({ type: 'sidebar', isOpen: !state.isSidebarOpen })}
      >
        <MenuIcon />
      </button>
      <h1>{state.view === 'gallery' ? 'Your pictures' : (title ?? 'New conversation')}</h1>
      <span class={state.isConnected ? 'connection' : 'connection lost'} role="status">
        {state.isConnected ? '' : 'connecting …'}
      </span>
      <button
        type="button"
        class="icon-button"
        aria-label={state.view === 'gallery' ? 'Back to the conversation' : 'Your pictures'}
        aria-pressed={state.view === 'gallery'}
        onClick={() => tell({ type: 'view', view: state.view === 'gallery' ? 'talk' : 'gallery' })}
      >
        <GalleryIcon />
      </button>
      <button type="button" class="icon-button" aria-label={isDark ? 'Light colours' : 'Dark colours'} onClick={toggleTheme}>
        {isDark ? <SunIcon /> : <MoonIcon />}
      </button>
    </header>
  );
}
