import { freshId } from './api.ts';
import { CloseIcon, PlusIcon } from './icons.tsx';
import type { PageEvent, PageState } from './page-state.ts';

export function Sidebar({ state, tell }: { readonly state: PageState; readonly tell: (event: PageEvent) => void }) {
  return (
    <>
      <button type="button" class="scrim" aria-label="Close the list" tabIndex={-1} onClick={() => tell({ type: 'sidebar', isOpen: false })} />
      <nav aria-label="Conversations">
        <div class="brand">
          <img src="/icon.svg" alt="" width="30" height="30" />
          <span>Fresco</span>
          <button type="button" class="icon-button only-narrow" aria-label="Close the list" onClick={() => tell({ type: 'sidebar', isOpen: false })}>
            <CloseIcon />
          </button>
        </div>
        <button type="button" class="new-conversation" onClick={() => tell({ type: 'open', conversation: freshId() })}>
          <PlusIcon /> New conversation
        </button>
        <ul>
          {state.conversations.map(({ id, title }) => (
            <li key={id}>
              <button
                type="button"
                aria-current={id === state.open && state.view === 'talk' ? 'page' : undefined}
                onClick={() => tell({ type: 'open', conversation: id })}
              >
                {title}
              </button>
            </li>
          ))}
        </ul>
        <DemoNote state={state} />
      </nav>
    </>
  );
}

/** Says plainly which of the models at work are the two small ones, and how to get a better one. */
function DemoNote({ state }: { readonly state: PageState }) {
  const { about } = state;
  if (about === undefined) return null;
  const models = [about.defaults.textModel, about.defaults.imageModel].map((wanted) => about.models.find(({ id }) => id === wanted));
  const demo = models.filter((model) => model?.embedded === true);
  return (
    <div class="models">
      <p>
        Writes with <b>{models[0]?.name ?? about.defaults.textModel}</b>, paints with <b>{models[1]?.name ?? about.defaults.imageModel}</b>.
      </p>
      {demo.length === 0 ? null : (
        <p>
          {demo.length === 2 ? 'Both are small demo models' : `${demo[0]?.name ?? ''} is a small demo model`}: they work at once and offline, and often err. For
          real use: <code>npx fresco models list</code>, then <code>npx fresco models pull ID</code>
        </p>
      )}
    </div>
  );
}
