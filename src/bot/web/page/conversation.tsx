import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { WireMessage } from '../wire-message.ts';
import { MessageView } from './message-view.tsx';
import type { PageEvent, PageState } from './page-state.ts';

interface ConversationProps {
  readonly state: PageState;
  readonly tell: (event: PageEvent) => void;
  readonly press: (message: WireMessage, action: string) => void;
  readonly suggest: (text: string) => void;
}

export function Conversation({ state, tell, press, suggest }: ConversationProps) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const onScroll = () => {
    const { current } = box;
    if (current !== null) isAtEnd.current = current.scrollHeight - current.scrollTop - current.clientHeight < 80;
  };
  useEffect(() => {
    isAtEnd.current = true;
  }, [state.open]);
  useEffect(() => {
    const { current } = box;
    current?.addEventListener('click', copyCode);
    return () => current?.removeEventListener('click', copyCode);
  }, []);
  useLayoutEffect(() => {
    if (isAtEnd.current) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [state.messages]);

  return (
    <div class="conversation" ref={box} onScroll={onScroll}>
      {state.messages.length === 0 ? (
        <Welcome suggest={suggest} />
      ) : (
        <ol aria-live="polite" aria-relevant="additions">
          {state.messages.map((message) => (
            <MessageView key={message.id} message={message} tell={tell} press={press} />
          ))}
        </ol>
      )}
    </div>
  );
}

/** The copy button of a code block; the blocks come as HTML, so one listener serves them all. */
function copyCode({ target }: Event): void {
  if (!(target instanceof HTMLElement) || !target.classList.contains('copy-code')) return;
  void navigator.clipboard.writeText(target.closest('pre')?.querySelector('code')?.textContent ?? '');
  target.textContent = 'Copied';
}

const suggestions = [
  { title: 'Paint', text: '/imagine a red apple on a blue background' },
  { title: 'Paint in plain words', text: 'draw me a fox and a mushroom' },
  { title: 'Ask', text: 'What can you do?' },
  { title: 'Write code', text: 'Write a Python function that reverses a string.' },
];

function Welcome({ suggest }: { readonly suggest: (text: string) => void }) {
  return (
    <div class="welcome">
      <img src="/icon.svg" alt="" width="64" height="64" />
      <h2>Write or paint something</h2>
      <p>All of it happens on this machine. Nothing leaves it.</p>
      <div class="suggestions">
        {suggestions.map(({ title, text }) => (
          <button type="button" key={text} onClick={() => suggest(text)}>
            <b>{title}</b>
            <span>{text}</span>
          </button>
        ))}
      </div>
    </div>
  );
}
